"""Another governor that may take over: what it says of itself, whether it fits, and putting it on the ledger.

It has no power until members vote for :func:`governance.chain.calls.hand_over`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from web3 import Web3
from web3.exceptions import Web3Exception

from governance.chain import calls, contracts, deployment, folds
from governance.chain import ledger as gateway
from governance.chain.errors import ContractDoesNotFit, NotThisContract
from governance.chain.models import ActionKind, Ledger

Say = Callable[[str], None]


@dataclass(frozen=True)
class Terms:
    """How a governor holds votes: durations in seconds, rules by ``ActionKind``; who proposes, who stops."""

    voting_delay: int
    voting_period: int
    late_quorum_extension: int
    rules: tuple[dict[str, Any], ...]
    convener: str
    guardian: str


@dataclass(frozen=True)
class Guardians:
    """Of a guardians' contract: who they are and how many of them must agree."""

    members: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class Successor:
    """The contracts of an office that nobody holds yet; ``break_glass`` is empty where there is none."""

    governor: str
    break_glass: str = ""


# --- What a contract says of itself -------------------------------------------------------------------------
def terms(ledger: Ledger, governor: str) -> Terms:
    """As the governor itself has them now. Raises LedgerUnreachable, OtherLedger, NotThisContract."""
    client = gateway.web3(ledger)
    held = contracts.governor(ledger, client, address=governor).functions
    ticks = ledger.ticks_per_second
    try:
        return Terms(
            voting_delay=held.votingDelay().call() // ticks,
            voting_period=held.votingPeriod().call() // ticks,
            late_quorum_extension=held.lateQuorumVoteExtension().call() // ticks,
            rules=tuple(folds.voting_rule(list(held.rule(kind).call())) for kind in ActionKind.values),
            convener=held.convener().call(),
            guardian=held.proposalGuardian().call(),
        )
    except Web3Exception as error:
        raise NotThisContract(contract=contracts.GOVERNOR, address=governor) from error


def guardians(ledger: Ledger, break_glass: str) -> Guardians:
    """As the guardians' contract itself has them now. Raises as :func:`terms`."""
    held = contracts.break_glass(ledger, gateway.web3(ledger), address=break_glass).functions
    try:
        return Guardians(tuple(held.guardians().call()), int(held.threshold().call()))
    except Web3Exception as error:
        raise NotThisContract(contract=contracts.BREAK_GLASS, address=break_glass) from error


def delay(ledger: Ledger) -> int:
    """Seconds for which the timelock holds what has passed."""
    return int(contracts.timelock(ledger).functions.getMinDelay().call()) // ledger.ticks_per_second


def publisher(ledger: Ledger) -> str:
    """Who anchors the heads of the lists' logs. Raises NotThisContract, LedgerUnreachable, OtherLedger."""
    held = contracts.anchors(ledger, gateway.web3(ledger)).functions
    try:
        return str(held.publisher().call())
    except Web3Exception as error:
        raise NotThisContract(contract=contracts.ANCHORS, address=ledger.anchors) from error


# --- Whether it fits ----------------------------------------------------------------------------------------
def check_governor(ledger: Ledger, address: str) -> None:
    """A governor of ours, over this alliance's seats, registry and timelock.

    Raises NotThisContract, ContractDoesNotFit, LedgerUnreachable, OtherLedger.
    """
    contract = contracts.governor(ledger, address=address)
    expected = (
        ("token", _("source of votes"), ledger.seats),
        ("seats", _("seats contract"), ledger.seats),
        ("registry", _("registry contract"), ledger.registry),
        ("timelock", _("timelock"), ledger.timelock),
    )
    _check(contract, contracts.GOVERNOR, expected)
    terms(ledger, address)


def check_guardian(ledger: Ledger, address: str, *, governor: str) -> None:
    """A guardians' contract over this alliance's registry and ``governor``. Raises as the other."""
    contract = contracts.break_glass(ledger, address=address)
    expected = (
        ("registry", _("registry contract"), ledger.registry),
        ("governor", _("governor contract"), governor),
        ("executor", _("timelock"), ledger.timelock),
    )
    _check(contract, contracts.BREAK_GLASS, expected)
    guardians(ledger, address)


def _check(contract: Any, name: str, expected: Sequence[tuple[str, Promise, str]]) -> None:
    for function, what, wanted in expected:
        try:
            actual = str(contract.functions[function]().call())
        except Web3Exception as error:
            raise NotThisContract(contract=name, address=contract.address) from error
        if actual.lower() != wanted.lower():
            raise ContractDoesNotFit(address=contract.address, what=what, actual=actual, expected=wanted)


# --- Putting it there ---------------------------------------------------------------------------------------
def deploy(
    ledger: Ledger,
    *,
    name: str,
    as_configured: bool = False,
    members: Sequence[str] = (),
    threshold: int = 0,
    without_guardians: bool = False,
    say: Say = lambda line: None,
) -> Successor:
    """A governor over the same seats, registry and timelock, and a guardians' contract that belongs to it.

    ``name`` tells it from others: a second run finds what the first one deployed. Its terms are those of the
    governor in office, or with ``as_configured`` those of the settings; its guardians those in office unless
    ``members`` and ``threshold`` say otherwise. Raises LedgerUnreachable, OtherLedger, RelayFailed.
    """
    wanted = None if as_configured else _founding_terms(ledger, terms(ledger, ledger.governor))
    governor = deployment.successor(ledger, name=name, terms=wanted)
    say(f"{contracts.GOVERNOR} {governor}")
    if without_guardians or not (members or ledger.break_glass):
        return Successor(governor)
    held = Guardians(tuple(members), threshold) if members else guardians(ledger, ledger.break_glass)
    break_glass = deployment.successors_guardians(
        ledger, name=name, governor=governor, guardians=held.members, threshold=held.threshold
    )
    say(f"{contracts.BREAK_GLASS} {break_glass}")
    return Successor(governor, break_glass)


def _founding_terms(ledger: Ledger, held: Terms) -> tuple[Any, ...]:
    """The governor's ``Settings``. Its guardian is named in the hand-over: each must know the other."""
    rules = [(*rule["quorum"], *rule["approval"], rule["categories"]) for rule in held.rules]
    times = (held.voting_delay, held.voting_period, held.late_quorum_extension)
    return (*times, rules, Web3.to_checksum_address(held.convener), ledger.timelock, calls.NOBODY)
