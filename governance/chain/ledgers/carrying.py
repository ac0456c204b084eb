"""What the members decide on the alliance's ledger, wished for where a committee has the last word.

A node's role or an account's permission in a network whose ledger is a committee's becomes a wish there, as
if the secretariat had entered it: the members have decided, the governors sign. What is wished for is what
the alliance's registry says when it is looked at, so one look too many does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from consortium.core import outbox
from consortium.members.models import Institution, Node
from governance.chain.ledgers import steps, topics, wishes
from governance.chain.ledgers.base import Action
from governance.chain.ledgers.models import CommitteeWish, GovernedLedger
from governance.chain.models import AccountPermission, RegistryEntry

if TYPE_CHECKING:
    from consortium.core.models import Event

_LIVE = {
    wishes.WishState.WAITING,
    wishes.WishState.READY,
    wishes.WishState.SENT,
    wishes.WishState.OPEN,
    wishes.WishState.PASSED,
}


def decided(events: Sequence[Event]) -> None:
    """Owe a look at what these changed, in the transaction that they were recorded in."""
    about = [event for event in events if {"consensus_id", "address"} & event.data.keys()]
    networks = {event.data["network"] for event in about}
    ledgers = GovernedLedger.objects.filter(kind=GovernedLedger.Kind.COMMITTEE, network__in=networks)
    governed = set(ledgers.values_list("network", flat=True)) if networks else set()
    for event in about:
        if event.data["network"] not in governed:
            continue
        what = "consensus_id" if "consensus_id" in event.data else "address"
        payload = {"network": event.data["network"], what: event.data[what]}
        outbox.enqueue(topics.WISH, key=f"{payload['network']} {payload[what]}", payload=payload)


def carry(payload: dict[str, Any]) -> None:
    """Wish for what the registry says of one node or account now, unless that is so or under way."""
    kind = GovernedLedger.Kind.COMMITTEE
    ledger = GovernedLedger.objects.filter(network=payload["network"], kind=kind).first()
    if ledger is None:
        return
    if "consensus_id" in payload:
        _carry_node(ledger, payload["consensus_id"])
    else:
        _carry_account(ledger, payload["address"])


def _carry_node(ledger: GovernedLedger, consensus_id: str) -> None:
    entry = RegistryEntry.objects.filter(network=ledger.network_id, consensus_id=consensus_id).first()
    role = entry.role if entry else steps.NONE
    actions = steps.for_node(consensus_id, current=wishes.role_of(ledger, consensus_id), wanted=role)
    earlier = _under_way(ledger, node=consensus_id)
    if not actions or _asks_for(earlier, actions):
        return
    node = Node.objects.filter(network=ledger.network_id, consensus_id=consensus_id).first()
    wishes.wish_node_role(
        ledger,
        consensus_id=consensus_id,
        role=role,
        actor=wishes.QUEUE,
        reason=_("decided by the alliance's members"),
        institution=node.institution if node else None,
        node_id=node.pk if node else None,
    )


def _carry_account(ledger: GovernedLedger, address: str) -> None:
    entry = AccountPermission.objects.filter(network=ledger.network_id, address=address).first()
    permission = entry.permission if entry else steps.NO_RIGHT
    wanted = steps.for_account(address, permission=permission, deploy_type=1)
    if _asks_for(_under_way(ledger, account=address), wanted):
        return
    wishes.wish_account_permission(
        ledger,
        account=address,
        permission=permission,
        actor=wishes.QUEUE,
        reason=_("decided by the alliance's members"),
        institution=Institution.objects.filter(uscc=entry.member_id).first() if entry else None,
    )


def _under_way(ledger: GovernedLedger, **about: str) -> list[CommitteeWish]:
    rows = CommitteeWish.objects.filter(ledger=ledger, cancelled_at=None, arguments__contains=about)
    states = wishes.states(list(rows.order_by("id")))
    return [row for row in rows.order_by("id") if states[row.pk] in _LIVE]


def _asks_for(rows: Sequence[CommitteeWish], actions: Sequence[Action]) -> bool:
    """Do the last of these wishes come to what the actions do?"""
    last = [(str(row.type), row.arguments) for row in rows][-len(actions) or len(rows) :]
    return bool(actions) and last == [(action.type, action.arguments) for action in actions]
