"""Drop everything computed from the ledger and compute it again from the first block."""

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
            count = indexer.rebuild(gateway.current())
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} events, up to block {selectors.head().block}")
