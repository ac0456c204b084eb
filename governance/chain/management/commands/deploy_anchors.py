"""Put the contract that keeps the heads of the lists' logs on the ledger of an alliance that has none yet.

Alliances that are founded from now on have it from the beginning. Harmless when it is there.
"""

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
            help="opens the relay account's key (RELAY_PASSPHRASE_FILE)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["passphrase_file"] is None:
            raise CommandError("--passphrase-file, or RELAY_PASSPHRASE_FILE, must name a file")
        try:
            deployment.deploy_anchors(options["passphrase_file"], say=self.stdout.write)
        except ConsoleError as error:
            raise CommandError(str(error)) from error
