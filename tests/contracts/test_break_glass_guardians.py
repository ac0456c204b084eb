"""Who the guardians are: the members decide, by a constitutional vote."""

from __future__ import annotations

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    CONSTITUTIONAL,
    FOUNDER,
    GUARDIANS,
    GUARDIANS_NEEDED,
    MALLORY,
    SECRETARIAT,
    Alliance,
    events,
    person,
)
from tests.contracts.guardians import GU, HE, MA, OUTSIDERS, admit, confirm, confirmed, confirming, is_frozen

LI = person("Guardian Li")  # none at first


@pytest.fixture
def guarded(alliance: Alliance) -> Alliance:
    """Wangchao Bank has a sealer; two of three guardians may freeze it."""
    admit(alliance)
    return alliance


def test_are_the_founders_choice_at_first(guarded: Alliance) -> None:
    contract = guarded.break_glass.functions
    assert contract.guardians().call() == [guardian.address for guardian in GUARDIANS]
    assert contract.threshold().call() == GUARDIANS_NEEDED
    assert contract.executor().call() == guarded.timelock.address
    assert contract.isGuardian(GU.address).call()
    assert not contract.isGuardian(LI.address).call()


def test_the_members_change_them(guarded: Alliance) -> None:
    receipt = guarded.decide(
        guarded.break_glass.functions.setGuardians([LI.address, MA.address, GU.address], 3)
    )

    assert guarded.break_glass.functions.guardians().call() == [LI.address, MA.address, GU.address]
    assert guarded.break_glass.functions.threshold().call() == 3
    assert events(guarded.break_glass, receipt, "GuardiansChanged") == [
        {"term": 2, "guardians": [LI.address, MA.address, GU.address], "threshold": 3}
    ]
    assert guarded.refusal(confirming(guarded), str(HE.address)).name == "NotAGuardian"
    for guardian in (GU, MA):
        confirm(guarded, guardian)
        assert not is_frozen(guarded)
    confirm(guarded, LI)
    assert is_frozen(guarded)


def test_which_takes_a_constitutional_majority(guarded: Alliance) -> None:
    call = guarded.break_glass.functions.setGuardians([LI.address, MA.address], 2)
    draft = guarded.draft(call)

    assert guarded.governor.functions.kindOf(draft.targets, draft.calls).call() == CONSTITUTIONAL


@pytest.mark.parametrize(
    "sender", [*OUTSIDERS, SECRETARIAT, FOUNDER, *(str(guardian.address) for guardian in GUARDIANS)]
)
def test_nobody_else_does(guarded: Alliance, sender: str) -> None:
    call = guarded.break_glass.functions.setGuardians([MALLORY.address, LI.address], 2)

    refusal = guarded.refusal(call, sender)

    assert refusal == Refusal(
        "ExecutorOnly", {"actual": sender.lower(), "expected": guarded.timelock.address.lower()}
    )


def test_a_confirmation_of_one_who_left_does_not_count(guarded: Alliance) -> None:
    confirm(guarded, GU)
    guarded.rule(guarded.break_glass.functions.setGuardians([HE.address, MA.address], 2))
    assert confirmed(guarded) == []

    confirm(guarded, HE)

    assert not is_frozen(guarded)
    assert confirmed(guarded) == [HE.address]


def test_nor_for_whoever_took_the_place(guarded: Alliance) -> None:
    """In the list, Li stands where Gu stood."""
    confirm(guarded, GU)
    guarded.rule(guarded.break_glass.functions.setGuardians([LI.address, HE.address], 2))

    confirm(guarded, LI)

    assert not is_frozen(guarded)


@pytest.mark.parametrize(
    ("count", "threshold"), [(3, 0), (3, 1), (3, 4), (1, 2), (0, 0), (1, 1), (17, 2), (17, 17)]
)
def test_thresholds_are_between_two_and_all(guarded: Alliance, count: int, threshold: int) -> None:
    group = [person(f"Guardian {n}").address for n in range(count)]

    refusal = guarded.refusal(
        guarded.break_glass.functions.setGuardians(group, threshold), guarded.timelock.address
    )

    assert refusal == Refusal(
        "ThresholdRefused", {"threshold": threshold, "lowest": 2, "guardians": count, "highest": 16}
    )


@pytest.mark.parametrize("count", [2, 16])
def test_there_are_two_to_sixteen(guarded: Alliance, count: int) -> None:
    group = [person(f"Guardian {n}") for n in range(count)]
    guarded.rule(guarded.break_glass.functions.setGuardians([one.address for one in group], count))

    for guardian in group[:-1]:
        confirm(guarded, guardian)
    assert not is_frozen(guarded)
    assert confirmed(guarded) == [guardian.address for guardian in group[:-1]]
    confirm(guarded, group[-1])

    assert is_frozen(guarded)


@pytest.mark.parametrize("twice", [GU.address, Web3.to_checksum_address("0x" + "00" * 20)])
def test_each_is_somebody_and_nobody_twice(guarded: Alliance, twice: str) -> None:
    call = guarded.break_glass.functions.setGuardians([GU.address, HE.address, twice], 2)

    refusal = guarded.refusal(call, guarded.timelock.address)

    assert refusal == Refusal("InvalidGuardian", {"guardian": twice.lower()})
