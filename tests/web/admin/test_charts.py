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
    assert chart.ticks[0] == (charts.LABEL_WIDTH, 0)
    scale = (chart.ticks[-1][0] - charts.LABEL_WIDTH) / chart.ticks[-1][1]
    for bar, pair in zip(chart.bars, values, strict=True):
        assert bar.total == sum(pair)
        assert sum(piece.width for piece in bar.segments) == pytest.approx(sum(pair) * scale)
        assert bar.end <= chart.width
