"""A command that dies by SIGKILL: ``python -m tests.certs.command_child after module.function command …``."""

from __future__ import annotations

import pkgutil
import sys

import django

from tests.certs.crash_child import _deadly


def main(moment: str, target: str, command: str, *arguments: str) -> None:
    django.setup()
    from django.core.management import call_command

    module, name = target.rsplit(".", 1)
    place = pkgutil.resolve_name(module)  # a module, or a class in one
    setattr(place, name, _deadly(getattr(place, name), moment))
    call_command(command, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
