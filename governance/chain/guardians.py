"""The guardians, what they have begun, and what they would sign: for whoever looks, and before signing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError
from governance.chain import contracts
from governance.chain.models import ChainEvent, Ledger, OnChainProposal, RegistryEntry
from governance.guardian import confirmation
from governance.guardian.confirmation import Cancel, Confirmation

ROUND = timedelta(hours=24)  # BreakGlass.CONFIRMATION_SECONDS
LONGEST_HOURS = 72  # that a signature may be used
_REMEMBERED = 3600  # seconds: who they are changes by an event, which is read first
_MANY = 200  # freezes and rounds shown; there are few
_FREEZE, _CANCEL, _CHANGE = "FreezeConfirmed", "CancelConfirmed", "GuardiansChanged"


class NoGuardians(ConsoleError):
    """The alliance was founded without a guardians' contract."""

    code = "no_guardians"
    status = 409
    message = _("This alliance has no guardians.")


class NotAGuardian(ConsoleError):
    """``address`` is not among those whom the members named."""

    code = "not_a_guardian"
    status = 403
    message = _("%(address)s is no guardian.")


class ConfirmedAlready(ConsoleError):
    """``address`` is in the round that is open."""

    code = "confirmed_already"
    status = 409
    message = _("%(address)s has confirmed this already.")


class NodeFrozenAlready(ConsoleError):
    code = "node_frozen"
    status = 409
    message = _("The node is frozen already.")


class NothingToCancel(ConsoleError):
    code = "nothing_to_cancel"
    status = 409
    message = _("The proposal is decided for good: there is nothing to cancel any more.")


class ConfirmationLate(ConsoleError):
    """The moment until which the signature may be used is over."""

    code = "confirmation_late"
    status = 409
    message = _("The time in which this signature may be used is over: sign again.")


@dataclass(frozen=True)
class Guardians:
    """Who they are (EIP-55), and how many must agree."""

    contract: str
    addresses: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class Round:
    """A freeze (``network``, ``consensus_id``) or a cancellation (``proposal_id``) that is not complete."""

    reason_hash: str
    needed: int
    began_at: datetime
    guardians: tuple[str, ...]
    network: str = ""
    consensus_id: str = ""
    proposal_id: str = ""

    @property
    def ends_at(self) -> datetime:
        """Until then the others may confirm."""
        return self.began_at + ROUND


@dataclass(frozen=True)
class Freeze:
    """A node that is frozen, and the vote on it."""

    entry: RegistryEntry
    proposal_id: str = ""


@dataclass(frozen=True)
class Order:
    """Who wants to sign, why, and for how many hours the signature may be used."""

    guardian: str
    reason: str
    hours: int = field(default=24)


# --- Reading ------------------------------------------------------------------------------------------------
def in_office(ledger: Ledger) -> Guardians:
    """Raises NoGuardians, and LedgerUnreachable where the contract itself has to be asked.

    It says who its guardians are when it is made, before anybody follows it: until they change, it is asked.
    """
    if not ledger.break_glass:
        raise NoGuardians
    told = _told(ledger).filter(name=_CHANGE).order_by("-block", "-log_index").first()
    if told is not None:
        return Guardians(ledger.break_glass, tuple(told.args["guardians"]), int(told.args["threshold"]))
    key = f"guardians:{ledger.chain_id}:{ledger.genesis_hash}:{ledger.break_glass}"
    known: Guardians | None = cache.get(key)
    if known is None:
        asked = contracts.break_glass(ledger).functions
        addresses = tuple(str(one) for one in asked.guardians().call())
        known = Guardians(ledger.break_glass, addresses, int(asked.threshold().call()))
        cache.set(key, known, _REMEMBERED)
    return known


def rounds(ledger: Ledger, now: datetime) -> list[Round]:
    """What some have confirmed and not enough of them yet, the newest first."""
    recent = _told(ledger).filter(name__in=(_FREEZE, _CANCEL, _CHANGE), block_time__gte=now - ROUND)
    told = recent.order_by("block", "log_index").values_list("name", "args", "block_time")
    return sorted(_open(told), key=lambda one: one.began_at, reverse=True)[:_MANY]


def freezes(ledger: Ledger, now: datetime) -> list[Freeze]:
    """Nodes that are frozen at ``now``, what ends soonest first; those that members ratified last."""
    frozen = Q(freeze_ratified=True) | Q(frozen_until__gt=now)
    entries = RegistryEntry.objects.filter(frozen, ledger=ledger).order_by("freeze_ratified", "frozen_until")
    opened = ChainEvent.objects.filter(ledger=ledger, name="RatificationOpened").order_by("-block")
    found = list(entries[:_MANY])
    votes = {
        int(args["number"]): str(args["proposalId"])
        for args in opened.values_list("args", flat=True)[: 2 * _MANY]
    }
    return [Freeze(entry, votes.get(entry.freeze_number or 0, "")) for entry in found]


