"""Every action that the code records has a name for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from consortium.web import wording

PROJECT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("certs", "consortium", "governance")
SUBJECTS = {action.split(".")[0] for action in wording.ACTIONS}
# What happened, to what: "proposal.queued", not "proposal.text".
ACTION = re.compile(r"[a-z_]+\.(?!is_)[a-z_]*(ed|sent|lost|held|cast|taken|left|found|on_ledger|again|back)")


def recorded() -> set[str]:
    """Actions written out in the code; what is put together at run time is not seen."""
    files = [
        file for room in ROOMS for file in (PROJECT / room).rglob("*.py") if "migrations" not in file.parts
    ]
    files.remove(Path(wording.__file__))
    found = {action for file in files for action in actions(ast.parse(file.read_text(encoding="utf-8")))}
    return {action for action in found if action.split(".")[0] in SUBJECTS}


def actions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ACTION.fullmatch(node.value):
            yield node.value


def test_every_recorded_action_has_a_name() -> None:
    found = recorded()
    assert {"proposal.queueing_sent", "committee.transaction_mined", "ledger_node.left"} <= found
    assert sorted(found - set(wording.ACTIONS)) == []


def test_every_part_that_acts_by_itself_has_a_name() -> None:
    files = [file for room in ROOMS for file in (PROJECT / room).rglob("*.py")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    found = set(re.findall(r'AutomaticActor\("([a-z ]+)"\)', text))
    assert {"relay", "indexer"} <= found
    assert sorted(found - set(wording.ACTORS)) == []
