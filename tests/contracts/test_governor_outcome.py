"""What passes: quorum, approval and categories, by the kind of the proposal, and when that is settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    ABSTAIN,
    AGAINST,
    CONSTITUTIONAL,
    COUNCIL,
    DEFEATED,
    EXTENSION,
    FOR,
    FOUNDERS,
    LANTIAN,
    MEMBERSHIP,
    OPEN,
    PERIOD,
    ROUTINE,
    RULES,
    SECRETARIAT,
    SUCCEEDED,
    Alliance,
    Bank,
    Outlook,
    Proposal,
    events,
    padded,
    person,
)

VOTES = {"F": FOR, "A": AGAINST, "O": ABSTAIN}
NETWORK = padded("settlement-main")
UNREACHABLE = 2**32 - 1


def action(alliance: Alliance, kind: int) -> Any:
    """Something to vote on, of each kind."""
    return {
        ROUTINE: lambda: alliance.admission(COUNCIL[0]),
        MEMBERSHIP: lambda: alliance.seats.functions.grant(*LANTIAN.seat),
        CONSTITUTIONAL: lambda: alliance.governor.functions.setConvener(SECRETARIAT),
    }[kind]()


def vote(alliance: Alliance, proposal: Proposal, votes: str, banks: tuple[Bank, ...] = COUNCIL) -> None:
    """One letter a bank: for, against, abstain (O), or a dot. Ends when the outcome is settled."""
    for bank, letter in zip(banks, votes.replace(" ", ""), strict=True):
        if letter != "." and alliance.state(proposal) == OPEN:
            call = alliance.governor.functions.castVote(proposal.id, VOTES[letter])
            alliance.send(call, bank.voter)


def outcome(alliance: Alliance, proposal: Proposal) -> int:
    if alliance.state(proposal) == OPEN:
        alliance.close(proposal)
    return alliance.state(proposal)


class TestOutcome:
    """Of twelve seats, 5 2 2 1 1 1 by category."""

    @pytest.mark.parametrize(
        ("votes", "passes"),
        [
            ("..... .. .. . . .", False),
            ("FFF.. .. .. . . .", False),  # the quorum is 4
            ("FFFF. .. .. . . .", True),  # of whatever category
            ("FOOO. .. .. . . .", True),  # abstentions count for the quorum
            ("FFFA. .. .. . . .", False),  # votes against don't
            ("OOOO. .. .. . . .", False),
            ("FFFFA AA A. . . .", False),  # a tie
            ("FFFFF AA AA . . .", True),
            ("FOOOA .. .. . . .", False),
        ],
    )
    def test_routine_a_third_and_a_simple_majority(self, council: Alliance, votes: str, passes: bool) -> None:
        assert self.passed(council, ROUTINE, votes) is passes

    @pytest.mark.parametrize(
        ("votes", "passes"),
        [
            ("FFF.. F. F. . . .", False),  # the quorum is 6
            ("FFFF. F. F. . . .", True),
            ("FFF.. F. F. O . .", True),
            ("FFFFF F. .. . . .", False),  # two categories of three
            ("FFFF. F. F. A A A", True),  # 6 of 9
            ("FFFFA F. F. A A A", False),  # 6 of 10
            ("FFFFF FA FO . . .", False),  # a tie wins no category
            ("FFFFF FA FO F . .", True),
        ],
    )
    def test_membership_half_two_thirds_and_three_categories(
        self, council: Alliance, votes: str, passes: bool
    ) -> None:
        assert self.passed(council, MEMBERSHIP, votes) is passes

    @pytest.mark.parametrize(
        ("votes", "passes"),
        [
            ("FFFF. F. F. F . .", False),  # the quorum is 8
            ("FFFFF F. F. F . .", True),
            ("FFFF. F. FO F . .", True),
            ("FFFFF FF FF . . .", False),  # three categories of four
            ("FFFFA FF FA F F A", True),  # 9 of 12
            ("FFFFA FA F. F F A", False),  # 8 of 11, and four categories
            ("FFFFA FA F. F F O", True),  # 8 of 10
        ],
    )
    def test_constitutional_two_thirds_three_quarters_and_four_categories(
        self, council: Alliance, votes: str, passes: bool
    ) -> None:
        assert self.passed(council, CONSTITUTIONAL, votes) is passes

    def passed(self, alliance: Alliance, kind: int, votes: str) -> bool:
        proposal = alliance.opened(action(alliance, kind))
        vote(alliance, proposal, votes)
        result = outcome(alliance, proposal)
        assert result in (SUCCEEDED, DEFEATED)
        return result == SUCCEEDED

    @pytest.mark.parametrize(("votes", "passes"), [("FFFF.", False), ("F.FFF", True)])
    def test_where_fewer_categories_have_seats_all_of_those_are_needed(
        self, alliance: Alliance, votes: str, passes: bool
    ) -> None:
        change = alliance.governor.functions.setRule(CONSTITUTIONAL, (1, 2, 1, 2, 6))
        alliance.decide(change)
        proposal = alliance.opened(action(alliance, CONSTITUTIONAL))

        vote(alliance, proposal, votes, FOUNDERS)

        assert (outcome(alliance, proposal) == SUCCEEDED) is passes

    def test_quorum_and_categories_are_of_the_seats_that_could_vote_at_the_snapshot(
        self, council: Alliance
    ) -> None:
        for bank in COUNCIL[6:]:
            council.rule(council.seats.functions.suspend(bank.id))
        proposal = council.opened(action(council, MEMBERSHIP))
        for bank in COUNCIL[6:]:
            council.rule(council.seats.functions.reinstate(bank.id))

        vote(council, proposal, "FF... F. .. . . .")

        assert council.governor.functions.tally(proposal.id).call()[0] == [5, 1, 0, 0, 0, 0]
        assert council.outlook(proposal).passes  # quorum 3 of 6, both categories that had seats


class TestOutlook:
    """What would still be needed to pass, and is it still possible."""

    def test_before_anybody_has_voted(self, council: Alliance) -> None:
        proposal = council.opened(action(council, MEMBERSHIP))

        assert council.outlook(proposal) == Outlook(False, True, False, 6, 1, 3)

    def test_while_pending_it_is_that_of_todays_seats(self, council: Alliance) -> None:
        proposal = council.propose(action(council, CONSTITUTIONAL))
        council.mine_at(council.now + 5)

        assert council.governor.functions.tally(proposal.id).call() == [[5, 2, 2, 1, 1, 1], *[[0] * 6] * 3]
        assert council.outlook(proposal) == Outlook(False, True, False, 8, 1, 4)

    @pytest.mark.parametrize(
        ("votes", "expected"),
        [
            ("FFF.. .. .. . . .", Outlook(False, True, False, 3, 0, 2)),
            ("FFFAA .. .. . . .", Outlook(False, True, False, 3, 1, 2)),
            ("FFFFF FO .. . . .", Outlook(False, True, False, 0, 0, 1)),
            ("FFFF. F. F. . . .", Outlook(True, True, False, 0, 0, 0)),
            ("FFFFF FF FO . . .", Outlook(True, True, True, 0, 0, 0)),
            ("AAAAA .. .. . . .", Outlook(False, False, True, 6, 10, 3)),
        ],
    )
    def test_as_the_votes_come_in(self, council: Alliance, votes: str, expected: Outlook) -> None:
        proposal = council.opened(action(council, MEMBERSHIP))

        vote(council, proposal, votes)

        assert council.outlook(proposal) == expected

    def test_where_all_must_agree_one_vote_against_is_beyond_repair(self, council: Alliance) -> None:
        unanimous = (RULES[0], (1, 2, 1, 1, 0), RULES[2])
        alliance = Alliance.established(council.ledger, *COUNCIL, rules=unanimous)
        proposal = alliance.opened(action(alliance, MEMBERSHIP))

        vote(alliance, proposal, "FA... .. .. . . .")

        assert alliance.outlook(proposal) == Outlook(False, False, True, 5, UNREACHABLE, 0)
        assert alliance.state(proposal) == DEFEATED

    def test_votes_are_told_by_category(self, council: Alliance) -> None:
        proposal = council.opened(action(council, MEMBERSHIP))

        vote(council, proposal, "FFAO. FO A. . O F")

        electorate, against, favour, abstain = council.governor.functions.tally(proposal.id).call()
        assert electorate == [5, 2, 2, 1, 1, 1]
        assert against == [1, 0, 1, 0, 0, 0]
        assert favour == [2, 1, 0, 0, 0, 1]
        assert abstain == [1, 1, 0, 0, 1, 0]
        assert council.tally(proposal) == (2, 4, 3)

    def test_there_is_none_of_a_proposal_that_nobody_opened(self, council: Alliance) -> None:
        for view in ("outlook", "tally", "ruleOf", "proposalVotes"):
            refusal = council.refusal(council.governor.functions[view](42), SECRETARIAT)
            assert refusal == Refusal("GovernorNonexistentProposal", {"proposalId": 42})


class TestEarlyDecision:
    """Once the missing votes can't change the outcome, nobody waits for the deadline."""

    @pytest.mark.parametrize(
        ("kind", "votes", "last", "state"),
        [
            (ROUTINE, "FFFFF F. .. . . .", 6, SUCCEEDED),  # 7 of 12
            (ROUTINE, "AAAAA .. .. . . .", 5, DEFEATED),  # 6 against can't be outnumbered
            (MEMBERSHIP, "FFFF. FF F. . . .", 8, SUCCEEDED),  # 8 of 12 is the worst that can come
            (MEMBERSHIP, "AAAA. .. .. . . .", 4, DEFEATED),  # 7 of 12 is the best
            (CONSTITUTIONAL, "FFFFF FF FF . . .", 9, SUCCEEDED),
            (CONSTITUTIONAL, "FFFFF A. A. . . .", 11, DEFEATED),
        ],
    )
    def test_it_is_settled_by_the_vote_after_which_nothing_can_change(
        self, council: Alliance, kind: int, votes: str, last: int, state: int
    ) -> None:
        proposal = council.opened(action(council, kind))
        vote(council, proposal, votes)
        before = council.state(proposal), council.outlook(proposal).decided

        letter = "F" if state == SUCCEEDED else "A"
        vote(council, proposal, "." * last + letter + "." * (11 - last))

        assert before == (OPEN, False)
        assert (council.state(proposal), council.outlook(proposal).decided) == (state, True)
        assert council.deadline(proposal) > council.now

    def test_a_category_that_is_out_of_reach_settles_it(self, council: Alliance) -> None:
        proposal = council.opened(action(council, CONSTITUTIONAL))

        vote(council, proposal, "..... .. .. O O .")
        assert council.state(proposal) == OPEN
        vote(council, proposal, "..... .. .. . . O")  # three categories are left, and four needed

        assert council.state(proposal) == DEFEATED
        assert council.outlook(proposal) == Outlook(False, False, True, 5, 1, 4)

    def test_a_ballot_after_that_is_refused(self, council: Alliance) -> None:
        proposal = council.opened(action(council, ROUTINE))
        vote(council, proposal, "FFFFF FF .. . . .")

        refusal = council.refusal(council.casting(COUNCIL[11], proposal, AGAINST), SECRETARIAT)

        assert refusal.name == "GovernorUnexpectedProposalState"
        assert refusal.arguments["current"] == SUCCEEDED

    def test_the_outcome_is_the_same_after_the_deadline(self, council: Alliance) -> None:
        proposal = council.opened(action(council, ROUTINE))
        vote(council, proposal, "FFFFF FF .. . . .")

        council.close(proposal)

        assert council.state(proposal) == SUCCEEDED


