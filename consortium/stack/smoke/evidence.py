"""What was seen, line by line; the first thing that is not true ends the run."""

from __future__ import annotations

import time
from collections.abc import Callable


class NotTrue(Exception):
    """A statement of the smoke run does not hold."""


class Evidence:
    """Prints statements with the time since the start, in seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def line(self, text: str, *, true: bool = True) -> None:
        """State ``text``. Raises NotTrue, after printing it, when it is not ``true``."""
        print(f"{self.elapsed:7.2f} s  {'ok  ' if true else 'NOT '} {text}", flush=True)
        if not true:
            raise NotTrue(text)

    def measure(self, what: str, value: float, unit: str, *, wanted: float) -> None:
        """State a measurement beside what is wanted (at most). It ends nothing: machines differ."""
        word = "met " if value <= wanted else "over"
        print(
            f"{self.elapsed:7.2f} s  {word} {what}: {value:.2f} {unit} (wanted: at most {wanted:g})",
            flush=True,
        )

    def note(self, text: str) -> None:
        """Something another program printed, indented below the statement that it belongs to."""
        for line in text.strip().splitlines():
            print(f"{'':17}{line}", flush=True)

    def wait(self, what: str, condition: Callable[[], bool], *, seconds: float) -> None:
        """Wait for ``condition``; raises NotTrue when it does not come about within ``seconds``."""
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit:
                self.line(f"{what}: not within {seconds:.0f} s", true=False)
            time.sleep(0.05)
