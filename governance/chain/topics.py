"""The outbox topics of the chain."""

from consortium.core import outbox

RELAY = "chain.relay"  # payload: {"transaction": id}; persist nonce and hash, then broadcast
CONFIRM = "chain.confirm"  # payload: {"transaction": id}; wait for the receipt


def declare() -> None:
    outbox.declare(outbox.Topic(RELAY, "chain", "governance.chain.tasks.handle_relay"))
    outbox.declare(outbox.Topic(CONFIRM, "chain", "governance.chain.tasks.handle_confirm"))
