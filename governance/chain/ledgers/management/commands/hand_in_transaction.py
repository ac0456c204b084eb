"""Hand in a transaction that a governor signed outside the console: it is checked, stored and relayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from governance.chain.ledgers import handing_in, registering
from governance.chain.ledgers.models import CommitteeTransaction, CommitteeWish, GovernedLedger


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ledger")
        parser.add_argument("file", type=Path, help="the signed transaction, as hexadecimal")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--wish", type=int, help="it opens the proposal of this wish")
        what.add_argument("--agree", type=int, metavar="PROPOSAL", help="it votes for this proposal")
        what.add_argument("--against", type=int, metavar="PROPOSAL", help="it votes against this proposal")
        what.add_argument("--revoke", type=int, metavar="PROPOSAL", help="it revokes this proposal")

    def handle(self, *args: Any, **options: Any) -> None:
        ledger = GovernedLedger.objects.filter(slug=options["ledger"]).first()
        if ledger is None:
            raise CommandError(f"{options['ledger']}: there is no such ledger")
        try:
            raw = options["file"].read_text("ascii")
            row = _handed_in(ledger, raw, options)
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except ConsoleError as error:
            raise CommandError(f"{error.code}: {error}") from error
        self.stdout.write(f"{row.purpose}: {row.tx_hash} ({row.get_status_display()})")


def _handed_in(ledger: GovernedLedger, raw: str, options: dict[str, Any]) -> CommitteeTransaction:
    actor = registering.COMMAND
    if options["wish"] is not None:
        wish = CommitteeWish.objects.filter(ledger=ledger, pk=options["wish"]).first()
        if wish is None:
            raise CommandError(f"{options['wish']}: there is no such wish")
        return handing_in.propose(wish, raw, actor=actor)
    if options["revoke"] is not None:
        return handing_in.revoke(ledger, options["revoke"], raw, actor=actor)
    agree = options["agree"] is not None
    number = options["agree"] if agree else options["against"]
    return handing_in.vote(ledger, number, raw, agree=agree, actor=actor)
