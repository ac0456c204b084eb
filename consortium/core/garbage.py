"""Python's search for circles of objects, put off until work that makes many objects is done."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_later() -> Iterator[None]:
    """No search within, which would look at every object hundreds of times to find none of them lost.

    For work of bounded size: what does go in circles stays in memory until the next search after it.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
