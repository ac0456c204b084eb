"""Governors and guardians that come and go: whose events are followed, and who is in office.

A governor takes office when the timelock takes proposals from it, and leaves when it no longer does; the
guardians' contract takes office when the registry obeys it. The first governor is known from the deployment.
Who comes later is followed from the block after the one in which it takes office, so that what is known of it
does not depend on when it was read; who has left is followed on.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models

from governance.chain import effects
from governance.chain.contracts import BREAK_GLASS, GOVERNOR, PROPOSER_ROLE, REGISTRY, SEATS, TIMELOCK
from governance.chain.folds import Fact, Row
from governance.chain.models import ChainEvent, Governor, Ledger

_NOBODY = "0x" + "0" * 40
_CHANGES = ("RoleGranted", "RoleRevoked")


def followed(ledger: Ledger) -> list[str]:
    """Addresses of the contracts whose events are followed, those that have left office included."""
    return list(followed_since(ledger))


def followed_since(ledger: Ledger) -> dict[str, int]:
    """Likewise, each with the block after which its events are followed."""
    since = {ledger.seats: -1, ledger.timelock: -1, ledger.registry: -1, ledger.first_governor: -1}
    events = ChainEvent.objects.filter(ledger=ledger, name__in=("RoleGranted", "GuardianSet"))
    for name, args, block in events.order_by("block", "log_index").values_list("name", "args", "block"):
        since.setdefault(_newcomer(name, args), block)
    return {address: block for address, block in since.items() if address}


def contracts_at(ledger: Ledger) -> dict[str, str]:
    """The contracts by address, those that have left office included: what each of them is."""
    found = dict.fromkeys(followed_since(ledger), BREAK_GLASS)
    events = ChainEvent.objects.filter(ledger=ledger, name="RoleGranted", args__role=PROPOSER_ROLE)
    governors = {ledger.first_governor, *events.values_list("args__account", flat=True)}
    found |= dict.fromkeys(governors, GOVERNOR)
    return found | {ledger.seats: SEATS, ledger.registry: REGISTRY, ledger.timelock: TIMELOCK}


def takes_office(facts: Iterable[Fact], known: Iterable[str]) -> int | None:
    """The first block in which somebody takes office who is not among the ``known``; None if nobody does."""
    addresses = {"", *known}
    return min((one.block for one in facts if _newcomer(one.name, one.args) not in addresses), default=None)


def changed_by(facts: Iterable[Fact]) -> bool:
    """Do these events change who is followed?"""
    return any(_newcomer(one.name, one.args) for one in facts)


def fill(ledger: Ledger) -> None:
    """Make the governors' rows, and the ledger's word who is in office, what the events amount to."""
    wanted = _terms(ledger)
    Governor.objects.filter(ledger=ledger).exclude(address__in=wanted).delete()
    for address, row in wanted.items():
        Governor.objects.update_or_create(ledger=ledger, address=address, defaults=row)
    holders = [address for address, row in wanted.items() if row["left_block"] is None]
    former = ledger.governor
    if holders:
        ledger.governor = holders[0]  # who came last waits until its predecessor leaves
    ledger.break_glass = _guardian(ledger)
    Ledger.objects.filter(pk=ledger.pk).update(governor=ledger.governor, break_glass=ledger.break_glass)
    if ledger.governor != former:
        effects.governor_changed(ledger, former)


def _newcomer(name: str, args: Row) -> str:
    """Who takes office by this event; empty for nobody."""
    if name == "RoleGranted" and args["role"] == PROPOSER_ROLE:
        return str(args["account"])
    if name == "GuardianSet" and args["newGuardian"] != _NOBODY:
        return str(args["newGuardian"])
    return ""


def _guardian(ledger: Ledger) -> str:
    set_ = ChainEvent.objects.filter(ledger=ledger, name="GuardianSet").order_by("-block", "-log_index")
    address = set_.values_list("args__newGuardian", flat=True).first()
    return address if address and address != _NOBODY else ""


def _terms(ledger: Ledger) -> dict[str, Row]:
    """By address, in the order in which they took office (for the last time)."""
    terms: dict[str, Row] = {}
    for event in _events(ledger).order_by("block", "log_index"):
        address = event.args["account"]
        if event.name == "RoleGranted":
            terms.pop(address, None)
            where = {"block": event.block, "block_time": event.block_time, "tx_hash": event.tx_hash}
            terms[address] = {**where, "left_block": None, "left_at": None}
        elif address in terms:
            terms[address] |= {"left_block": event.block, "left_at": event.block_time}
    return terms


def _events(ledger: Ledger) -> models.QuerySet[ChainEvent, ChainEvent]:
    return ChainEvent.objects.filter(ledger=ledger, name__in=_CHANGES, args__role=PROPOSER_ROLE)
