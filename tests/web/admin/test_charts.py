"""Bars begin at zero, end within the drawing, and their ticks are round numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.web.admin import charts


@pytest.mark.parametrize(
    ("largest", "step"), [(1, 1), (5, 1), (6, 2), (14, 5), (35, 10), (80, 20), (501, 200)]
)
def test_ticks_are_round(largest: int, step: int) -> None:
    assert charts.step_for(largest) == step


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=8))
def test_every_bar_fits_and_is_as_long_as_its_value(values: list[tuple[int, int]]) -> None:
    rows = [(f"row {n}", pair) for n, pair in enumerate(values)]
    chart = charts.bars(title="t", axis="a", series=("x", "y"), rows=rows)
    for drawing in chart.drawings:
        left = drawing.layout.left
        assert drawing.ticks[0] == (left, 0)
        scale = (drawing.ticks[-1][0] - left) / drawing.ticks[-1][1]
        for bar, pair in zip(drawing.bars, values, strict=True):
            assert bar.total == sum(pair)
            assert sum(piece.width for piece in bar.segments) == pytest.approx(sum(pair) * scale)
            assert bar.end <= drawing.width


def test_one_drawing_is_no_wider_than_a_telephone() -> None:
    chart = charts.bars(title="t", axis="a", series=("x",), rows=[("Banking", (3,)), ("Funds", (1,))])
    wide, narrow = chart.drawings
    assert narrow.width <= 390 - 2 * 32  # the page's and the panel's margins
    first, second = narrow.bars
    assert first.label_y < first.y < second.label_y < second.y
    assert wide.bars[0].label_y == wide.bars[0].middle
