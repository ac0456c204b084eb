"""The outbox topics of the chain."""

from django.conf import settings

from consortium.core import outbox

RELAY = "chain.relay"  # payload: {"transaction": id}; persist nonce and hash, then broadcast
CONFIRM = "chain.confirm"  # payload: {"transaction": id}; wait for the receipt


def declare() -> None:
    many = settings.RELAY_BATCH
    outbox.declare(outbox.Topic(RELAY, "chain", "governance.chain.tasks.handle_relay", together=many))
    outbox.declare(outbox.Topic(CONFIRM, "chain", "governance.chain.tasks.handle_confirm", together=many))
