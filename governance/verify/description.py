"""How a proposal's description is written down on the ledger: each line at its place, and none twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Lines end at a line feed, and at nothing else that some reader may take for the end of a line.
_WRITTEN: Final = re.compile(
    r"Proposal (?P<number>[0-9]+): [^\n]*\n"
    r"(?:Subject: [^\n]*\n)*"
    r"(?:Amends: proposal [0-9]+\n)?"
    r"Text SHA-256: (?P<text>[0-9a-f]{64})\n"
    r"(?P<attachments>(?:Attachment SHA-256: [^\n]*\n)*)"
    r"#governor=eip155:(?P<chain>[0-9]+):(?P<governor>0x[0-9a-fA-F]{40})\n"
    r"#proposer=0x[0-9a-fA-F]{40}"
)
_TEXT: Final = "Text SHA-256:"


@dataclass(frozen=True)
class Description:
    """What a description says. ``attachments`` are lines, ``governor`` is as it is written."""

    number: int
    text_sha256: str
    attachments: list[str]
    chain_id: int
    governor: str


def read(description: str) -> Description | None:
    """None for one that is not written as the console writes them, so that it could be read in two ways."""
    found = _WRITTEN.fullmatch(description)
    if found is None or text_lines(description) != 1:
        return None
    return Description(
        int(found["number"]),
        found["text"],
        found["attachments"].split("\n")[:-1],
        int(found["chain"]),
        found["governor"],
    )


def text_lines(description: str) -> int:
    """How many lines name the hash of a text; there has to be one."""
    return sum(line.startswith(_TEXT) for line in description.split("\n"))
