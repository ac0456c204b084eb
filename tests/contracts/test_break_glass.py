"""The guardians freeze a node: m of n of them, for 72 hours at most, and the members vote on it at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from web3 import Web3
from web3.logs import DISCARD

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    AGAINST,
    CANCELED,
    DEFEATED,
    EXECUTED,
    FOR,
    FOUNDER,
    FOUNDERS,
    GUARDIANS_NEEDED,
    MALLORY,
    OPEN,
    PENDING,
    ROUTINE,
    SECRETARIAT,
    SUCCEEDED,
    WANGCHAO,
    Alliance,
    deploy,
    events,
    padded,
    person,
)
from tests.contracts.guardians import (
    ANOTHER_REASON,
    GU,
    HE,
    HOUR,
    LONGEST,
    MA,
    MAINNET,
    NODE,
    OUTSIDERS,
    REASON,
    REST,
    ROUND,
    admit,
    confirm,
    confirm_cancel,
    confirmed,
    confirming,
    freeze,
    freeze_number,
    frozen_until,
    is_frozen,
    ratification,
)

SECOND_NODE = person("Wangchao Bank's second node")._key_obj.public_key.to_bytes()
KEY = bytes(Web3.keccak(NODE))
LI = person("Guardian Li")  # none at first


@pytest.fixture
def guarded(alliance: Alliance) -> Alliance:
    """Wangchao Bank has a sealer; two of three guardians may freeze it."""
    admit(alliance)
    return alliance


def voted(alliance: Alliance, support: int) -> Any:
    """The members vote on the last freeze, all the same way."""
    proposal = ratification(alliance)
    alliance.mine_at(alliance.snapshot(proposal) + 1)
    for bank in FOUNDERS:
        if alliance.state(proposal) == OPEN:
            alliance.cast(bank, proposal, support)
    return proposal


class TestConfirming:
    def test_one_guardian_alone_freezes_nothing(self, guarded: Alliance) -> None:
        receipt = confirm(guarded, GU)

        assert not is_frozen(guarded)
        assert confirmed(guarded) == [GU.address]
        assert events(guarded.break_glass, receipt, "FreezeConfirmed") == [
            {
                "network": MAINNET,
                "nodeKey": KEY,
                "guardian": GU.address,
                "consensusId": NODE,
                "reasonHash": REASON,
                "confirmations": 1,
                "needed": GUARDIANS_NEEDED,
            }
        ]

    @pytest.mark.parametrize("pair", [(GU, HE), (HE, GU), (GU, MA), (MA, HE)])
    def test_any_two_do_in_any_order(self, guarded: Alliance, pair: tuple[Any, Any]) -> None:
        for guardian in pair:
            confirm(guarded, guardian)

        assert is_frozen(guarded)

    def test_for_72_hours_from_the_second_confirmation(self, guarded: Alliance) -> None:
        confirm(guarded, GU)
        start = guarded.now + HOUR
        guarded.next_block_at(start)

        confirm(guarded, HE)

        assert frozen_until(guarded) == start + LONGEST
        guarded.mine_at(start + LONGEST - 1)
        assert is_frozen(guarded)
        guarded.mine_at(start + LONGEST)
        assert not is_frozen(guarded)

    def test_a_guardian_counts_once(self, guarded: Alliance) -> None:
        confirm(guarded, GU)
        expires = guarded.now + ROUND

        refusal = guarded.refusal(confirming(guarded), str(GU.address))

        assert refusal == Refusal("AlreadyConfirmed", {"guardian": GU.address.lower(), "expiresAt": expires})

    @pytest.mark.parametrize("sender", [*OUTSIDERS, SECRETARIAT, FOUNDER])
    def test_nobody_else_counts(self, guarded: Alliance, sender: str) -> None:
        confirm(guarded, GU)

        refusal = guarded.refusal(confirming(guarded), sender)

        assert refusal == Refusal("NotAGuardian", {"account": sender.lower()})

    def test_another_reason_is_another_matter(self, guarded: Alliance) -> None:
        confirm(guarded, GU)

        confirm(guarded, HE, reason=ANOTHER_REASON)

        assert not is_frozen(guarded)
        assert confirmed(guarded) == [GU.address]
        assert confirmed(guarded, reason=ANOTHER_REASON) == [HE.address]

    def test_so_is_another_node(self, guarded: Alliance) -> None:
        admit(guarded, SECOND_NODE)
        confirm(guarded, GU)

        confirm(guarded, HE, node=SECOND_NODE)

        assert not is_frozen(guarded)
        assert not is_frozen(guarded, SECOND_NODE)

    def test_and_another_network(self, guarded: Alliance) -> None:
        testnet = padded("settlement-test")
        admit(guarded, network=testnet)
        confirm(guarded, GU)

        confirm(guarded, HE, network=testnet)

        assert not is_frozen(guarded)
        assert not is_frozen(guarded, network=testnet)

    def test_there_is_a_reason(self, guarded: Alliance) -> None:
        refusal = guarded.refusal(confirming(guarded, reason=bytes(32)), str(GU.address))

        assert refusal == Refusal("ReasonMissing", {})

    def test_what_is_no_node_is_refused(self, guarded: Alliance) -> None:
        refusal = guarded.refusal(confirming(guarded, node=b"\x01" * 63), str(GU.address))

        assert refusal == Refusal("InvalidConsensusId", {"actualLength": 63, "expectedLength": 64})

    def test_an_unknown_node_is_not_frozen(self, guarded: Alliance) -> None:
        confirm(guarded, GU, node=SECOND_NODE)

        refusal = guarded.refusal(confirming(guarded, node=SECOND_NODE), str(HE.address))

        assert refusal == Refusal(
            "UnknownNode", {"network": MAINNET, "nodeKey": bytes(Web3.keccak(SECOND_NODE))}
        )

    def test_the_node_of_a_suspended_member_is(self, guarded: Alliance) -> None:
        guarded.rule(guarded.seats.functions.suspend(WANGCHAO.id))

        freeze(guarded)

        assert is_frozen(guarded)


class TestRounds:
    """Confirmations are of the same day, or they don't count together."""

    def test_the_last_moment_of_a_round_counts(self, guarded: Alliance) -> None:
        confirm(guarded, GU)
        guarded.next_block_at(guarded.now + ROUND)

        confirm(guarded, HE)

        assert is_frozen(guarded)

    def test_later_a_new_round_begins(self, guarded: Alliance) -> None:
        confirm(guarded, GU)
        guarded.next_block_at(guarded.now + ROUND + 1)

        confirm(guarded, HE)

        assert not is_frozen(guarded)
        assert confirmed(guarded) == [HE.address]

    def test_in_which_the_same_guardian_may_confirm_again(self, guarded: Alliance) -> None:
        confirm(guarded, GU)
        guarded.mine_at(guarded.now + ROUND + 1)
        assert confirmed(guarded) == []
        confirm(guarded, GU)

        confirm(guarded, MA)

        assert is_frozen(guarded)

    def test_a_round_that_is_done_leaves_nothing(self, guarded: Alliance) -> None:
        freeze(guarded)

        assert confirmed(guarded) == []

    def test_nor_does_one_that_failed(self, guarded: Alliance) -> None:
        """The second confirmation of an unknown node reverts, and with it itself."""
        confirm(guarded, GU, node=SECOND_NODE)
        guarded.refusal(confirming(guarded, node=SECOND_NODE), str(HE.address))

        assert confirmed(guarded, node=SECOND_NODE) == [GU.address]


