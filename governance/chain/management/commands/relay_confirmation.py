"""Hand guardians' signed confirmations to the ledger, in turn; the same file twice is harmless."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from governance.chain import confirmations, waiting
from governance.chain import ledger as gateway
from governance.chain.errors import RelayKeyNotAvailable
from governance.chain.models import RelayTransaction


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, help="written by `python -m governance.guardian`")

    def handle(self, *args: Any, **options: Any) -> None:
        for path in options["files"]:
            try:
                row = self.relay(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                raise CommandError(f"{path}: {error}") from error
            except ConsoleError as error:
                raise CommandError(f"{path}: {error}") from error
            self.stdout.write(f"{path}: transaction {row.pk} is {row.get_status_display()}")

    def relay(self, content: object) -> RelayTransaction:
        """To its end, or as far as the worker that has the relay account's key."""
        row = confirmations.accept(gateway.current(), content)
        try:
            # The next one costs more where this one counts first.
            return waiting.drive(row)
        except RelayKeyNotAvailable:
            return row