class TestLateQuorum:
    """A vote stays open for ten minutes at least once its quorum is reached."""

    def opened(self, alliance: Alliance) -> Proposal:
        proposal = alliance.opened(action(alliance, ROUTINE))
        vote(alliance, proposal, "FFF.. .. .. . . .")
        return proposal

    def cast(self, alliance: Alliance, bank: int, proposal: Proposal, support: int) -> Any:
        call = alliance.governor.functions.castVote(proposal.id, support)
        return alliance.send(call, COUNCIL[bank].voter)

    def test_a_quorum_reached_late_moves_the_deadline(self, council: Alliance) -> None:
        proposal = self.opened(council)
        deadline = council.deadline(proposal)

        council.next_block_at(deadline - 9)
        receipt = self.cast(council, 3, proposal, ABSTAIN)

        assert council.deadline(proposal) == deadline - 9 + EXTENSION
        assert events(council.governor, receipt, "ProposalExtended") == [
            {"proposalId": proposal.id, "extendedDeadline": deadline - 9 + EXTENSION}
        ]

    @pytest.mark.parametrize(("early", "moved"), [(EXTENSION, 0), (EXTENSION - 1, 1)])
    def test_only_as_far_as_it_takes(self, council: Alliance, early: int, moved: int) -> None:
        proposal = self.opened(council)
        deadline = council.deadline(proposal)

        council.next_block_at(deadline - early)
        self.cast(council, 3, proposal, FOR)

        assert council.deadline(proposal) == deadline + moved

    def test_and_only_once(self, council: Alliance) -> None:
        proposal = self.opened(council)
        council.next_block_at(council.deadline(proposal))
        self.cast(council, 3, proposal, FOR)
        extended = council.deadline(proposal)

        council.next_block_at(extended)
        self.cast(council, 4, proposal, AGAINST)

        assert council.deadline(proposal) == extended
        council.mine_at(extended + 1)
        assert council.state(proposal) == SUCCEEDED

    def test_votes_against_reach_no_quorum(self, council: Alliance) -> None:
        proposal = self.opened(council)
        council.next_block_at(council.deadline(proposal))

        self.cast(council, 3, proposal, AGAINST)

        assert council.deadline(proposal) == council.snapshot(proposal) + PERIOD
        assert outcome(council, proposal) == DEFEATED