def _told(ledger: Ledger) -> Any:
    return ChainEvent.objects.filter(ledger=ledger, contract=ledger.break_glass)


def _open(told: Iterable[tuple[str, dict[str, Any], datetime]]) -> list[Round]:
    """As the contract keeps them: a first confirmation begins a round, new guardians end all."""
    found: dict[tuple[str, ...], Round] = {}
    for name, args, at in told:
        if name == _CHANGE:
            found.clear()
            continue
        key, count, needed = _key(name, args), int(args["confirmations"]), int(args["needed"])
        if count == 1:
            found[key] = _begun(name, args, at)
        elif key in found:
            known = found[key]
            found[key] = replace(known, guardians=(*known.guardians, args["guardian"]))
        if count >= needed:
            found.pop(key, None)
    return list(found.values())


def _key(name: str, args: dict[str, Any]) -> tuple[str, ...]:
    matter = (args["network"], args["consensusId"]) if name == _FREEZE else (str(args["proposalId"]),)
    return (*matter, args["reasonHash"])


def _begun(name: str, args: dict[str, Any], at: datetime) -> Round:
    begun = Round(args["reasonHash"], int(args["needed"]), at, (args["guardian"],))
    if name == _CANCEL:
        return replace(begun, proposal_id=str(args["proposalId"]))
    node = args["consensusId"].removeprefix("0x")
    return replace(begun, network=contracts.text(args["network"]), consensus_id=node)


# --- What would be signed -----------------------------------------------------------------------------------
def freeze_to_sign(ledger: Ledger, entry: RegistryEntry, order: Order, now: datetime) -> confirmation.Freeze:
    """Raises NotAGuardian, ConfirmedAlready, NodeFrozenAlready, LedgerUnreachable."""
    reason = "0x" + confirmation.reason_hash(order.reason).hex()
    begun = [one for one in rounds(ledger, now) if one.consensus_id == entry.consensus_id]
    _check_may(ledger, order, [one for one in begun if one.network == entry.network], reason)
    if entry.is_frozen(now):
        raise NodeFrozenAlready
    place = contracts.network_bytes(entry.network), bytes.fromhex(entry.consensus_id)
    asked = contracts.break_glass(ledger).functions
    key = asked.freezeNonceKey(*place, bytes.fromhex(reason[2:])).call()
    return confirmation.Freeze(
        network=entry.network,
        consensus_id=entry.consensus_id,
        **_common(ledger, order, now, int(asked.nonces(order.guardian, key).call())),
    )


def cancel_to_sign(ledger: Ledger, row: OnChainProposal, order: Order, now: datetime) -> Cancel:
    """Raises NotAGuardian, ConfirmedAlready, NothingToCancel, LedgerUnreachable."""
    reason = "0x" + confirmation.reason_hash(order.reason).hex()
    begun = [one for one in rounds(ledger, now) if one.proposal_id == row.proposal_id]
    _check_may(ledger, order, begun, reason)
    if row.executed_at is not None or row.canceled_at is not None:
        raise NothingToCancel
    asked = contracts.break_glass(ledger).functions
    key = asked.cancelNonceKey(int(row.proposal_id), bytes.fromhex(reason[2:])).call()
    return Cancel(
        proposal_id=int(row.proposal_id),
        targets=row.targets,
        values=[int(value) for value in row.values],
        calldatas=row.calldatas,
        description=row.description,
        **_common(ledger, order, now, int(asked.nonces(order.guardian, key).call())),
    )


def check_in_time(ledger: Ledger, signed: Confirmation, now: datetime) -> None:
    """Raises ConfirmationLate, NotAGuardian."""
    if signed.guardian not in in_office(ledger).addresses:
        raise NotAGuardian(address=signed.guardian)
    if signed.deadline < int(now.timestamp()) * ledger.ticks_per_second:
        raise ConfirmationLate


def _check_may(ledger: Ledger, order: Order, begun: list[Round], reason: str) -> None:
    if order.guardian not in in_office(ledger).addresses:
        raise NotAGuardian(address=order.guardian)
    if any(order.guardian in one.guardians for one in begun if one.reason_hash == reason):
        raise ConfirmedAlready(address=order.guardian)


def _common(ledger: Ledger, order: Order, now: datetime, nonce: int) -> dict[str, Any]:
    until = int((now + timedelta(hours=order.hours)).timestamp())
    return {
        "chain_id": ledger.chain_id,
        "contract": ledger.break_glass,
        "reason": order.reason,
        "guardian": order.guardian,
        "nonce": nonce,
        "deadline": until * ledger.ticks_per_second,
    }
