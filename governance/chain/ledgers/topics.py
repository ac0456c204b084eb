"""The outbox topics of ledgers that a committee governs."""

from consortium.core import outbox

SEND = "ledgers.send"  # payload: {"transaction": id}; hand the stored bytes to the ledger
CONFIRM = "ledgers.confirm"  # payload: {"transaction": id}; wait for the receipt


def declare() -> None:
    outbox.declare(outbox.Topic(SEND, "chain", "governance.chain.ledgers.tasks.handle_send"))
    outbox.declare(outbox.Topic(CONFIRM, "chain", "governance.chain.ledgers.tasks.handle_confirm"))
