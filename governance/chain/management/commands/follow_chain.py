"""Index the ledger up to its head, as the chain worker does every second."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consortium.core.errors import ConsoleError
from governance.chain import indexer, selectors
from governance.chain import ledger as gateway


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = indexer.follow(gateway.current())
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{found} new events, at block {selectors.head().block}")
