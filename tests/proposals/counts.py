"""Electorates and votes of all sorts, for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from governance.proposals.rules import CATEGORIES, Category, Count, Rule, Tally


@st.composite
def _shares(draw: st.DrawFn, at_least: tuple[int, int] = (0, 1)) -> tuple[int, int]:
    denominator = draw(st.integers(1, 6))
    least = -(-at_least[0] * denominator // at_least[1])
    return draw(st.integers(least, denominator)), denominator


@st.composite
def _categories(draw: st.DrawFn, seats: int) -> Category:
    electorate = draw(st.integers(0, seats))
    in_favour = draw(st.integers(0, electorate))
    against = draw(st.integers(0, electorate - in_favour))
    abstain = draw(st.integers(0, electorate - in_favour - against))
    return Category(electorate, Tally(in_favour, against, abstain))


def rules() -> st.SearchStrategy[Rule]:
    """Any quorum, an approval of at least half, any number of categories."""
    return st.builds(Rule, _shares(), _shares((1, 2)), st.integers(0, CATEGORIES))


def counts(seats: int = 12) -> st.SearchStrategy[Count]:
    """Six categories with up to ``seats`` seats each; votes never exceed them."""
    categories = st.tuples(*[_categories(seats)] * CATEGORIES)
    return st.builds(Count, rules(), categories)
