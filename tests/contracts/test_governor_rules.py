"""The rules change by proposal alone, and never for a proposal that is open."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3
from web3.exceptions import ContractCustomError

from governance.contracts import artifact
from governance.contracts.errors import Refusal, decode
from tests.contracts.alliance import (
    CONSTITUTIONAL,
    DEFEATED,
    DELAY,
    EXTENSION,
    FOR,
    FOUNDER,
    FOUNDERS,
    LANTIAN,
    MALLORY,
    MEMBERSHIP,
    NOBODY,
    OPEN,
    PERIOD,
    ROUTINE,
    RULES,
    SECRETARIAT,
    SUCCEEDED,
    WAIT,
    WANGCHAO,
    Alliance,
    deploy,
    events,
    governor_settings,
    person,
)

SUCCESSOR = str(person("the secretariat's next relay").address)
UNANIMOUS = (1, 1, 1, 1, 6)
NAMES = ("quorumNum", "quorumDen", "approvalNum", "approvalDen", "categories")


def named(rule: tuple[int, ...]) -> dict[str, int]:
    return dict(zip(NAMES, rule, strict=True))


class TestRules:
    def test_they_start_as_deployed(self, alliance: Alliance) -> None:
        governor = alliance.governor.functions
        assert governor.name().call() == "Consortium Governor"
        assert governor.version().call() == "1"
        assert governor.votingDelay().call() == DELAY
        assert governor.votingPeriod().call() == PERIOD
        assert governor.lateQuorumVoteExtension().call() == EXTENSION
        assert tuple(tuple(governor.rule(kind).call()) for kind in range(3)) == RULES
        assert governor.convener().call() == SECRETARIAT
        assert governor.token().call() == governor.seats().call() == alliance.seats.address
        assert governor.registry().call() == alliance.registry.address
        assert governor.timelock().call() == alliance.timelock.address
        assert governor.proposalGuardian().call() == alliance.break_glass.address
        assert governor.CLOCK_MODE().call() == "mode=timestamp"
        assert governor.COUNTING_MODE().call() == "support=bravo&quorum=for,abstain"
        assert governor.proposalNeedsQueuing(1).call()
        assert alliance.timelock.functions.getMinDelay().call() == WAIT

    @pytest.mark.parametrize(
        ("change", "value", "reading"),
        [
            ("setVotingDelay", 5, "votingDelay"),
            ("setVotingPeriod", 77, "votingPeriod"),
            ("setLateQuorumVoteExtension", 7, "lateQuorumVoteExtension"),
            ("setConvener", SUCCESSOR, "convener"),
            ("setProposalThreshold", 0, "proposalThreshold"),
        ],
    )
    def test_the_members_change_them(self, alliance: Alliance, change: str, value: Any, reading: str) -> None:
        alliance.decide(alliance.governor.functions[change](value))

        assert alliance.governor.functions[reading]().call() == value

    @pytest.mark.parametrize("kind", [ROUTINE, MEMBERSHIP, CONSTITUTIONAL])
    def test_and_what_each_kind_needs(self, alliance: Alliance, kind: int) -> None:
        receipt = alliance.decide(alliance.governor.functions.setRule(kind, UNANIMOUS))

        assert tuple(alliance.governor.functions.rule(kind).call()) == UNANIMOUS
        assert events(alliance.governor, receipt, "RuleChanged") == [{"kind": kind, "rule": named(UNANIMOUS)}]

    def test_the_timelocks_delay_too(self, alliance: Alliance) -> None:
        alliance.decide(alliance.timelock.functions.updateDelay(7))

        assert alliance.timelock.functions.getMinDelay().call() == 7

    @pytest.mark.parametrize("sender", [SECRETARIAT, WANGCHAO.voter, MALLORY.address])
    def test_nobody_else_does(self, alliance: Alliance, sender: str) -> None:
        governor = alliance.governor.functions
        for call in (
            governor.setVotingDelay(5),
            governor.setVotingPeriod(77),
            governor.setLateQuorumVoteExtension(7),
            governor.setRule(ROUTINE, UNANIMOUS),
            governor.setConvener(sender),
            governor.setProposalThreshold(0),
            governor.setProposalGuardian(sender),
            governor.updateTimelock(sender),
            governor.relay(alliance.seats.address, 0, "0x"),
        ):
            refusal = alliance.refusal(call, sender)
            assert refusal == Refusal("GovernorOnlyExecutor", {"account": sender.lower()})

    @pytest.mark.parametrize(
        "rule",
        [
            (0, 3, 1, 2, 0),
            (4, 3, 1, 2, 0),
            (1, 3, 0, 2, 0),
            (1, 3, 3, 2, 0),
            (1, 3, 1, 2, 7),
            (0, 0, 0, 0, 0),
        ],
    )
    def test_a_rule_that_makes_no_sense_is_refused(self, alliance: Alliance, rule: tuple[int, ...]) -> None:
        proposal = alliance.queued(alliance.governor.functions.setRule(MEMBERSHIP, rule))

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest")

        assert refusal == Refusal("InvalidRule", {"kind": MEMBERSHIP, "rule": rule})

    def test_nor_is_one_deployed(self, alliance: Alliance) -> None:
        settings = governor_settings(alliance.timelock, rules=(RULES[0], (0, 0, 0, 0, 0), RULES[2]))
        compiled = artifact("ConsortiumGovernor")
        factory = alliance.ledger.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
        call = factory.constructor(alliance.seats.address, alliance.registry.address, settings)

        with pytest.raises(ContractCustomError) as caught:
            call.estimate_gas({"from": FOUNDER})

        assert isinstance(caught.value.data, str)
        assert decode(caught.value.data) == Refusal("InvalidRule", {"kind": 1, "rule": (0, 0, 0, 0, 0)})

    def test_there_are_three_kinds(self, alliance: Alliance) -> None:
        proposal = alliance.queued(alliance.governor.functions.setRule(3, UNANIMOUS))

        for refusal in (
            alliance.refusal(alliance.governor.functions.rule(3), SECRETARIAT),
            alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest"),
        ):
            assert refusal == Refusal("InvalidKind", {"actual": 3, "highest": 2})

    def test_the_former_convener_proposes_no_more(self, alliance: Alliance) -> None:
        receipt = alliance.decide(alliance.governor.functions.setConvener(SUCCESSOR))
        former = alliance.draft(alliance.admission(WANGCHAO), sender=SECRETARIAT)
        new = alliance.draft(alliance.admission(WANGCHAO), sender=SUCCESSOR)

        refusal = alliance.refusal(alliance.proposing(former), SECRETARIAT)
        alliance.send(alliance.proposing(new), SUCCESSOR)

        assert refusal == Refusal("NotAllowedToPropose", {"account": SECRETARIAT.lower()})
        assert events(alliance.governor, receipt, "ConvenerSet") == [
            {"oldConvener": SECRETARIAT, "newConvener": SUCCESSOR}
        ]

    @pytest.mark.parametrize(
        ("change", "value", "refused"),
        [
            ("setProposalThreshold", 2, Refusal("ProposalThresholdRefused", {"threshold": 2})),
            ("setVotingPeriod", 0, Refusal("GovernorInvalidVotingPeriod", {"votingPeriod": 0})),
        ],
    )
    def test_a_setting_that_would_lock_everybody_out_is_refused(
        self, alliance: Alliance, change: str, value: int, refused: Refusal
    ) -> None:
        proposal = alliance.queued(alliance.governor.functions[change](value))

        assert alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest") == refused

    def test_there_may_be_no_convener(self, alliance: Alliance) -> None:
        settings = governor_settings(alliance.timelock, convener=NOBODY)

        governor = deploy(
            alliance.ledger, "ConsortiumGovernor", alliance.seats.address, alliance.registry.address, settings
        )

        assert not governor.functions.mayPropose(SECRETARIAT).call()

    def test_the_quorum_at_a_time_is_that_of_a_routine_proposal(self, alliance: Alliance) -> None:
        founded = alliance.now
        alliance.mine_at(founded + 5)
        assert alliance.governor.functions.quorum(founded).call() == 2  # a third of five


class TestFrozen:
    """A proposal keeps the rule with which it opened, whatever the members decide meanwhile."""

    def test_it_is_told_in_an_event(self, alliance: Alliance) -> None:
        proposal = alliance.draft(alliance.seats.functions.suspend(LANTIAN.id))

        receipt = alliance.send(alliance.proposing(proposal), SECRETARIAT)

        assert events(alliance.governor, receipt, "ProposalRuleFrozen") == [
            {"proposalId": proposal.id, "kind": MEMBERSHIP, "rule": named(RULES[MEMBERSHIP])}
        ]
        assert alliance.governor.functions.ruleOf(proposal.id).call() == [MEMBERSHIP, RULES[MEMBERSHIP]]

    def test_open_proposals_keep_theirs_and_later_ones_have_the_new(self, alliance: Alliance) -> None:
        older = alliance.opened(alliance.admission(WANGCHAO, name="older"))
        alliance.decide(alliance.governor.functions.setRule(ROUTINE, UNANIMOUS))
        later = alliance.opened(alliance.admission(WANGCHAO, name="later"))
        assert alliance.state(older) == OPEN

        for proposal in (older, later):
            for bank in FOUNDERS[:2]:
                alliance.cast(bank, proposal, FOR)
            alliance.close(proposal)

        rule_of = alliance.governor.functions.ruleOf
        assert rule_of(older.id).call() == [ROUTINE, RULES[ROUTINE]]
        assert rule_of(later.id).call() == [ROUTINE, UNANIMOUS]
        assert (alliance.state(older), alliance.state(later)) == (SUCCEEDED, DEFEATED)

    def test_a_change_of_the_constitutional_rule_passes_by_the_old_one(self, alliance: Alliance) -> None:
        first = alliance.opened(alliance.governor.functions.setRule(CONSTITUTIONAL, (1, 5, 1, 2, 0)))
        second = alliance.opened(alliance.governor.functions.setConvener(SUCCESSOR))
        for bank in FOUNDERS:
            if alliance.state(first) == OPEN:
                alliance.cast(bank, first, FOR)
        alliance.queue(first)
        alliance.wait(first)
        alliance.execute(first)

        alliance.cast(WANGCHAO, second, FOR)
        alliance.close(second)

        assert alliance.state(second) == DEFEATED  # by the new rule one vote would have been enough

    def test_a_shorter_period_leaves_open_votes_alone(self, alliance: Alliance) -> None:
        proposal = alliance.opened(alliance.admission(WANGCHAO))
        deadline = alliance.deadline(proposal)

        alliance.decide(alliance.governor.functions.setVotingPeriod(1))

        assert alliance.deadline(proposal) == deadline


def test_a_governor_knows_its_name_before_it_has_a_seat_to_count(ledger: Web3) -> None:
    alliance = Alliance.deployed(ledger)

    assert alliance.governor.functions.binding().call().endswith(f"{alliance.governor.address}\n#proposer=")
