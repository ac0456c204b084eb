"""Put the alliance's contracts on the ledger; harmless when they are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from governance.chain import deployment


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--passphrase-file",
            type=Path,
            default=settings.RELAY_PASSPHRASE_FILE and Path(settings.RELAY_PASSPHRASE_FILE),
            help="opens the relay account's key, or seals it when it is made (RELAY_PASSPHRASE_FILE)",
        )
        parser.add_argument(
            "--guardian",
            action="append",
            default=[],
            metavar="ADDRESS",
            help="may break the glass (GUARDIANS)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["passphrase_file"] is None:
            raise CommandError("--passphrase-file, or RELAY_PASSPHRASE_FILE, must name a file")
        try:
            ledger = deployment.deploy(
                options["passphrase_file"], guardians=options["guardian"], say=self.stdout.write
            )
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"chain {ledger.chain_id}, relay account {ledger.relay_address}")
