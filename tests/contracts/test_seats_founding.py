"""The founding of the seats, and its end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from web3 import Web3
from web3.exceptions import ContractCustomError

from governance.contracts import artifact
from governance.contracts.errors import Refusal, decode
from tests.contracts.alliance import (
    ACTIVE,
    ADMIN_ROLE,
    DONGLI,
    EXECUTOR_ROLE,
    FOUNDER,
    FOUNDERS,
    GOVERNORS_ROLES,
    LANTIAN,
    MALLORY,
    NOBODY,
    PROPOSER_ROLE,
    QIONGTAI,
    RULES,
    SECRETARIAT,
    WAIT,
    WANGCHAO,
    Alliance,
    deploy,
    encoded,
    events,
    governor_settings,
    person,
)

CATEGORIES = range(1, 7)
NEW_KEY = str(person("Wangchao Bank's second officer").address)


def executor_calls(alliance: Alliance) -> list:
    seats = alliance.seats.functions
    return [
        seats.grant(*LANTIAN.seat),
        seats.suspend(WANGCHAO.id),
        seats.reinstate(WANGCHAO.id),
        seats.revoke(WANGCHAO.id),
        seats.changeVoter(WANGCHAO.id, NEW_KEY),
    ]


def give(alliance: Alliance, *roles: tuple[bytes, str], release: bool = False) -> None:
    """Roles in the timelock, by the founder, who with `release` gives up administering it."""
    timelock = alliance.timelock.functions
    for role, account in roles:
        alliance.send(timelock.grantRole(role, account), FOUNDER)
    if release:
        alliance.send(timelock.renounceRole(ADMIN_ROLE, FOUNDER), FOUNDER)


def closing_refused(alliance: Alliance) -> Refusal:
    return alliance.refusal(alliance.seats.functions.closeFounding(alliance.governor.address), FOUNDER)


class TestFounding:
    def test_the_founder_enters_members_with_category_and_voting_address(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)

        receipt = alliance.found(WANGCHAO, QIONGTAI)

        assert alliance.seat(WANGCHAO) == (1, WANGCHAO.voter, ACTIVE)
        assert alliance.seat(QIONGTAI) == (2, QIONGTAI.voter, ACTIVE)
        assert alliance.seats.functions.memberOf(QIONGTAI.voter).call() == QIONGTAI.id
        assert alliance.seats.functions.ownerOf(int.from_bytes(QIONGTAI.id, "big")).call() == QIONGTAI.voter
        assert events(alliance.seats, receipt, "SeatGranted") == [
            {"memberId": WANGCHAO.id, "category": 1, "voter": WANGCHAO.voter},
            {"memberId": QIONGTAI.id, "category": 2, "voter": QIONGTAI.voter},
        ]

    def test_the_founding_may_come_in_several_parts(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)

        alliance.found(WANGCHAO)
        alliance.found(DONGLI, QIONGTAI)

        assert alliance.seats.functions.seatCount().call() == 3

    def test_nobody_but_the_founder_enters_members(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        call = alliance.seats.functions.found([LANTIAN.id], [4], [LANTIAN.voter])

        refusal = alliance.refusal(call, MALLORY.address)

        assert refusal == Refusal(
            "FounderOnly", {"actual": MALLORY.address.lower(), "expected": FOUNDER.lower()}
        )

    @pytest.mark.parametrize(("ids", "categories", "voters"), [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
    def test_lists_of_unequal_length_are_refused(
        self, ledger: Web3, ids: int, categories: int, voters: int
    ) -> None:
        alliance = Alliance.deployed(ledger)
        call = alliance.seats.functions.found([LANTIAN.id] * ids, [4] * categories, [LANTIAN.voter] * voters)

        refusal = alliance.refusal(call, FOUNDER)

        assert refusal == Refusal(
            "UnequalLengths", {"memberIds": ids, "categories": categories, "voters": voters}
        )

    def test_one_faulty_member_lets_none_in(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        ids, voters = [WANGCHAO.id, DONGLI.id], [WANGCHAO.voter, DONGLI.voter]
        call = alliance.seats.functions.found(ids, [1, 9], voters)

        refusal = alliance.refusal(call, FOUNDER)

        assert refusal == Refusal("InvalidCategory", {"actual": 9, "lowest": 1, "highest": 6})
        assert alliance.seats.functions.seatCount().call() == 0

    def test_closing_hands_the_seats_to_the_governors_timelock(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        alliance.hand_over()

        receipt = alliance.send(alliance.seats.functions.closeFounding(alliance.governor.address), FOUNDER)

        assert alliance.seats.functions.executor().call() == alliance.timelock.address
        assert alliance.seats.functions.founder().call() == NOBODY
        assert events(alliance.seats, receipt, "FoundingClosed") == [
            {"governor": alliance.governor.address, "executor": alliance.timelock.address}
        ]

    def test_nobody_but_the_founder_closes_it(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)

        refusal = alliance.refusal(
            alliance.seats.functions.closeFounding(alliance.governor.address), SECRETARIAT
        )

        assert refusal.name == "FounderOnly"

    def test_an_empty_alliance_is_not_closed(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)

        refusal = alliance.refusal(alliance.seats.functions.closeFounding(alliance.governor.address), FOUNDER)

        assert refusal == Refusal("NoSeatsFounded", {})

    def test_the_seats_are_handed_only_to_a_governor_over_them(self, ledger: Web3) -> None:
        alliance, other = Alliance.deployed(ledger), Alliance.deployed(ledger)
        alliance.found(WANGCHAO)

        for candidate in (
            NOBODY,
            MALLORY.address,  # a person
            other.governor.address,  # a governor over other seats
            alliance.registry.address,  # a contract that is no governor
        ):
            refusal = alliance.refusal(alliance.seats.functions.closeFounding(candidate), FOUNDER)
            assert refusal == Refusal("GovernorNotOverTheseSeats", {"governor": candidate.lower()})

    def test_nor_while_the_governor_may_propose_nothing_to_its_timelock(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)

        refusal = alliance.refusal(alliance.seats.functions.closeFounding(alliance.governor.address), FOUNDER)

        assert refusal == Refusal(
            "TimelockNotOfTheGovernor",
            {"timelock": alliance.timelock.address.lower(), "governor": alliance.governor.address.lower()},
        )

    def test_nor_to_a_governor_whose_timelock_is_no_contract(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        settings = (60, 3600, 600, RULES, SECRETARIAT, MALLORY.address, NOBODY)
        governor = deploy(
            ledger, "ConsortiumGovernor", alliance.seats.address, alliance.registry.address, settings
        )

        refusal = alliance.refusal(alliance.seats.functions.closeFounding(governor.address), FOUNDER)

        assert refusal.name == "TimelockNotOfTheGovernor"

    def test_nor_while_the_founder_could_carry_out_anything_without_a_vote(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        give(alliance, *((role, alliance.governor.address) for role in GOVERNORS_ROLES))

        assert closing_refused(alliance) == Refusal(
            "TimelockNotReleased",
            {"timelock": alliance.timelock.address.lower(), "founder": FOUNDER.lower()},
        )

    @pytest.mark.parametrize("missing", GOVERNORS_ROLES)
    def test_nor_while_the_governor_lacks_a_role_in_its_timelock(self, ledger: Web3, missing: bytes) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        governor = alliance.governor.address
        give(alliance, *((role, governor) for role in GOVERNORS_ROLES if role != missing), release=True)

        assert closing_refused(alliance) == Refusal(
            "TimelockNotOfTheGovernor",
            {"timelock": alliance.timelock.address.lower(), "governor": governor.lower()},
        )

    @pytest.mark.parametrize("kept", GOVERNORS_ROLES)
    def test_nor_while_the_founder_keeps_a_role_in_the_timelock(self, ledger: Web3, kept: bytes) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        governors = ((role, alliance.governor.address) for role in GOVERNORS_ROLES)
        give(alliance, *governors, (kept, FOUNDER), release=True)

        assert closing_refused(alliance).name == "TimelockNotReleased"

    def test_nor_while_anybody_may_execute_past_the_governor(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(WANGCHAO)
        governors = ((role, alliance.governor.address) for role in GOVERNORS_ROLES)
        give(alliance, *governors, (EXECUTOR_ROLE, NOBODY), release=True)

        assert closing_refused(alliance) == Refusal(
            "TimelockOpenToAnybody", {"timelock": alliance.timelock.address.lower()}
        )

    @pytest.mark.parametrize("fault", ["the founder's own", "of other seats", "none"])
    def test_nor_while_the_registry_obeys_somebody_else(self, ledger: Web3, fault: str) -> None:
        alliance = Alliance.deployed(ledger)
        seats, timelock = alliance.seats.address, alliance.timelock.address
        if fault == "none":
            registry = MALLORY.address
        elif fault == "of other seats":
            others = deploy(ledger, "Seats", 1).address
            registry = deploy(ledger, "NodeRegistry", others, timelock).address
        else:
            registry = deploy(ledger, "NodeRegistry", seats, FOUNDER).address
        settings = governor_settings(alliance.timelock)
        alliance = replace(alliance, governor=deploy(ledger, "ConsortiumGovernor", seats, registry, settings))
        alliance.found(WANGCHAO)
        give(alliance, *((role, alliance.governor.address) for role in GOVERNORS_ROLES), release=True)

        assert closing_refused(alliance) == Refusal(
            "RegistryNotOfTheAlliance", {"registry": registry.lower(), "timelock": timelock.lower()}
        )

    def test_what_the_founder_had_put_into_the_timelock_before_is_never_executed(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(*FOUNDERS)
        timelock, steal = alliance.timelock.functions, alliance.seats.functions.changeVoter
        theft = encoded(steal(WANGCHAO.id, MALLORY.address))
        operation = alliance.seats.address, 0, bytes.fromhex(theft[2:]), bytes(32), bytes(32)
        give(alliance, (PROPOSER_ROLE, FOUNDER))
        alliance.send(timelock.schedule(*operation, WAIT), FOUNDER)
        alliance.send(timelock.renounceRole(PROPOSER_ROLE, FOUNDER), FOUNDER)
        alliance.hand_over()
        alliance.send(alliance.seats.functions.closeFounding(alliance.governor.address), FOUNDER)
        alliance.mine_at(alliance.now + WAIT + 1)

        for sender in (FOUNDER, MALLORY.address, SECRETARIAT):
            refusal = alliance.refusal(timelock.execute(*operation), sender)
            assert refusal.name == "AccessControlUnauthorizedAccount"

    def test_the_founder_has_no_power_afterwards(self, alliance: Alliance) -> None:
        seats = alliance.seats.functions
        founding = [
            seats.found([LANTIAN.id], [4], [LANTIAN.voter]),
            seats.closeFounding(alliance.governor.address),
        ]
        for call in founding:
            refusal = alliance.refusal(call, FOUNDER)
            assert refusal == Refusal("FounderOnly", {"actual": FOUNDER.lower(), "expected": NOBODY})
        for call in executor_calls(alliance):
            assert alliance.refusal(call, FOUNDER).name == "ExecutorOnly"

    def test_before_it_is_closed_not_even_the_timelock_changes_seats(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        alliance.found(*FOUNDERS)

        for call in executor_calls(alliance):
            refusal = alliance.refusal(call, alliance.timelock.address)
            assert refusal == Refusal(
                "ExecutorOnly", {"actual": alliance.timelock.address.lower(), "expected": NOBODY}
            )


def test_the_founder_is_whoever_deployed(ledger: Web3) -> None:
    seats = deploy(ledger, "Seats", 1)

    assert seats.functions.founder().call() == FOUNDER
    assert seats.functions.executor().call() == NOBODY


@pytest.mark.parametrize("ticks", [0, 60, 1000])
def test_a_unit_that_the_blocks_belie_is_refused(ledger: Web3, ticks: int) -> None:
    factory = ledger.eth.contract(abi=artifact("Seats")["abi"], bytecode=artifact("Seats")["bytecode"])

    with pytest.raises(ContractCustomError) as caught:
        factory.constructor(ticks).estimate_gas({"from": FOUNDER})

    assert isinstance(caught.value.data, str)
    refusal = decode(caught.value.data)
    assert refusal is not None
    assert (refusal.name, refusal.arguments["ticksPerSecond"]) == ("ClockUnitRefused", ticks)
