"""The answers to the analyser's findings, as the document holds them: one row of a table for each."""

from __future__ import annotations

import re
from typing import TypedDict

ROW = re.compile(r"^\| `(?P<detector>[a-z0-9-]+)` \| `(?P<where>[\w.]+)` \| (?P<answer>.*\S.*) \|$")


class Finding(TypedDict):
    """A detector's name, its impact, where (contract and function, without a line), and what it says."""

    detector: str
    impact: str
    where: str
    text: str


def compare(found: list[Finding], document: str) -> tuple[list[Finding], list[tuple[str, str]]]:
    """The findings that `document` does not answer, and the answers in it to what is not found."""
    answered = {(row["detector"], row["where"]) for line in document.splitlines() if (row := ROW.match(line))}
    keys = {(finding["detector"], finding["where"]) for finding in found}
    return (
        [finding for finding in found if (finding["detector"], finding["where"]) not in answered],
        sorted(answered - keys),
    )
