"""The log's heads on the ledger: owed by the beat, sent by the relay.

The relay keeps nonce and hash before it sends, and confirms: what is killed, reverted or taken back by a
reorganisation in between it finishes. Here it is only said what the ledger should have. Twice the same is
harmless: one key a head, and the contract takes each size once.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from consortium.core import clock
from consortium.members.models import Network
from governance.chain import calls, relay
from governance.chain import ledger as gateway
from governance.chain.models import Ledger
from governance.permissions import logbook
from governance.permissions.models import Anchor, LogEntry

AGAIN = timedelta(hours=1)  # after a refusal, for which somebody may have found the reason


def anchor_heads() -> list[Anchor]:
    """Owe the ledger each network's newest head that it has not; what was newly owed. Raises NoLedger.

    One at a time for a network: while the ledger is away nothing piles up, and then the newest goes.
    """
    ledger = gateway.current()
    if not ledger.anchors:
        return []
    networks = LogEntry.objects.order_by("network_id").values_list("network_id", flat=True).distinct()
    owed = (_anchor(ledger, network) for network in list(networks))
    return [row for row in owed if row is not None]


def _anchor(ledger: Ledger, network: str) -> Anchor | None:
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=network)
        head = logbook.newest(network)
        if head is None or not _is_due(ledger, head):
            return None
        return _owe(ledger, head)


def _is_due(ledger: Ledger, head: LogEntry) -> bool:
    rows = Anchor.objects.filter(network=head.network_id, contract=ledger.anchors)
    last = rows.select_related("transaction").order_by("-id").first()
    if last is None:
        return True
    if last.has_failed:
        return last.size < head.position or clock.now() - last.wanted_at > AGAIN
    return last.is_on_ledger and last.size < head.position


def _owe(ledger: Ledger, head: LogEntry) -> Anchor:
    key = f"anchor:{ledger.anchors}:{head.network_id}:{head.position}"
    attempts = Anchor.objects.filter(transaction__key__startswith=f"{key}:").count()
    call = calls.anchor(ledger, network=head.network_id, size=head.position, head=head.head)
    return Anchor.objects.create(
        network_id=head.network_id,
        size=head.position,
        head=head.head,
        contract=ledger.anchors,
        transaction=relay.want(ledger, key=f"{key}:{attempts}", to=call.target, data=call.data),
        wanted_at=clock.now(),
    )
