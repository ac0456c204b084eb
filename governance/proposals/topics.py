"""The outbox topics of proposals."""

from consortium.core import outbox

EXECUTE = "proposals.execute"  # payload: {"proposal": "<uuid>"}; due when voting ends


def declare() -> None:
    outbox.declare(outbox.Topic(EXECUTE, "chain", "governance.proposals.tasks.handle_execute"))
