"""Reading what the ledger said, from the projection."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from consortium.members.models import Institution
from consortium.members.states import Status
from governance.chain import contracts, folds
from governance.chain import ledger as gateway
from governance.chain.errors import NoLedger
from governance.chain.models import (
    REGISTRY_EVENTS,
    AccountPermission,
    ActionKind,
    ChainEvent,
    IndexedBlock,
    RegistryEntry,
    Seat,
    VotingRule,
)


class Head(NamedTuple):
    """The newest indexed block."""

    block: int
    hash: str
    time: datetime


def head() -> Head:
    """How far the projection reaches. Raises NoLedger until a first block is indexed."""
    newest = IndexedBlock.objects.filter(ledger=gateway.current()).order_by("-number").first()
    if newest is None:
        raise NoLedger
    return Head(newest.number, newest.hash, newest.timestamp)


def seat(uscc: str) -> Seat | None:
    """The seat of the institution with this USCC, revoked ones included; None if it never had one."""
    return Seat.objects.filter(ledger=gateway.current(), member_id=uscc).first()


def active_member_ids() -> set[str]:
    """USCCs of the members that may vote in a proposal opened now."""
    seats = Seat.objects.filter(ledger=gateway.current(), status=Seat.Status.ACTIVE)
    return set(seats.values_list("member_id", flat=True))


def registry(network: str) -> QuerySet[RegistryEntry]:
    """All nodes with a role on the network, by node id, whether or not their member's seat is active."""
    return RegistryEntry.objects.filter(ledger=gateway.current(), network=network)


def roles(network: str) -> list[tuple[str, str, int]]:
    """Of all of them: node id, member, role. Row objects would take ten times as long."""
    return list(registry(network).values_list("consensus_id", "member_id", "role"))


def frozen(network: str, now: datetime) -> set[str]:
    """Ids of the nodes that are out of the lists at ``now``, whatever their role."""
    stopped = registry(network).filter(Q(frozen_until__isnull=False) | Q(freeze_ratified=True))
    return {entry.consensus_id for entry in stopped if entry.is_frozen(now)}


def admitted(network: str, now: datetime) -> list[RegistryEntry]:
    """All nodes with a role that are not frozen at ``now``: those that may take part."""
    return [entry for entry in registry(network) if not entry.is_frozen(now)]


def accounts(network: str) -> list[AccountPermission]:
    """All accounts with a permission on the network, by address."""
    return list(AccountPermission.objects.filter(ledger=gateway.current(), network=network))


def voting_rules() -> dict[int, dict[str, Any]]:
    """What each kind of action needs that is proposed now, by ``ActionKind``.

    From the projection; of a governor that took office later, what it was founded with is asked of itself.
    Raises LedgerUnreachable then.
    """
    ledger = gateway.current()
    known = VotingRule.objects.filter(ledger=ledger, governor=ledger.governor).values_list("kind", "rule")
    rules: dict[int, dict[str, Any]] = dict(known)
    for kind in ActionKind.values:
        if kind not in rules:
            rules[kind] = folds.voting_rule(contracts.governor(ledger).functions.rule(kind).call())
    return rules


def last_registry_change(network: str) -> str:
    """Hash of the transaction that last changed who takes part in the network; empty if none did.

    By the ledger's own order, so that a rebuild says the same. A removal counts, though it leaves no row.
    """
    slug = "0x" + contracts.network_bytes(network).hex()
    changes = ChainEvent.objects.filter(
        ledger=gateway.current(), name__in=REGISTRY_EVENTS, args__network=slug
    ).order_by("-block", "-log_index")
    return changes.values_list("tx_hash", flat=True).first() or ""


def founding_members() -> list[Institution]:
    """Admitted institutions that can be seated: they have a voting address."""
    admitted = Institution.objects.filter(status=Status.ADMITTED, voting_address__isnull=False)
    return list(admitted.select_related("category").order_by("uscc"))
