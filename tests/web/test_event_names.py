"""Every action that the code records has a name for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from consortium.web import wording

PROJECT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("certs", "consortium", "governance")
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
RECORDS = re.compile(r"record|event|entry", re.IGNORECASE)


def recorded() -> set[str]:
    """Actions written where something is recorded; what is put together at run time is not seen."""
    files = [
        file for room in ROOMS for file in (PROJECT / room).rglob("*.py") if "migrations" not in file.parts
    ]
    return {action for file in files for action in actions(ast.parse(file.read_text(encoding="utf-8")))}


def actions(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and RECORDS.search(name(call.func)) and call.args:
            for node in ast.walk(call.args[0]):
                if isinstance(node, ast.Constant) and ACTION.fullmatch(str(node.value)):
                    yield str(node.value)


def name(function: ast.expr) -> str:
    return str(getattr(function, "attr", "") or getattr(function, "id", ""))


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
