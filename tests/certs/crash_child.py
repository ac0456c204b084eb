"""A signing worker that dies by SIGKILL: ``python -m tests.certs.crash_child before|after module.f [N]``.

It drains the signing queue with the code as it is; only the named function is wrapped so that the process
kills itself when it is entered or left for the Nth time (the first, where none is given).
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import django


def _deadly(function: Callable[..., Any], moment: str, times: int = 1) -> Callable[..., Any]:
    calls = itertools.count(1)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        last = next(calls) == times
        if last and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = function(*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return wrapped


def main(moment: str, target: str, times: str = "1") -> None:
    django.setup()
    from consortium.core import outbox

    module, name = target.rsplit(".", 1)
    place = import_module(module)
    setattr(place, name, _deadly(getattr(place, name), moment, int(times)))
    print("handled", outbox.drain("signing"))


if __name__ == "__main__":
    main(*sys.argv[1:])