class TestKinds:
    """What a proposal would do says what it needs."""

    @pytest.mark.parametrize(
        ("call", "kind"),
        [
            (lambda a: a.admission(COUNCIL[0]), ROUTINE),
            (lambda a: a.registry.functions.remove(NETWORK, bytes(64)), ROUTINE),
            (lambda a: a.registry.functions.setAccount(NETWORK, SECRETARIAT, LANTIAN.id, 1), ROUTINE),
            (lambda a: a.registry.functions.thaw(NETWORK, bytes(64)), ROUTINE),
            (lambda a: a.registry.functions.ratifyFreeze(NETWORK, bytes(64), 1), ROUTINE),
            (lambda a: a.seats.functions.grant(*LANTIAN.seat), MEMBERSHIP),
            (lambda a: a.seats.functions.suspend(LANTIAN.id), MEMBERSHIP),
            (lambda a: a.seats.functions.reinstate(LANTIAN.id), MEMBERSHIP),
            (lambda a: a.seats.functions.changeVoter(LANTIAN.id, SECRETARIAT), CONSTITUTIONAL),
            (lambda a: a.seats.functions.revoke(LANTIAN.id), CONSTITUTIONAL),
            (lambda a: a.seats.functions.approve(SECRETARIAT, 1), CONSTITUTIONAL),
            (lambda a: a.registry.functions.setGuardian(SECRETARIAT), CONSTITUTIONAL),
            (lambda a: a.registry.functions.freeze(NETWORK, bytes(64), 1), CONSTITUTIONAL),
            (lambda a: a.governor.functions.setRule(0, RULES[0]), CONSTITUTIONAL),
            (lambda a: a.governor.functions.relay(a.seats.address, 0, b""), CONSTITUTIONAL),
            (lambda a: a.timelock.functions.updateDelay(1), CONSTITUTIONAL),
            (lambda a: a.break_glass.functions.setGuardians([SECRETARIAT], 1), CONSTITUTIONAL),
        ],
    )
    def test_each_call_has_one(self, alliance: Alliance, call: Callable[[Alliance], Any], kind: int) -> None:
        draft = alliance.draft(call(alliance))

        assert alliance.governor.functions.kindOf(draft.targets, draft.calls).call() == kind

    def test_three_categories_can_not_take_the_others_votes(self, council: Alliance) -> None:
        """The attack: nine of twelve move the others' votes to keys of their own, and decide everything."""
        banks, others = COUNCIL[:9], COUNCIL[9:]
        assert {bank.category for bank in banks} == {1, 2, 3}
        change = council.seats.functions.changeVoter
        takers = [str(person(f"whoever votes for {bank.name}").address) for bank in others]
        taking = council.opened(*(change(bank.id, to) for bank, to in zip(others, takers, strict=True)))
        for bank in banks:
            council.cast(bank, taking, FOR)
        council.close(taking)

        assert council.governor.functions.ruleOf(taking.id).call()[0] == CONSTITUTIONAL
        assert council.state(taking) == DEFEATED
        refusal = council.refusal(council.queuing(taking), SECRETARIAT, block="latest")
        assert refusal.name == "GovernorUnexpectedProposalState"

    def test_the_strictest_call_decides(self, alliance: Alliance) -> None:
        routine, membership, constitutional = (action(alliance, kind) for kind in range(3))

        for calls, kind in (
            ((routine, routine), ROUTINE),
            ((membership, routine), MEMBERSHIP),
            ((routine, membership, routine), MEMBERSHIP),
            ((routine, constitutional, membership), CONSTITUTIONAL),
        ):
            draft = alliance.draft(*calls)
            assert alliance.governor.functions.kindOf(draft.targets, draft.calls).call() == kind

    def test_the_same_call_of_another_contract_is_constitutional(self, alliance: Alliance) -> None:
        draft = alliance.draft(alliance.admission(COUNCIL[0]))
        kind_of = alliance.governor.functions.kindOf

        for target in (alliance.seats.address, alliance.governor.address, SECRETARIAT):
            assert kind_of([target], draft.calls).call() == CONSTITUTIONAL

    @pytest.mark.parametrize("data", ["0x", "0x12", "0x" + "f" * 8])
    def test_what_is_no_known_call_is_constitutional(self, alliance: Alliance, data: str) -> None:
        for target in (alliance.seats.address, alliance.registry.address):
            assert alliance.governor.functions.kindOf([target], [data]).call() == CONSTITUTIONAL
