#!/usr/bin/env python
"""Django's command line for the Consortium Console."""

import os
import sys


def language() -> str:
    """The terminal's: pages fall back to the console's default language, a shell says which it speaks."""
    spoken = next(
        (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    return "zh-hans" if spoken.lower().startswith("zh") else "en"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    import django
    from django.core.management import execute_from_command_line
    from django.utils import translation

    django.setup()
    translation.activate(language())
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