class TestTheVote:
    def test_opens_in_the_same_transaction(self, guarded: Alliance) -> None:
        receipt = freeze(guarded)

        proposal = ratification(guarded)
        created = guarded.governor.events.ProposalCreated().process_receipt(receipt, errors=DISCARD)
        assert [event["args"]["proposalId"] for event in created] == [proposal.id]
        assert created[0]["args"]["description"] == proposal.description
        assert created[0]["args"]["proposer"] == guarded.break_glass.address
        assert guarded.state(proposal) == PENDING
        assert guarded.governor.functions.ruleOf(proposal.id).call()[0] == ROUTINE
        assert events(guarded.registry, receipt, "NodeFrozen")[0]["number"] == freeze_number(guarded)
        assert events(guarded.break_glass, receipt, "RatificationOpened") == [
            {
                "number": freeze_number(guarded),
                "network": MAINNET,
                "nodeKey": KEY,
                "proposalId": proposal.id,
                "reasonHash": REASON,
            }
        ]
        assert guarded.break_glass.functions.ratificationOf(freeze_number(guarded)).call() == proposal.id

    def test_where_it_cant_open_nothing_is_frozen(self, guarded: Alliance) -> None:
        """A contract that the governor does not know as its guardian: its freeze would never be voted on."""
        break_glass = deploy(
            guarded.ledger,
            "BreakGlass",
            guarded.registry.address,
            guarded.governor.address,
            [GU.address, HE.address],
            2,
        )
        guarded.rule(guarded.registry.functions.setGuardian(break_glass.address))
        call = break_glass.functions.confirmFreeze(MAINNET, NODE, REASON)
        guarded.send(call, str(GU.address))

        refusal = guarded.refusal(call, str(HE.address))

        assert refusal == Refusal("NotAllowedToPropose", {"account": break_glass.address.lower()})
        assert not is_frozen(guarded)

    def test_a_freeze_that_the_members_ratify_stays(self, guarded: Alliance) -> None:
        freeze(guarded)
        until = frozen_until(guarded)
        proposal = voted(guarded, FOR)
        assert guarded.state(proposal) == SUCCEEDED
        guarded.queue(proposal)
        guarded.wait(proposal)

        guarded.execute(proposal)

        guarded.mine_at(until + REST)
        assert is_frozen(guarded)

    def test_until_they_thaw_it_by_another_vote(self, guarded: Alliance) -> None:
        freeze(guarded)
        proposal = voted(guarded, FOR)
        guarded.queue(proposal)
        guarded.wait(proposal)
        guarded.execute(proposal)

        guarded.decide(guarded.registry.functions.thaw(MAINNET, NODE))

        assert not is_frozen(guarded)

    def test_one_that_they_refuse_lapses(self, guarded: Alliance) -> None:
        freeze(guarded)
        proposal = voted(guarded, AGAINST)
        assert guarded.state(proposal) == DEFEATED
        assert is_frozen(guarded)

        guarded.mine_at(frozen_until(guarded))

        assert not is_frozen(guarded)

    def test_so_does_one_on_which_nobody_votes(self, guarded: Alliance) -> None:
        freeze(guarded)
        proposal = ratification(guarded)

        guarded.mine_at(frozen_until(guarded))

        assert not is_frozen(guarded)
        assert guarded.state(proposal) == DEFEATED

    def test_nobody_takes_the_votes_place(self, guarded: Alliance) -> None:
        """The id of the vote is known in advance; it is still the guardians' contract alone that opens it."""
        call = guarded.registry.functions.ratifyFreeze(MAINNET, NODE, 1)
        first = guarded.draft(
            call, description=f"Ratification\n{guarded.binding(guarded.break_glass.address)}"
        )

        refusal = guarded.refusal(guarded.proposing(first), WANGCHAO.voter)

        assert refusal.name == "GovernorRestrictedProposer"


