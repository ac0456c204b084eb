"""The pure rules, on their own and held against OpenZeppelin's definition by Hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.proposals import models, rules
from governance.proposals.rules import Facts, OnLedger, State, Tally

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
END = START + timedelta(hours=1)
SECOND = timedelta(seconds=1)

votes = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 3)), max_size=80)
moments = st.integers(-10, 3610).map(lambda s: START + timedelta(seconds=s))


def on_ledger(**fields: object) -> OnLedger:
    return OnLedger(**{"vote_start": START, "vote_end": END, "quorum": 3, **fields})  # type: ignore[arg-type]


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
def test_before_the_ledger_has_it(facts: Facts, expected: State) -> None:
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
def test_the_edges_of_the_voting_time(now: datetime, expected: State) -> None:
    facts = Facts(opened=True, on_ledger=on_ledger(tally=Tally(in_favour=3)))
    assert rules.state(facts, now) == expected


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        (Tally(in_favour=3), State.SUCCEEDED),
        (Tally(in_favour=2), State.DEFEATED),
        (Tally(in_favour=1, abstain=2), State.SUCCEEDED),
        (Tally(in_favour=3, against=3), State.DEFEATED),
        (Tally(abstain=3), State.DEFEATED),
        (Tally(in_favour=2, against=1), State.DEFEATED),
    ],
)
def test_what_passes(tally: Tally, expected: State) -> None:
    assert rules.state(Facts(opened=True, on_ledger=on_ledger(tally=tally)), END + SECOND) == expected


@settings(deadline=None)
@given(votes)
def test_a_tally_loses_no_vote_and_makes_up_none(cast: list[tuple[int, int]]) -> None:
    tally = rules.tally(cast)

    assert tally.total == sum(weight for _, weight in cast)
    assert tally.in_favour == sum(weight for support, weight in cast if support == 1)
    assert tally.against == sum(weight for support, weight in cast if support == 0)
    assert rules.tally(reversed(cast)) == tally


def test_a_support_that_does_not_exist_is_not_counted_as_anything() -> None:
    with pytest.raises(ValueError, match="3"):
        rules.tally([(3, 1)])


@settings(deadline=None)
@given(votes, st.integers(0, 10))
def test_a_vote_for_never_makes_a_proposal_fail_and_one_against_never_makes_it_pass(
    cast: list[tuple[int, int]], quorum: int
) -> None:
    before = rules.passes(rules.tally(cast), quorum)
    assert rules.passes(rules.tally([*cast, (1, 1)]), quorum) >= before
    assert rules.passes(rules.tally([*cast, (0, 1)]), quorum) <= before


@settings(deadline=None)
@given(votes, st.integers(0, 10), moments, st.booleans(), st.booleans())
def test_the_state_follows_the_governors_own_order_of_questions(
    cast: list[tuple[int, int]], quorum: int, now: datetime, executed: bool, canceled: bool
) -> None:
    tally = rules.tally(cast)
    row = on_ledger(quorum=quorum, tally=tally, executed=executed, canceled=canceled)
    state = rules.state(Facts(opened=True, on_ledger=row), now)

    if executed:
        expected = State.EXECUTED
    elif canceled:
        expected = State.CANCELED
    elif now <= START:
        expected = State.PENDING
    elif now <= END:
        expected = State.VOTING
    elif tally.in_favour + tally.abstain >= quorum and tally.in_favour > tally.against:
        expected = State.SUCCEEDED
    else:
        expected = State.DEFEATED
    assert state == expected


@settings(deadline=None)
@given(moments, st.integers(0, 3600))
def test_time_only_moves_a_proposal_forward(now: datetime, later: int) -> None:
    order = [State.PENDING, State.VOTING, State.DEFEATED]
    facts = Facts(opened=True, on_ledger=on_ledger())
    first = rules.state(facts, now)
    assert order.index(rules.state(facts, now + timedelta(seconds=later))) >= order.index(first)


@settings(deadline=None)
@given(moments)
def test_seconds_are_left_exactly_while_voting_is_open(now: datetime) -> None:
    facts = Facts(opened=True, on_ledger=on_ledger())
    if now > START:
        assert (rules.seconds_left(END, now) > 0) == (rules.state(facts, now) == State.VOTING)


def test_every_state_has_a_label() -> None:
    assert {state.value for state in State} == set(models.State.values)


def test_the_description_ends_as_the_governor_wants_it() -> None:
    text = rules.description(
        number=7,
        kind="suspend",
        subject="x",
        text_sha256="ab",
        chain_id=31337,
        governor="0x" + "2" * 40,
        proposer="0x" + "1" * 40,
    )
    assert text == (
        "Proposal 7: suspend\nSubject: x\nText SHA-256: ab\n"
        f"#governor=eip155:31337:0x{'2' * 40}\n#proposer=0x{'1' * 40}"
    )
