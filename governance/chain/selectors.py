"""Reading what the ledger said, from the projection."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from consortium.members.models import Institution
from consortium.members.states import Status
from governance.chain import contracts
from governance.chain import ledger as gateway
from governance.chain.errors import NoLedger
from governance.chain.models import ChainEvent, IndexedBlock, RegistryEntry, Seat


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


def last_registry_change(network: str) -> str:
    """Hash of the transaction that last gave, changed or removed a role on the network; empty if none did.

    By the ledger's own order, so that a rebuild says the same. A removal counts, though it leaves no row.
    """
    slug = "0x" + contracts.network_bytes(network).hex()
    changes = ChainEvent.objects.filter(
        ledger=gateway.current(), name="NodeRoleChanged", args__network=slug
    ).order_by("-block", "-log_index")
    return changes.values_list("tx_hash", flat=True).first() or ""


def founding_members() -> list[Institution]:
    """Admitted institutions that can be seated: they have a voting address."""
    admitted = Institution.objects.filter(status=Status.ADMITTED, voting_address__isnull=False)
    return list(admitted.select_related("category").order_by("uscc"))