class TestNotAgain:
    """What a rogue group of guardians could try in order to keep a node out for longer than 72 hours."""

    def refusal(self, guarded: Alliance, reason: bytes = ANOTHER_REASON) -> Refusal:
        """Of the last of two confirmations of another freeze of the same node."""
        guarded.send(confirming(guarded, reason=reason), str(GU.address))
        return guarded.refusal(confirming(guarded, reason=reason), str(HE.address))

    def test_a_frozen_node_can_not_be_frozen_while_the_members_vote(self, guarded: Alliance) -> None:
        freeze(guarded)
        proposal = ratification(guarded)
        guarded.mine_at(guarded.snapshot(proposal) + 1)

        refusal = guarded.refusal(confirming(guarded, reason=ANOTHER_REASON), str(GU.address))

        assert refusal == Refusal("RatificationUndecided", {"proposalId": proposal.id, "state": OPEN})

    def test_nor_after_they_have_refused(self, guarded: Alliance) -> None:
        freeze(guarded)
        until = frozen_until(guarded)
        voted(guarded, AGAINST)

        assert self.refusal(guarded) == Refusal("NodeAlreadyFrozen", {"nodeKey": KEY, "until": until})

    def test_nor_when_it_has_lapsed(self, guarded: Alliance) -> None:
        freeze(guarded)
        until = frozen_until(guarded)
        guarded.mine_at(until)

        assert self.refusal(guarded) == Refusal("NodeAtRest", {"nodeKey": KEY, "until": until + REST})

    def test_nor_when_the_guardians_have_cancelled_the_vote(self, guarded: Alliance) -> None:
        freeze(guarded)
        until = frozen_until(guarded)
        proposal = ratification(guarded)
        confirm_cancel(guarded, GU, proposal)
        confirm_cancel(guarded, MA, proposal)
        assert guarded.state(proposal) == CANCELED
        guarded.mine_at(until)

        assert self.refusal(guarded) == Refusal("NodeAtRest", {"nodeKey": KEY, "until": until + REST})

    def test_nor_under_other_guardians(self, guarded: Alliance) -> None:
        freeze(guarded)
        until = frozen_until(guarded)
        guarded.rule(guarded.break_glass.functions.setGuardians([GU.address, HE.address, LI.address], 2))
        guarded.mine_at(until)

        assert self.refusal(guarded).name == "NodeAtRest"

    def test_nor_when_the_members_have_thawed_it(self, guarded: Alliance) -> None:
        freeze(guarded)
        proposal = voted(guarded, FOR)
        guarded.queue(proposal)
        guarded.wait(proposal)
        guarded.execute(proposal)
        assert guarded.state(proposal) == EXECUTED
        guarded.decide(guarded.registry.functions.thaw(MAINNET, NODE))

        assert self.refusal(guarded).name == "NodeAtRest"

    def test_a_decision_that_nobody_carries_out_is_open_while_it_can_take_effect(
        self, guarded: Alliance
    ) -> None:
        freeze(guarded)
        proposal = voted(guarded, FOR)
        guarded.mine_at(frozen_until(guarded) + REST - 1)

        refusal = guarded.refusal(confirming(guarded, reason=ANOTHER_REASON), str(GU.address))

        assert refusal == Refusal("RatificationUndecided", {"proposalId": proposal.id, "state": SUCCEEDED})

    def test_afterwards_it_has_no_effect_and_the_node_can_be_frozen_anew(self, guarded: Alliance) -> None:
        """The attack: an outsider keeps a ratification for half a year, and freezes the node with it then."""
        freeze(guarded)
        until = frozen_until(guarded)
        proposal = voted(guarded, FOR)
        guarded.mine_at(until + 200 * 24 * HOUR)
        guarded.queue(proposal, sender=MALLORY.address)
        guarded.wait(proposal)

        refusal = guarded.refusal(guarded.executing(proposal), MALLORY.address, block="latest")
        frozen = is_frozen(guarded)
        freeze(guarded, reason=ANOTHER_REASON)

        assert refusal == Refusal("RatificationTooLate", {"nodeKey": KEY, "latest": until + REST})
        assert not frozen
        assert is_frozen(guarded)
        assert guarded.refusal(guarded.executing(proposal), MALLORY.address).name == "UnknownFreeze"

    def test_after_its_rest_it_can(self, guarded: Alliance) -> None:
        freeze(guarded)
        first = freeze_number(guarded)
        guarded.mine_at(frozen_until(guarded) + REST + 1)

        freeze(guarded)

        assert is_frozen(guarded)
        assert freeze_number(guarded) == first + 1


