"""Put another governor on the ledger, over the same seats, registry and timelock. It has no power yet.

It takes over when members vote for it: draft "hand over to another governor" with the addresses that this
prints. Run again with the same name, it deploys nothing and prints them once more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from governance.chain import keys, succession
from governance.chain import ledger as gateway


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="tells it from other successors, e.g. 2027")
        parser.add_argument(
            "--passphrase-file",
            type=Path,
            default=settings.RELAY_PASSPHRASE_FILE and Path(settings.RELAY_PASSPHRASE_FILE),
            help="opens the relay account's key (RELAY_PASSPHRASE_FILE)",
        )
        parser.add_argument(
            "--as-configured",
            action="store_true",
            help="terms from the settings (VOTING_PERIOD, …) instead of those that are in force",
        )
        parser.add_argument(
            "--guardian",
            action="append",
            default=[],
            metavar="ADDRESS",
            help="may break the glass; by default who may now",
        )
        parser.add_argument("--threshold", type=int, default=settings.GUARDIAN_THRESHOLD)
        parser.add_argument("--without-guardians", action="store_true", help="nobody may break the glass")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["passphrase_file"] is None:
            raise CommandError("--passphrase-file, or RELAY_PASSPHRASE_FILE, must name a file")
        try:
            with keys.opened_with(options["passphrase_file"]):
                succession.deploy(
                    gateway.current(),
                    name=options["name"],
                    as_configured=options["as_configured"],
                    members=options["guardian"],
                    threshold=options["threshold"],
                    without_guardians=options["without_guardians"],
                    say=self.stdout.write,
                )
        except ConsoleError as error:
            raise CommandError(str(error)) from error
