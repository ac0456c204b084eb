"""Reading what the ledger said, from the projection."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from consortium.members.models import Institution
from consortium.members.states import Status
from governance.chain import ledger as gateway
from governance.chain.errors import NoLedger
from governance.chain.models import IndexedBlock, RegistryEntry, Seat


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


def registry(network: str) -> list[RegistryEntry]:
    """All nodes with a role on the network, by node id, whether or not their member's seat is active."""
    return list(RegistryEntry.objects.filter(ledger=gateway.current(), network=network))


def founding_members() -> list[Institution]:
    """Admitted institutions that can be seated: they have a voting address."""
    admitted = Institution.objects.filter(status=Status.ADMITTED, voting_address__isnull=False)
    return list(admitted.select_related("category").order_by("uscc"))
