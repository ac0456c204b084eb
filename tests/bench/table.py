"""How a measurement is printed: rates of one run, side by side, and their ratio."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median


def rate(work: Callable[[], int]) -> float:
    """How many things a second ``work`` does; it returns how many it did."""
    began = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - began)


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """The seconds that ``work`` took, and how many things it did."""
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def heading(*peers: str) -> None:
    print("| what | ours | " + " | ".join(f"{peer} | ratio" for peer in peers) + " |")
    print("| --- | ---: |" + " ---: | ---: |" * len(peers), flush=True)


def row(what: str, ours: float, *peers: float, unit: str = "/s") -> None:
    """``ours`` beside each of ``peers``, a ratio after each: above 1 is faster than the peer."""
    cells = [what, _shown(ours, unit)]
    for peer in peers:
        ratio = ours / peer if unit == "/s" else peer / ours
        cells += [_shown(peer, unit), f"{ratio:.2f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


class Rounds:
    """Several rates, measured in turns: a machine that slows down meanwhile does so for all of them."""

    def __init__(self, works: Mapping[str, Callable[[], float]], count: int) -> None:
        rounds = [{name: work() for name, work in works.items()} for _ in range(count)]
        self._rates = {name: [each[name] for each in rounds] for name in works}

    def row(self, what: str, ours: str, *peers: str) -> None:
        """The middle rate of each, and between them the middle, least and greatest of the rounds' ratios."""
        cells = [what, _shown(median(self._rates[ours]), "/s")]
        for peer in peers:
            ratios = sorted(
                mine / other for mine, other in zip(self._rates[ours], self._rates[peer], strict=True)
            )
            shown = f"{median(ratios):.3g} ({ratios[0]:.3g} to {ratios[-1]:.3g})"
            cells += [_shown(median(self._rates[peer]), "/s"), shown]
        print("| " + " | ".join(cells) + " |", flush=True)


def _shown(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"