@pytest.fixture
def thousandfold(ledger: Web3) -> Iterator[Alliance]:
    """As long as it lasts, the ledger's clock shows milliseconds."""
    before = ledger.provider.make_request("evm_snapshot", [])["result"]  # type: ignore[typeddict-item]
    now = ledger.eth.get_block("latest")["timestamp"]
    ledger.provider.make_request("evm_setNextBlockTimestamp", [now * 1000])  # type: ignore[arg-type]
    ledger.provider.make_request("evm_mine", [])  # type: ignore[arg-type]
    alliance = Alliance.established(ledger, ticks=1000)
    admit(alliance)
    yield alliance
    alliance.rpc("evm_revert", before)


class TestMilliseconds:
    """On a ledger whose timestamps are milliseconds, 72 hours are 72 hours."""

    def test_a_freeze_ends_after_72_hours(self, thousandfold: Alliance) -> None:
        freeze(thousandfold)

        assert frozen_until(thousandfold) == thousandfold.now + LONGEST * 1000
        rests_until = thousandfold.registry.functions.freezeOf(MAINNET, NODE).call()[2]
        assert rests_until == frozen_until(thousandfold) + REST * 1000

    def test_a_round_lasts_a_day(self, thousandfold: Alliance) -> None:
        confirm(thousandfold, GU, node=SECOND_NODE)

        call = thousandfold.break_glass.functions.freezeConfirmations(MAINNET, SECOND_NODE, REASON)
        assert call.call() == [[GU.address], thousandfold.now + ROUND * 1000]
