"""A signing worker that dies by SIGKILL: ``python -m tests.certs.crash_child before|after module.function``.

It drains the signing queue with the code as it is; only the named function is wrapped so that the process
kills itself when it is entered or left.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import django


def _deadly(function: Callable[..., Any], moment: str) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if moment == "after":
            function(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return wrapped


def main(moment: str, target: str) -> None:
    django.setup()
    from consortium.core import outbox

    module, name = target.rsplit(".", 1)
    place = import_module(module)
    setattr(place, name, _deadly(getattr(place, name), moment))
    print("handled", outbox.drain("signing"))


if __name__ == "__main__":
    main(*sys.argv[1:])
