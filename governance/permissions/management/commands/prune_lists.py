"""Clears away lists and metadata that nobody needs any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from governance.permissions import services


class Command(BaseCommand):
    help = "Removes published files that no current metadata name, when they are old. Roots stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=400, help="how long files are kept; default 400")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            gone = services.prune_lists(timedelta(days=options["days"]), really=not options["dry_run"])
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        for name in gone:
            self.stdout.write(name)
        self.stdout.write(f"{len(gone)} files {'would go' if options['dry_run'] else 'removed'}")
