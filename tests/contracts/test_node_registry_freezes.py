"""Freezes in the registry: what the guardian may do to a node, how it ends, what the members do about it."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    DONGLI,
    FOUNDER,
    MALLORY,
    OBSERVER,
    SEALER,
    SECRETARIAT,
    WANGCHAO,
    Alliance,
    events,
    person,
)
from tests.contracts.test_node_registry import (
    KEY,
    MAINNET,
    NODE,
    SECOND_NODE,
    TESTNET,
    executor,
    refused,
    role_of,
    set_role,
)

HOUR = 3600
LONGEST, REST = 72 * HOUR, 30 * 24 * HOUR
UNTIL_THAWED = 2**48 - 1
WANGCHAOS_NODE = {"network": MAINNET, "nodeKey": KEY, "memberId": WANGCHAO.id, "consensusId": NODE}
GUARDIAN = str(person("the guardian contract").address)


@pytest.fixture
def guarded(alliance: Alliance) -> Alliance:
    """The guardian is named, and Wangchao Bank has a sealer in the main network."""
    alliance.rule(alliance.registry.functions.setGuardian(GUARDIAN))
    alliance.rule(set_role(alliance, SEALER))
    return alliance


def freezing(alliance: Alliance, until: int, *, node: bytes = NODE, network: bytes = MAINNET) -> Any:
    return alliance.registry.functions.freeze(network, node, until)


def freeze(alliance: Alliance, *, hours: int = 72) -> int:
    """Frozen from a block that is made now; the moment at which that ends."""
    start = alliance.now + 10
    alliance.next_block_at(start)
    until = start + hours * HOUR
    alliance.send(freezing(alliance, until), GUARDIAN)
    return until


def ratifying(alliance: Alliance, number: int) -> Any:
    return alliance.registry.functions.ratifyFreeze(MAINNET, NODE, number)


def thawing(alliance: Alliance) -> Any:
    return alliance.registry.functions.thaw(MAINNET, NODE)


def is_frozen(alliance: Alliance, network: bytes = MAINNET, node: bytes = NODE) -> bool:
    """As of the latest block."""
    return bool(alliance.registry.functions.isFrozen(network, node).call())


def frozen_until(alliance: Alliance) -> int:
    return int(alliance.registry.functions.frozenUntil(MAINNET, NODE).call())


def number_of(alliance: Alliance) -> int:
    return int(alliance.registry.functions.freezeOf(MAINNET, NODE).call()[0])


def test_the_guardian_freezes_a_node_which_keeps_its_role(guarded: Alliance) -> None:
    start = guarded.now + 10
    guarded.next_block_at(start)

    receipt = guarded.send(freezing(guarded, start + LONGEST), GUARDIAN)

    assert is_frozen(guarded)
    assert frozen_until(guarded) == start + LONGEST
    assert role_of(guarded) == (SEALER, WANGCHAO.id)
    assert events(guarded.registry, receipt, "NodeFrozen") == [
        {
            **WANGCHAOS_NODE,
            "until": start + LONGEST,
            "number": number_of(guarded),
        }
    ]


def test_it_lapses_by_itself(guarded: Alliance) -> None:
    until = freeze(guarded)

    guarded.mine_at(until - 1)
    assert is_frozen(guarded)

    guarded.mine_at(until)
    assert not is_frozen(guarded)
    assert role_of(guarded) == (SEALER, WANGCHAO.id)


def test_one_node_in_one_network_is_frozen(guarded: Alliance) -> None:
    guarded.rule(set_role(guarded, SEALER, network=TESTNET))
    guarded.rule(set_role(guarded, SEALER, node=SECOND_NODE))

    freeze(guarded)

    assert is_frozen(guarded)
    assert not is_frozen(guarded, TESTNET)
    assert not is_frozen(guarded, MAINNET, SECOND_NODE)


class TestHowLong:
    def test_at_most_72_hours(self, guarded: Alliance) -> None:
        start = guarded.now + 10
        guarded.mine_at(start)

        refusal = guarded.refusal(freezing(guarded, start + LONGEST + 1), GUARDIAN, block="latest")

        assert refusal == Refusal(
            "InvalidFreezeEnd",
            {"actual": start + LONGEST + 1, "earliest": start + 1, "latest": start + LONGEST},
        )

    @pytest.mark.parametrize("past", [0, 1, HOUR])
    def test_and_not_into_the_past(self, guarded: Alliance, past: int) -> None:
        start = guarded.now + 10
        guarded.mine_at(start)

        refusal = guarded.refusal(freezing(guarded, start - past), GUARDIAN, block="latest")

        assert refusal.name == "InvalidFreezeEnd"


class TestNotAgain:
    """Freezes in a row don't become a long one."""

    def again(self, alliance: Alliance, moment: int) -> Refusal:
        alliance.mine_at(moment)
        return alliance.refusal(freezing(alliance, moment + HOUR), GUARDIAN, block="latest")

    def test_a_frozen_node_is_not_frozen_again(self, guarded: Alliance) -> None:
        until = freeze(guarded, hours=1)

        refusal = self.again(guarded, until - 1)

        assert refusal == Refusal("NodeAlreadyFrozen", {"nodeKey": KEY, "until": until})

    @pytest.mark.parametrize("later", [0, 1, REST])
    def test_nor_one_whose_freeze_has_just_lapsed(self, guarded: Alliance, later: int) -> None:
        until = freeze(guarded)

        refusal = self.again(guarded, until + later)

        assert refusal == Refusal("NodeAtRest", {"nodeKey": KEY, "until": until + REST})

    def test_after_its_rest_it_may_be(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        first = number_of(guarded)
        guarded.mine_at(until + REST)

        freeze(guarded)

        assert is_frozen(guarded)
        assert number_of(guarded) > first

    def test_nor_one_whose_freeze_was_ratified(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        guarded.rule(ratifying(guarded, number_of(guarded)))

        refusal = self.again(guarded, until + REST + 1)

        assert refusal == Refusal("NodeAlreadyFrozen", {"nodeKey": KEY, "until": UNTIL_THAWED})

    def test_nor_one_that_the_members_have_just_thawed(self, guarded: Alliance) -> None:
        freeze(guarded)
        guarded.rule(thawing(guarded))
        thawed = guarded.now

        refusal = self.again(guarded, thawed + REST)

        assert refusal == Refusal("NodeAtRest", {"nodeKey": KEY, "until": thawed + REST})

    def test_nor_one_that_left_and_came_back(self, guarded: Alliance) -> None:
        freeze(guarded)
        guarded.rule(guarded.registry.functions.remove(MAINNET, NODE))
        removed = guarded.now
        guarded.rule(set_role(guarded, OBSERVER, bank=DONGLI))

        refusal = self.again(guarded, removed + REST)

        assert refusal == Refusal("NodeAtRest", {"nodeKey": KEY, "until": removed + REST})

    def test_leaving_after_a_freeze_has_lapsed_does_not_prolong_its_rest(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        guarded.mine_at(until + HOUR)
        guarded.rule(guarded.registry.functions.remove(MAINNET, NODE))
        guarded.rule(set_role(guarded, OBSERVER))
        guarded.mine_at(until + REST)

        freeze(guarded)

        assert is_frozen(guarded)


class TestRatifying:
    def test_a_ratified_freeze_lasts(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        number = number_of(guarded)

        receipt = guarded.rule(ratifying(guarded, number))

        guarded.mine_at(until + 10 * REST)
        assert is_frozen(guarded)
        assert frozen_until(guarded) == UNTIL_THAWED
        assert guarded.registry.functions.freezeOf(MAINNET, NODE).call()[3] is True
        assert events(guarded.registry, receipt, "NodeFreezeRatified") == [
            {
                **WANGCHAOS_NODE,
                "number": number,
            }
        ]

    def test_it_is_frozen_again_where_the_vote_took_longer(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        guarded.mine_at(until + HOUR)
        assert not is_frozen(guarded)

        guarded.rule(ratifying(guarded, number_of(guarded)))

        assert is_frozen(guarded)

    def test_once(self, guarded: Alliance) -> None:
        freeze(guarded)
        number = number_of(guarded)
        guarded.rule(ratifying(guarded, number))

        refusal = refused(guarded, ratifying(guarded, number))

        assert refusal == Refusal("FreezeAlreadyRatified", {"nodeKey": KEY, "number": number})

    def test_as_long_as_the_node_rests_and_no_longer(self, guarded: Alliance) -> None:
        """From then on the guardian may freeze it anew, and a decision from long ago would come on top."""
        until = freeze(guarded)
        call, sender = ratifying(guarded, number_of(guarded)), executor(guarded)
        guarded.mine_at(until + REST + 1)
        refusal = guarded.refusal(call, sender, block="latest")
        assert refusal == Refusal("RatificationTooLate", {"nodeKey": KEY, "latest": until + REST})

    def test_at_the_last_moment_of_its_rest_it_is_not_too_late(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        call = ratifying(guarded, number_of(guarded))
        guarded.next_block_at(until + REST)
        guarded.rule(call)
        assert is_frozen(guarded)

    @pytest.mark.parametrize("number", [0, 1, 2**64 - 1])
    def test_a_freeze_that_never_was_is_not(self, guarded: Alliance, number: int) -> None:
        refusal = refused(guarded, ratifying(guarded, number))

        assert refusal == Refusal("UnknownFreeze", {"nodeKey": KEY, "actual": 0, "expected": number})

    def test_nor_one_that_the_members_thawed(self, guarded: Alliance) -> None:
        freeze(guarded)
        number = number_of(guarded)
        guarded.rule(thawing(guarded))

        refusal = refused(guarded, ratifying(guarded, number))

        assert refusal == Refusal("UnknownFreeze", {"nodeKey": KEY, "actual": 0, "expected": number})

    def test_nor_an_earlier_one_than_the_last(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        first = number_of(guarded)
        guarded.mine_at(until + REST)
        freeze(guarded)

        refusal = refused(guarded, ratifying(guarded, first))

        assert refusal == Refusal(
            "UnknownFreeze", {"nodeKey": KEY, "actual": number_of(guarded), "expected": first}
        )

    def test_nor_one_of_a_node_that_left_meanwhile(self, guarded: Alliance) -> None:
        until = freeze(guarded)
        number = number_of(guarded)
        guarded.mine_at(until)
        guarded.rule(guarded.registry.functions.remove(MAINNET, NODE))
        assert refused(guarded, ratifying(guarded, number)).name == "UnknownNode"

        guarded.rule(set_role(guarded, OBSERVER))

        assert refused(guarded, ratifying(guarded, number)).name == "UnknownFreeze"


class TestThawing:
    def test_the_members_end_a_freeze(self, guarded: Alliance) -> None:
        freeze(guarded)
        number = number_of(guarded)

        receipt = guarded.rule(thawing(guarded))

        assert not is_frozen(guarded)
        assert frozen_until(guarded) == 0
        assert events(guarded.registry, receipt, "NodeThawed") == [
            {
                **WANGCHAOS_NODE,
                "number": number,
            }
        ]

    def test_a_ratified_one_too(self, guarded: Alliance) -> None:
        freeze(guarded)
        guarded.rule(ratifying(guarded, number_of(guarded)))

        guarded.rule(thawing(guarded))

        assert not is_frozen(guarded)
        assert role_of(guarded) == (SEALER, WANGCHAO.id)

    def test_a_node_that_was_never_frozen_is_not_thawed(self, guarded: Alliance) -> None:
        refusal = refused(guarded, thawing(guarded))

        assert refusal == Refusal("NodeNotFrozen", {"network": MAINNET, "nodeKey": KEY})

    def test_nor_one_whose_freeze_has_lapsed(self, guarded: Alliance) -> None:
        guarded.mine_at(freeze(guarded))

        refusal = guarded.refusal(thawing(guarded), executor(guarded), block="latest")

        assert refusal == Refusal("NodeNotFrozen", {"network": MAINNET, "nodeKey": KEY})


class TestTheMembersVotesOutrankIt:
    def test_a_frozen_nodes_role_is_changed_and_it_stays_frozen(self, guarded: Alliance) -> None:
        freeze(guarded)

        guarded.rule(set_role(guarded, OBSERVER))

        assert role_of(guarded) == (OBSERVER, WANGCHAO.id)
        assert is_frozen(guarded)

    def test_a_frozen_node_is_removed_which_ends_its_freeze(self, guarded: Alliance) -> None:
        freeze(guarded)
        number = number_of(guarded)

        receipt = guarded.rule(guarded.registry.functions.remove(MAINNET, NODE))

        assert role_of(guarded) == (0, bytes(32))
        assert not is_frozen(guarded)
        assert [event["number"] for event in events(guarded.registry, receipt, "NodeThawed")] == [number]
        assert [event["role"] for event in events(guarded.registry, receipt, "NodeRoleChanged")] == [0]

    def test_a_node_that_is_not_frozen_leaves_without_a_thaw(self, guarded: Alliance) -> None:
        receipt = guarded.rule(guarded.registry.functions.remove(MAINNET, NODE))

        assert events(guarded.registry, receipt, "NodeThawed") == []


class TestWhichNodes:
    def test_an_unknown_one_is_not_frozen(self, guarded: Alliance) -> None:
        for call in (
            freezing(guarded, guarded.now + HOUR, node=SECOND_NODE),
            freezing(guarded, guarded.now + HOUR, network=TESTNET),
        ):
            assert guarded.refusal(call, GUARDIAN).name == "UnknownNode"

    def test_nor_one_that_left(self, guarded: Alliance) -> None:
        guarded.rule(guarded.registry.functions.remove(MAINNET, NODE))

        refusal = guarded.refusal(freezing(guarded, guarded.now + HOUR), GUARDIAN)

        assert refusal == Refusal("UnknownNode", {"network": MAINNET, "nodeKey": KEY})

    @pytest.mark.parametrize("length", [0, 63, 65])
    def test_nor_what_is_no_node_at_all(self, guarded: Alliance, length: int) -> None:
        refusal = guarded.refusal(freezing(guarded, guarded.now + HOUR, node=b"\x01" * length), GUARDIAN)

        assert refusal == Refusal("InvalidConsensusId", {"actualLength": length, "expectedLength": 64})

    @pytest.mark.parametrize("action", ["suspend", "revoke"])
    def test_the_node_of_a_member_that_went_is(self, guarded: Alliance, action: str) -> None:
        guarded.rule(guarded.seats.functions[action](WANGCHAO.id))

        freeze(guarded)

        assert is_frozen(guarded)


class TestWho:
    @pytest.mark.parametrize("sender", [SECRETARIAT, FOUNDER, WANGCHAO.voter, MALLORY.address])
    def test_nobody_but_the_guardian_freezes(self, guarded: Alliance, sender: str) -> None:
        refusal = guarded.refusal(freezing(guarded, guarded.now + HOUR), sender)

        assert refusal == Refusal("BreakGlassOnly", {"actual": sender.lower(), "expected": GUARDIAN.lower()})

    def test_not_even_the_executor(self, guarded: Alliance) -> None:
        refusal = refused(guarded, freezing(guarded, guarded.now + HOUR))

        assert refusal.name == "BreakGlassOnly"

    def test_the_guardian_does_nothing_else(self, guarded: Alliance) -> None:
        freeze(guarded)
        registry = guarded.registry.functions
        for call in (
            registry.setRole(MAINNET, SECOND_NODE, WANGCHAO.id, OBSERVER),
            registry.remove(MAINNET, NODE),
            registry.setAccount(MAINNET, MALLORY.address, WANGCHAO.id, 2),
            ratifying(guarded, number_of(guarded)),
            thawing(guarded),
            registry.setGuardian(MALLORY.address),
        ):
            refusal = guarded.refusal(call, GUARDIAN)
            assert refusal == Refusal(
                "ExecutorOnly", {"actual": GUARDIAN.lower(), "expected": executor(guarded).lower()}
            ), call.fn_name

    @pytest.mark.parametrize("sender", [SECRETARIAT, FOUNDER, WANGCHAO.voter, MALLORY.address])
    def test_the_members_alone_ratify_and_thaw(self, guarded: Alliance, sender: str) -> None:
        freeze(guarded)
        for call in (ratifying(guarded, number_of(guarded)), thawing(guarded)):
            assert guarded.refusal(call, sender).name == "ExecutorOnly"

    def test_the_members_name_another_guardian(self, guarded: Alliance) -> None:
        receipt = guarded.rule(guarded.registry.functions.setGuardian(MALLORY.address))

        assert guarded.registry.functions.guardian().call() == MALLORY.address
        assert guarded.refusal(freezing(guarded, guarded.now + HOUR), GUARDIAN).name == "BreakGlassOnly"
        assert events(guarded.registry, receipt, "GuardianSet") == [
            {"oldGuardian": GUARDIAN, "newGuardian": MALLORY.address}
        ]

    def test_or_none(self, guarded: Alliance) -> None:
        zero = Web3.to_checksum_address("0x" + "00" * 20)
        until = freeze(guarded)

        guarded.rule(guarded.registry.functions.setGuardian(zero))

        refusal = guarded.refusal(freezing(guarded, guarded.now + HOUR), GUARDIAN)
        assert refusal == Refusal("BreakGlassOnly", {"actual": GUARDIAN.lower(), "expected": zero})
        assert frozen_until(guarded) == until

    def test_the_founder_names_it_until_the_founding_is_closed(self, ledger: Web3) -> None:
        founding = Alliance.deployed(ledger)
        call = founding.registry.functions.setGuardian(GUARDIAN)
        assert founding.refusal(call, str(MALLORY.address)).name == "ExecutorOnly"

        founding.send(call, FOUNDER)

        assert founding.registry.functions.guardian().call() == GUARDIAN

    def test_and_no_longer(self, alliance: Alliance) -> None:
        refusal = alliance.refusal(alliance.registry.functions.setGuardian(GUARDIAN), FOUNDER)

        assert refusal.name == "ExecutorOnly"
