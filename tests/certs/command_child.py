"""A command that dies by SIGKILL: ``python -m tests.certs.command_child after module.function command …``."""

from __future__ import annotations

import sys
from importlib import import_module

import django

from tests.certs.crash_child import _deadly


def main(moment: str, target: str, command: str, *arguments: str) -> None:
    django.setup()
    from django.core.management import call_command

    module, name = target.rsplit(".", 1)
    place = import_module(module)
    setattr(place, name, _deadly(getattr(place, name), moment))
    call_command(command, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
