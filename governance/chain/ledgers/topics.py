"""The outbox topics of ledgers that a committee governs."""

from consortium.core import outbox

SEND = "ledgers.send"  # payload: {"transaction": id}; hand the stored bytes to the ledger
CONFIRM = "ledgers.confirm"  # payload: {"transaction": id}; wait for the receipt

WISH = "ledgers.wish"  # payload: {"network": slug, "consensus_id" or "address": whose}; see ``carrying``


def declare() -> None:
    outbox.declare(outbox.Topic(SEND, "chain", "governance.chain.ledgers.tasks.handle_send"))
    outbox.declare(outbox.Topic(CONFIRM, "chain", "governance.chain.ledgers.tasks.handle_confirm"))
    outbox.declare(outbox.Topic(WISH, "chain", "governance.chain.ledgers.tasks.handle_wish"))
