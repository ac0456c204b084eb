"""Makes a process stand still (SIGSTOP) at a step that a test chose; the product knows nothing of it.

Python reads this at its start where its folder is in PYTHONPATH. STOP_PLACES names the functions that may
be such a step: ``module:function`` or ``module:Class.method``, with spaces in between. STOPS is a folder, in
which a file ``armed-…`` is a step that is wanted: the place, ``before`` or ``after``, and what its arguments
and result must contain. The process that comes there renames the file, once, to say that it stands, and who
it is.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
from pathlib import Path

_PLACES: dict[str, list[str]] = {}
for _place in os.environ.get("STOP_PLACES", "").split():
    _module, _, _function = _place.partition(":")
    _PLACES.setdefault(_module, []).append(_function)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what Python would find, and wraps the functions once their module is there."""

    def find_spec(self, name, path, target=None):
        if name not in _PLACES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        real = spec.loader.exec_module

        def exec_module(module):
            real(module)
            for function in _PLACES[name]:
                _wrap(module, name, function)

        spec.loader.exec_module = exec_module
        return spec


def _wrap(module, name, function):
    *owners, last = function.split(".")
    owner = functools.reduce(getattr, owners, module)
    real, place = getattr(owner, last), f"{name}:{function}"

    @functools.wraps(real)
    def stoppable(*arguments, **options):
        _stop(place, "before", arguments, options)
        result = real(*arguments, **options)
        _stop(place, "after", arguments, options, result)
        return result

    setattr(owner, last, stoppable)


def _stop(place, when, *said):
    for armed in sorted(Path(os.environ["STOPS"]).glob("armed-*")):
        try:
            wanted = json.loads(armed.read_bytes())
            if (wanted["place"], wanted["when"]) != (place, when) or wanted["matching"] not in str(said):
                continue
            # Whoever of a pool renames it is the one that stops.
            armed.rename(armed.with_name(f"{armed.name.replace('armed', 'reached')}-{os.getpid()}"))
        except FileNotFoundError:
            continue
        os.kill(os.getpid(), signal.SIGSTOP)


if _PLACES:
    sys.meta_path.insert(0, _Finder())
