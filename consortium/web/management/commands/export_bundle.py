"""``manage.py export_bundle NUMBER FILE``: a proposal's story in one file, for ``governance.verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from consortium.core.errors import ConsoleError
from governance.bundles import bundle_of
from governance.proposals.models import Proposal


class Command(BaseCommand):
    help = "Write a proposal's bundle, which governance.verify checks without this console."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        proposal = Proposal.objects.select_related("ledger").filter(number=options["number"]).first()
        if proposal is None:
            raise CommandError(_("There is no proposal %(number)s.") % {"number": options["number"]})
        try:
            options["file"].write_bytes(bundle_of(proposal))
        except ConsoleError as error:
            raise CommandError(f"{error.code}: {error}") from error
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(options["file"]))
