"""The committee's arithmetic as the published contract has it, and what it means for those who vote."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from governance.chain.ledgers import rules
from governance.chain.ledgers.rules import Outcome, Rules, Votes
from governance.contracts import fisco

WANGCHAO, DONGLI, HAITANG, YUNFAN = "0xW", "0xD", "0xH", "0xY"


def test_nothing_is_decided_below_the_participation_rate() -> None:
    three = Rules({WANGCHAO: 1, DONGLI: 1, HAITANG: 1}, 67, 50)
    assert rules.outcome(three, Votes((WANGCHAO, DONGLI))) is Outcome.OPEN  # 200 < 3 × 67


def test_reaching_the_rate_decides_at_once() -> None:
    three = Rules({WANGCHAO: 1, DONGLI: 1, HAITANG: 1}, 66, 51)
    assert rules.outcome(three, Votes((WANGCHAO, DONGLI))) is Outcome.PASSED
    assert rules.outcome(three, Votes((WANGCHAO,), (DONGLI,))) is Outcome.DENIED  # 100 < 51 × 2


def test_the_same_votes_in_another_order_decide_otherwise() -> None:
    town = Rules({WANGCHAO: 2, DONGLI: 3, HAITANG: 5}, 60, 60)
    assert rules.outcome(town, Votes((WANGCHAO,), (HAITANG,))) is Outcome.DENIED
    early = Votes((WANGCHAO, DONGLI), ())
    assert rules.outcome(town, early) is Outcome.OPEN
    look = rules.outlook(town, Votes((WANGCHAO,)))
    assert look.order_matters is False  # of Dongli and Haitang, Haitang decides whoever is first
    four = Rules({WANGCHAO: 1, DONGLI: 1, HAITANG: 1, YUNFAN: 1}, 75, 60)
    assert rules.outlook(four, Votes((WANGCHAO,))).order_matters is True


def test_before_voting_it_shows_who_would_end_it_and_how() -> None:
    three = Rules({WANGCHAO: 1, DONGLI: 1, HAITANG: 1}, 60, 60)
    look = rules.outlook(three, Votes((WANGCHAO,)))
    assert look.if_agree == {DONGLI: Outcome.PASSED, HAITANG: Outcome.PASSED}
    assert look.if_against == {DONGLI: Outcome.DENIED, HAITANG: Outcome.DENIED}
    assert look.order_matters  # whichever of the two is first decides
    assert look.can_pass
    assert look.can_be_denied


def test_a_governor_that_would_go_cant_give_the_deciding_vote() -> None:
    three = Rules({WANGCHAO: 1, DONGLI: 1, HAITANG: 1}, 60, 60)
    look = rules.outlook(three, Votes((WANGCHAO,)), removes=DONGLI)
    assert look.if_agree[DONGLI] is Outcome.FAILS
    assert look.if_agree[HAITANG] is Outcome.PASSED


def test_a_rate_of_zero_passes_with_the_first_vote() -> None:
    assert rules.outcome(Rules({WANGCHAO: 1, DONGLI: 9}, 0, 0), Votes((WANGCHAO,))) is Outcome.PASSED


def test_weights_too_large_fail_every_vote() -> None:
    """Point 6: 2^31 times 100 is not in 32 bits; the bound is the first sum that fails."""
    heavy = Rules({WANGCHAO: 2**31, DONGLI: 1}, 1, 1)
    assert rules.outcome(heavy, Votes((WANGCHAO,))) is Outcome.FAILS
    assert fisco.overflows(fisco.WEIGHT_BOUND)
    assert not fisco.overflows(fisco.WEIGHT_BOUND - 1)
    below = Rules({WANGCHAO: fisco.WEIGHT_BOUND - 1}, 100, 100)
    assert rules.outcome(below, Votes((WANGCHAO,))) is Outcome.PASSED


def test_the_worst_sum_counts_what_else_is_proposed() -> None:
    now = {WANGCHAO: 5, DONGLI: 5}
    assert rules.worst_sum(now, [(HAITANG, 7), (DONGLI, 2)]) == 17  # a lower weight may not come to pass


def test_the_tally_says_what_is_missing() -> None:
    town = Rules({WANGCHAO: 2, DONGLI: 3, HAITANG: 5}, 65, 60)
    found = rules.tally(town, Votes((WANGCHAO,), (DONGLI,)))
    assert (found.agree, found.against, found.all) == (2, 3, 10)
    assert (found.participation_missing, found.outstanding) == (2, 5)  # 6.5 is needed: seven


@given(
    weights=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    rates=st.tuples(st.integers(0, 100), st.integers(0, 100)),
    choices=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_order_matters_exactly_where_some_order_ends_otherwise(
    weights: list[int], rates: tuple[int, int], choices: list[bool]
) -> None:
    names = [WANGCHAO, DONGLI, HAITANG, YUNFAN][: len(weights)]
    town = Rules(dict(zip(names, weights, strict=True)), *rates)
    ends = {_play(town, order, dict(zip(names, choices, strict=False))) for order in permutations(names)}
    look = rules.outlook(town, Votes())
    if len(ends) > 1:
        assert look.order_matters
    assert Outcome.PASSED not in ends or look.can_pass
    assert Outcome.DENIED not in ends or look.can_be_denied


def _play(town: Rules, order: tuple[str, ...], choices: dict[str, bool]) -> Outcome:
    votes = Votes()
    for who in order:
        votes = votes.plus(who, choices[who])
        if (found := rules.outcome(town, votes)) is not Outcome.OPEN:
            return found
    return Outcome.OPEN
