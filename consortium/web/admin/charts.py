"""Bar charts drawn on the server: an axis from zero, labels, a legend, and a table for who can't see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise

LABEL_WIDTH = 200
PLOT_WIDTH = 480
ROW_HEIGHT = 34
BAR_HEIGHT = 20
RIGHT_MARGIN = 48
TOP_MARGIN = 8
AXIS_HEIGHT = 44


@dataclass(frozen=True)
class Segment:
    """A piece of a bar: series number from 1, place and width in the drawing, and its value."""

    series: int
    x: float
    width: float
    value: int


@dataclass(frozen=True)
class Bar:
    label: str
    y: float
    middle: float
    segments: tuple[Segment, ...]
    total: int
    end: float


@dataclass(frozen=True)
class Bars:
    """All that the template draws; lengths are in the drawing's own units."""

    title: Text
    axis: Text
    series: tuple[Text, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, int], ...]
    table: tuple[tuple[str, tuple[int, ...]], ...]
    width: float
    height: float
    plot_bottom: float
    label_width: int = LABEL_WIDTH
    bar_height: int = BAR_HEIGHT

    @property
    def axis_middle(self) -> float:
        return LABEL_WIDTH + PLOT_WIDTH / 2

    @property
    def tick_bottom(self) -> float:
        return self.plot_bottom + 16

    @property
    def axis_label_y(self) -> float:
        return self.plot_bottom + 36

    @property
    def label_end(self) -> int:
        return LABEL_WIDTH - 12


def step_for(largest: int, *, ticks: int = 5) -> int:
    """The distance of ticks: 1, 2 or 5 times a power of ten, at most ``ticks`` of them up to ``largest``."""
    unit = 1
    while True:
        for factor in (1, 2, 5):
            if factor * unit * ticks >= largest:
                return factor * unit
        unit *= 10


def bars(
    *, title: Text, axis: Text, series: tuple[Text, ...], rows: Sequence[tuple[str, tuple[int, ...]]]
) -> Bars:
    """Lay out stacked bars, one a row; every row has a value for each of ``series``."""
    largest = max((sum(values) for _label, values in rows), default=0) or 1
    step = step_for(largest)
    top = step * -(-largest // step)
    scale = PLOT_WIDTH / top
    bottom = TOP_MARGIN + ROW_HEIGHT * len(rows)
    return Bars(
        title=title,
        axis=axis,
        series=series,
        bars=tuple(_bar(number, label, values, scale) for number, (label, values) in enumerate(rows)),
        ticks=tuple((LABEL_WIDTH + value * scale, value) for value in range(0, top + 1, step)),
        table=tuple(rows),
        width=LABEL_WIDTH + PLOT_WIDTH + RIGHT_MARGIN,
        height=bottom + AXIS_HEIGHT,
        plot_bottom=bottom,
    )


def _bar(number: int, label: str, values: tuple[int, ...], scale: float) -> Bar:
    y = TOP_MARGIN + number * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2
    at, segments = float(LABEL_WIDTH), []
    for series, value in enumerate(values, start=1):
        if value:
            segments.append(Segment(series, at, value * scale, value))
            at += value * scale
    return Bar(label, y, y + BAR_HEIGHT / 2, tuple(segments), sum(values), at + 8)
