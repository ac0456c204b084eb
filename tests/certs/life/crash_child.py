"""A worker of the default queue that dies by SIGKILL: ``python -m … before|after module.function``.

It records what is due and drains the queue with the code as it is; only the named function is wrapped.
"""

from __future__ import annotations

import sys
from importlib import import_module

import django

from tests.certs.crash_child import _deadly


def main(moment: str, target: str) -> None:
    django.setup()
    from certs import tasks
    from consortium.core import outbox

    module, name = target.rsplit(".", 1)
    place = import_module(module)
    setattr(place, name, _deadly(getattr(place, name), moment))
    tasks.record_reminders()
    print("handled", outbox.drain("default"))


if __name__ == "__main__":
    main(*sys.argv[1:])
