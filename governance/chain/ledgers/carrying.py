"""What the members decide on the alliance's ledger, wished for where a committee has the last word.

A node's role or an account's permission in a network whose ledger is a committee's becomes a wish there, as
if the secretariat had entered it: the members have decided, the governors sign. What is wished for is what
the alliance's registry says when it is looked at, so one look too many does nothing. A decision that the
members take back takes its wishes back with it, as far as the ledger does not have them yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from django.utils.translation import gettext as _

from consortium.core import outbox
from consortium.core.events import AutomaticActor
from consortium.members.models import Institution, Node
from governance.chain.ledgers import steps, topics, wishes
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
_WEIGH, _REMOVE, _OPEN = 51, 52, 22  # the types of the proposals that it may take
MEMBERS = AutomaticActor("decisions of members")
_NOT_THERE_YET = {wishes.WishState.WAITING, wishes.WishState.READY}  # nothing of it is on the ledger


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
        _carry(ledger, _Node(ledger, payload["consensus_id"]))
    else:
        _carry(ledger, _Account(ledger, payload["address"]))


class _Subject(Protocol):
    """Whom the members decided about."""

    types: frozenset[int]  # of the proposals that change what the members decided on
    about: dict[str, str]  # as wishes' arguments name it
    wanted: int  # what the registry says now

    def outcome(self, rows: Sequence[CommitteeWish]) -> int | None:
        """What it will be once these wishes have come about; None where nobody knows."""

    def wish(self, rows: Sequence[CommitteeWish]) -> None:
        """Wish for what is wanted, on top of these."""


def _carry(ledger: GovernedLedger, subject: _Subject) -> None:
    under_way = _under_way(ledger, subject)
    if subject.outcome(under_way) == subject.wanted:
        return
    rest = _take_back(under_way)
    if subject.outcome(rest) != subject.wanted:
        subject.wish(rest)


def _under_way(ledger: GovernedLedger, subject: _Subject) -> list[CommitteeWish]:
    kept = CommitteeWish.objects.filter(ledger=ledger, cancelled_at=None)
    about = kept.filter(type__in=subject.types, arguments__contains=subject.about)
    rows = list(about.order_by("id"))
    states = wishes.states(rows)
    return [row for row in rows if states[row.pk] in _LIVE]


def _take_back(rows: Sequence[CommitteeWish]) -> list[CommitteeWish]:
    """Cancel what members' earlier decisions wished for and the ledger does not have; what is left.

    What the secretariat entered stays: it is theirs to take back.
    """
    states = wishes.states(rows)
    ours = [row for row in rows if row.created_by == MEMBERS.get_username()]
    outdated = [row for row in ours if states[row.pk] in _NOT_THERE_YET]
    for row in reversed(outdated):  # the later steps first: no step is blocked by its predecessor's end
        wishes.cancel(row, actor=MEMBERS, reason=_("the alliance's members decided otherwise"))
    gone = {row.pk for row in outdated}
    return [row for row in rows if row.pk not in gone]


class _Node:
    types = frozenset({_WEIGH, _REMOVE})

    def __init__(self, ledger: GovernedLedger, consensus_id: str) -> None:
        entry = RegistryEntry.objects.filter(network=ledger.network_id, consensus_id=consensus_id).first()
        self.ledger, self.consensus_id = ledger, consensus_id
        self.about = {"node": consensus_id}
        self.wanted = entry.role if entry else steps.NONE

    def outcome(self, rows: Sequence[CommitteeWish]) -> int | None:
        if not rows:
            return wishes.role_of(self.ledger, self.consensus_id)
        last = rows[-1]
        if last.type == _REMOVE:
            return steps.NONE
        return steps.SEALER if last.arguments["weight"] else steps.OBSERVER

    def wish(self, rows: Sequence[CommitteeWish]) -> None:
        node = Node.objects.filter(network=self.ledger.network_id, consensus_id=self.consensus_id).first()
        wishes.wish(
            self.ledger,
            steps.for_node(self.consensus_id, current=self.outcome(rows), wanted=self.wanted),
            after=rows[-1] if rows else None,
            actor=MEMBERS,
            reason=_("decided by the alliance's members"),
            institution=node.institution if node else None,
            node_id=node.pk if node else None,
        )


class _Account:
    types = frozenset({_OPEN})

    def __init__(self, ledger: GovernedLedger, address: str) -> None:
        entry = AccountPermission.objects.filter(network=ledger.network_id, address=address).first()
        self.ledger, self.address, self.entry = ledger, address, entry
        self.about = {"account": address}
        self.permission = entry.permission if entry else steps.NO_RIGHT
        self.wanted = int(self.permission == steps.MAY_DEPLOY)  # the committee decides about that alone

    def outcome(self, rows: Sequence[CommitteeWish]) -> int | None:
        return int(rows[-1].arguments["open"]) if rows else None

    def wish(self, rows: Sequence[CommitteeWish]) -> None:
        wishes.wish_account_permission(
            self.ledger,
            account=self.address,
            permission=self.permission,
            actor=MEMBERS,
            reason=_("decided by the alliance's members"),
            institution=Institution.objects.filter(uscc=self.entry.member_id).first() if self.entry else None,
        )
