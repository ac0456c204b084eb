"""Drop everything computed from a committee's ledger and compute it again from the first block."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from governance.chain.ledgers import indexing
from governance.chain.ledgers.models import GovernedLedger


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = GovernedLedger.Kind.COMMITTEE
        row = GovernedLedger.objects.filter(slug=options["slug"], kind=kind).first()
        if row is None:
            raise CommandError(f"{options['slug']}: there is no such committee ledger")
        try:
            count = indexing.rebuild(row)
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} calls, {row.proposals.count()} proposals")
