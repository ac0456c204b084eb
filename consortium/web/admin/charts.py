"""Bar charts drawn on the server: an axis from zero, labels, a legend, and a table for who can't see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise

LABEL_WIDTH = 200
BAR_HEIGHT = 20
RIGHT_MARGIN = 48
TOP_MARGIN = 8
AXIS_HEIGHT = 44


@dataclass(frozen=True)
class Layout:
    """Where bars begin, how long the axis is, and how far rows are apart; labels beside or above the bars."""

    left: int
    plot_width: int
    row_height: int
    labels_above: bool = False

    @property
    def width(self) -> int:
        return self.left + self.plot_width + RIGHT_MARGIN


WIDE = Layout(LABEL_WIDTH, 480, 34)
NARROW = Layout(10, 262, 52, labels_above=True)  # drawn as large as it is on a telephone


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
    label_x: float
    label_y: float
    y: float
    middle: float
    segments: tuple[Segment, ...]
    total: int
    end: float


@dataclass(frozen=True)
class Drawing:
    """One layout of the bars; lengths are in the drawing's own units."""

    layout: Layout
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, int], ...]
    height: float
    plot_bottom: float
    bar_height: int = BAR_HEIGHT

    @property
    def width(self) -> int:
        return self.layout.width

    @property
    def name(self) -> str:
        """The stylesheet's name for it."""
        return "console-chart-narrow" if self.layout.labels_above else "console-chart"

    @property
    def anchor(self) -> str:
        return "start" if self.layout.labels_above else "end"

    @property
    def axis_middle(self) -> float:
        return self.layout.left + self.layout.plot_width / 2

    @property
    def tick_bottom(self) -> float:
        return self.plot_bottom + 16

    @property
    def axis_label_y(self) -> float:
        return self.plot_bottom + 36


@dataclass(frozen=True)
class Bars:
    """All that the template draws: for wide screens, for narrow ones, and as a table."""

    title: Text
    axis: Text
    series: tuple[Text, ...]
    table: tuple[tuple[str, tuple[int, ...]], ...]
    drawings: tuple[Drawing, ...]


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
    return Bars(
        title=title,
        axis=axis,
        series=series,
        table=tuple(rows),
        drawings=tuple(_drawing(layout, rows) for layout in (WIDE, NARROW)),
    )


def _drawing(layout: Layout, rows: Sequence[tuple[str, tuple[int, ...]]]) -> Drawing:
    largest = max((sum(values) for _label, values in rows), default=0) or 1
    step = step_for(largest)
    top = step * -(-largest // step)
    scale = layout.plot_width / top
    bottom = TOP_MARGIN + layout.row_height * len(rows)
    return Drawing(
        layout=layout,
        bars=tuple(_bar(layout, number, row, scale) for number, row in enumerate(rows)),
        ticks=tuple((layout.left + value * scale, value) for value in range(0, top + 1, step)),
        height=bottom + AXIS_HEIGHT,
        plot_bottom=bottom,
    )


def _bar(layout: Layout, number: int, row: tuple[str, tuple[int, ...]], scale: float) -> Bar:
    label, values = row
    foot = TOP_MARGIN + (number + 1) * layout.row_height
    y = foot - BAR_HEIGHT - (4 if layout.labels_above else (layout.row_height - BAR_HEIGHT) / 2)
    middle = y + BAR_HEIGHT / 2
    at, segments = float(layout.left), []
    for series, value in enumerate(values, start=1):
        if value:
            segments.append(Segment(series, at, value * scale, value))
            at += value * scale
    return Bar(
        label=label,
        label_x=layout.left if layout.labels_above else layout.left - 12,
        label_y=y - 13 if layout.labels_above else middle,
        y=y,
        middle=middle,
        segments=tuple(segments),
        total=sum(values),
        end=at + 8,
    )
