"""The pure rules, on their own and held against their definition by Hypothesis."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.contracts import artifact
from governance.proposals import models, rules
from governance.proposals.rules import Category, Count, Facts, OnLedger, Rule, State, Tally, Weightiness
from tests.proposals.counts import counts

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=1)
SECOND = timedelta(seconds=1)

ROUTINE = Rule((1, 3), (1, 2), 0)
MEMBERSHIP = Rule((1, 2), (2, 3), 3)
CONSTITUTIONAL = Rule((2, 3), (3, 4), 4)

votes = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 3)), max_size=80)
moments = st.integers(-10, 3610).map(lambda s: START + timedelta(seconds=s))


def count(rule: Rule, *categories: tuple[int, int, int, int]) -> Count:
    """Each category as (electorate, for, against, abstain); the rest have no seats."""
    given = [Category(seats, Tally(*cast)) for seats, *cast in categories]
    return Count(rule, tuple(given + [Category()] * (rules.CATEGORIES - len(given))))


def on_ledger(**fields: object) -> OnLedger:
    nine = count(ROUTINE, (9, 0, 0, 0))
    return OnLedger(**{"vote_start": START, "vote_end": END, "count": nine, **fields})  # type: ignore[arg-type]


class TestTheState:
    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (Facts(), State.DRAFT),
            (Facts(discarded=True), State.DISCARDED),
            (Facts(opened=True), State.SUBMITTING),
            (Facts(opened=True, refused=True), State.REFUSED),
            (Facts(opened=True, refused=True, discarded=True), State.DISCARDED),
        ],
    )
    def test_before_the_ledger_has_it(self, facts: Facts, expected: State) -> None:
        assert rules.state(facts, START) == expected

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            (START - SECOND, State.PENDING),
            (START, State.PENDING),
            (START + SECOND, State.VOTING),
            (END, State.VOTING),
            (END + timedelta(microseconds=999_999), State.VOTING),
            (END + SECOND, State.SUCCEEDED),
        ],
    )
    def test_the_edges_of_the_voting_time(self, now: datetime, expected: State) -> None:
        facts = Facts(opened=True, on_ledger=on_ledger(count=count(ROUTINE, (9, 4, 0, 0))))
        assert rules.state(facts, now) == expected

    @pytest.mark.parametrize(
        ("cast", "expected"),
        [
            ((5, 0, 0), State.SUCCEEDED),  # four are out: they could not outvote five
            ((4, 0, 0), State.VOTING),
            ((0, 5, 0), State.DEFEATED),
            ((0, 4, 0), State.VOTING),
            ((3, 3, 3), State.DEFEATED),  # everybody has voted
        ],
    )
    def test_what_the_rest_can_not_change_is_decided(
        self, cast: tuple[int, int, int], expected: State
    ) -> None:
        facts = Facts(opened=True, on_ledger=on_ledger(count=count(ROUTINE, (9, *cast))))
        assert rules.state(facts, START + SECOND) == expected

    def test_it_is_queued_once_it_has_passed_and_executed_in_the_end(self) -> None:
        queued = on_ledger(count=count(ROUTINE, (9, 9, 0, 0)), queued_at=START, effective_at=END)
        assert rules.state(Facts(opened=True, on_ledger=queued), END) == State.QUEUED
        executed = replace(queued, executed=True)
        assert rules.state(Facts(opened=True, on_ledger=executed), END) == State.EXECUTED
        canceled = replace(queued, canceled=True)
        assert rules.state(Facts(opened=True, on_ledger=canceled), END) == State.CANCELED

    @settings(deadline=None)
    @given(counts(), moments, st.booleans(), st.booleans(), st.booleans())
    def test_it_follows_the_governors_own_order_of_questions(
        self, cast: Count, now: datetime, executed: bool, canceled: bool, queued: bool
    ) -> None:
        row = on_ledger(count=cast, executed=executed, canceled=canceled, queued_at=START if queued else None)

        if executed:
            expected = State.EXECUTED
        elif canceled:
            expected = State.CANCELED
        elif now <= START:
            expected = State.PENDING
        elif now <= END and not rules.outlook(cast).decided:
            expected = State.VOTING
        elif not rules.passes(cast):
            expected = State.DEFEATED
        else:
            expected = State.QUEUED if queued else State.SUCCEEDED
        assert rules.state(Facts(opened=True, on_ledger=row), now) == expected

    @settings(deadline=None)
    @given(counts(), moments, st.integers(0, 3600))
    def test_time_only_moves_a_proposal_forward(self, cast: Count, now: datetime, later: int) -> None:
        order = [State.PENDING, State.VOTING, State.DEFEATED, State.SUCCEEDED]
        facts = Facts(opened=True, on_ledger=on_ledger(count=cast))
        first = rules.state(facts, now)
        assert order.index(rules.state(facts, now + timedelta(seconds=later))) >= order.index(first)

    @settings(deadline=None)
    @given(moments)
    def test_seconds_are_left_exactly_while_voting_is_open(self, now: datetime) -> None:
        facts = Facts(opened=True, on_ledger=on_ledger())
        if now > START:
            assert (rules.seconds_left(END, now) > 0) == (rules.state(facts, now) == State.VOTING)

    def test_every_state_has_a_label(self) -> None:
        assert {state.value for state in State} == set(models.State.values)


class TestWhatPasses:
    @pytest.mark.parametrize(
        ("rule", "categories", "expected"),
        [
            (ROUTINE, [(9, 2, 0, 1)], True),  # a third, abstentions included
            (ROUTINE, [(9, 2, 0, 0)], False),
            (ROUTINE, [(10, 3, 0, 0)], False),  # a third of ten is four
            (ROUTINE, [(9, 3, 3, 0)], False),
            (ROUTINE, [(9, 0, 0, 9)], False),
            (MEMBERSHIP, [(4, 4, 0, 0), (1, 1, 0, 0), (1, 1, 0, 0)], True),
            (MEMBERSHIP, [(9, 9, 0, 0), (1, 1, 0, 0), (1, 0, 0, 0)], False),  # two categories of three
            (MEMBERSHIP, [(9, 9, 0, 0), (1, 1, 0, 0)], True),  # only two have seats
            (
                MEMBERSHIP,
                [(3, 2, 1, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 1, 0, 0)],
                True,
            ),  # exactly two thirds
            (MEMBERSHIP, [(3, 2, 1, 0), (2, 1, 1, 0), (1, 1, 0, 0), (1, 1, 0, 0)], True),
            (MEMBERSHIP, [(3, 1, 2, 0), (1, 1, 0, 0), (1, 1, 0, 0), (1, 0, 0, 0)], False),  # three fifths
            (CONSTITUTIONAL, [(3, 3, 0, 0), *[(1, 1, 0, 0)] * 3], True),
            (CONSTITUTIONAL, [(30, 30, 0, 0), *[(1, 1, 0, 0)] * 2, *[(1, 0, 1, 0)] * 3], False),
        ],
    )
    def test_by_the_rule_of_its_kind(
        self, rule: Rule, categories: list[tuple[int, int, int, int]], expected: bool
    ) -> None:
        assert rules.passes(count(rule, *categories)) is expected

    @settings(deadline=None)
    @given(counts(), st.integers(0, rules.CATEGORIES - 1))
    def test_a_vote_for_never_makes_it_fail_and_one_against_never_makes_it_pass(
        self, cast: Count, which: int
    ) -> None:
        before = rules.passes(cast)
        assert rules.passes(voted(cast, which, Tally(in_favour=1))) >= before
        assert rules.passes(voted(cast, which, Tally(against=1))) <= before


class TestTheOutlook:
    @settings(deadline=None, max_examples=25)
    @given(counts(seats=1))
    def test_decided_and_possible_are_what_trying_every_way_out_says(self, cast: Count) -> None:
        outcomes = {rules.passes(end) for end in endings(cast)}
        outlook = rules.outlook(cast)
        assert outlook.possible == (True in outcomes)
        assert outlook.decided == (len(outcomes) == 1)
        assert outlook.passes == rules.passes(cast)

    @settings(deadline=None)
    @given(counts())
    def test_nothing_is_missing_exactly_where_it_passes(self, cast: Count) -> None:
        outlook = rules.outlook(cast)
        missing = (outlook.quorum_missing, outlook.approval_missing, outlook.categories_missing)
        assert (missing == (0, 0, 0)) == outlook.passes

    @settings(deadline=None)
    @given(counts())
    def test_what_is_missing_is_the_least_that_does(self, cast: Count) -> None:
        missing = rules.outlook(cast).approval_missing
        if missing in (0, rules.UNREACHABLE):
            return
        wide = replace(cast, rule=replace(cast.rule, quorum=(0, 1), categories=0))
        assert rules.passes(voted(wide, 0, Tally(in_favour=missing)))
        assert not rules.passes(voted(wide, 0, Tally(in_favour=missing - 1)))


class TestTallies:
    @settings(deadline=None)
    @given(votes)
    def test_a_tally_loses_no_vote_and_makes_up_none(self, cast: list[tuple[int, int]]) -> None:
        tally = rules.tally(cast)

        assert tally.total == sum(weight for _, weight in cast)
        assert tally.in_favour == sum(weight for support, weight in cast if support == 1)
        assert tally.against == sum(weight for support, weight in cast if support == 0)
        assert rules.tally(reversed(cast)) == tally

    def test_a_support_that_does_not_exist_is_not_counted_as_anything(self) -> None:
        with pytest.raises(ValueError, match="3"):
            rules.tally([(3, 1)])

    def test_votes_are_sorted_into_their_categories(self) -> None:
        categories = rules.by_category([2, 1, 0, 0, 0, 3], [(1, 1, 1), (6, 0, 1), (6, 2, 1), (1, 1, 1)])
        assert [one.tally for one in categories] == [
            Tally(in_favour=2),
            *[Tally()] * 4,
            Tally(against=1, abstain=1),
        ]
        assert [one.outstanding for one in categories] == [0, 1, 0, 0, 0, 1]


class TestTheKind:
    SEATS, REGISTRY, ELSEWHERE = "0x" + "1" * 40, "0x" + "2" * 40, "0x" + "3" * 40

    def data(self, contract: str, function: str) -> str:
        (item,) = [one for one in artifact(contract)["abi"] if one.get("name") == function]
        from eth_utils.abi import function_abi_to_4byte_selector

        return "0x" + function_abi_to_4byte_selector(item).hex() + "00" * 32

    def kind(self, *calls: tuple[str, str, str]) -> Weightiness:
        made = [(target, self.data(contract, function)) for target, contract, function in calls]
        return rules.weightiness(made, seats=self.SEATS, registry=self.REGISTRY)

    def test_is_the_strictest_of_the_calls(self) -> None:
        role = (self.REGISTRY, "NodeRegistry", "setRole")
        grant, revoke = (self.SEATS, "Seats", "grant"), (self.SEATS, "Seats", "revoke")
        assert self.kind(role, role) == Weightiness.ROUTINE
        assert self.kind(role, grant) == self.kind(grant, role) == Weightiness.MEMBERSHIP
        assert self.kind(role, revoke, grant) == Weightiness.CONSTITUTIONAL
        assert self.kind((self.SEATS, "Seats", "changeVoter")) == Weightiness.CONSTITUTIONAL

    def test_what_is_asked_of_another_contract_is_constitutional(self) -> None:
        assert self.kind((self.ELSEWHERE, "NodeRegistry", "setRole")) == Weightiness.CONSTITUTIONAL
        assert self.kind((self.SEATS, "NodeRegistry", "setRole")) == Weightiness.CONSTITUTIONAL
        odd = rules.weightiness([(self.SEATS, "0x")], seats=self.SEATS, registry=self.REGISTRY)
        assert odd == Weightiness.CONSTITUTIONAL


def voted(cast: Count, which: int, more: Tally) -> Count:
    """With more votes in one category, and as many more seats that cast them already in the electorate."""
    categories = list(cast.categories)
    categories[which] = replace(categories[which], tally=categories[which].tally + more)
    return replace(cast, categories=tuple(categories))


def endings(cast: Count) -> list[Count]:
    """Every way in which the seats that are out may still vote, or stay away."""
    ways = [
        [
            replace(one, tally=one.tally + Tally(*more))
            for more in itertools.product(range(one.outstanding + 1), repeat=3)
            if sum(more) <= one.outstanding
        ]
        for one in cast.categories
    ]
    return [replace(cast, categories=end) for end in itertools.product(*ways)]


def test_the_description_ends_as_the_governor_wants_it() -> None:
    text = rules.description(
        number=7,
        kind="suspend",
        subjects=["x", "y"],
        text_sha256="ab",
        chain_id=31337,
        governor="0x" + "2" * 40,
        proposer="0x" + "1" * 40,
        attachments=[rules.Attached("cd", 9, "terms.pdf")],
        amends=6,
    )
    assert text == (
        "Proposal 7: suspend\nSubject: x\nSubject: y\nAmends: proposal 6\nText SHA-256: ab\n"
        "Attachment SHA-256: cd (9 bytes) terms.pdf\n"
        f"#governor=eip155:31337:0x{'2' * 40}\n#proposer=0x{'1' * 40}"
    )
