"""Everything public in the contracts says what it is for, to whoever reads it on the ledger."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance.contracts import compile

SOURCES = sorted(compile.SOURCES.glob("*.sol"))
# The head of a declaration, indented by no more than a contract's members are.
DECLARATION = re.compile(
    r"^ {0,4}(?P<what>abstract contract|contract|library|interface|event|error|function|constructor|\w+)\b"
    r"(?P<rest>[^;{]*)[;{]",
    re.MULTILINE,
)
ALWAYS = {"contract", "abstract contract", "library", "interface", "event", "error"}


def public(text: str) -> list[tuple[int, str]]:
    """Where each public declaration begins, and how it reads."""
    found = []
    for match in DECLARATION.finditer(text):
        is_public = match["what"] in ALWAYS or re.search(r"\b(public|external)\b", match["rest"])
        if is_public and match["what"] not in {"return", "import", "using", "pragma"}:
            found.append((match.start(), " ".join(match[0].split())))
    return found


def documented(text: str, start: int) -> bool:
    """Whether a NatSpec comment ends on the line before, remarks to the linter aside."""
    before = [line.strip() for line in text[:start].rstrip("\n").split("\n")]
    while before and before[-1].startswith("// solhint"):
        before.pop()
    return bool(before) and (before[-1].startswith("///") or before[-1].endswith("*/"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_all_that_is_public_is_described(source: Path) -> None:
    text = source.read_text("utf-8")
    declarations = public(text)

    assert declarations
    assert [line for start, line in declarations if not documented(text, start)] == []


def test_what_is_not_described_is_noticed() -> None:
    text = "/// @dev Described.\ncontract A {\n    uint256 public a;\n\n    /// @dev b\n    event B();\n}\n"

    assert [(line, documented(text, start)) for start, line in public(text)] == [
        ("contract A {", True),
        ("uint256 public a;", False),
        ("event B();", True),
    ]
