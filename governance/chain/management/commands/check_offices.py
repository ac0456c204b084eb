"""Name everybody who holds a role in the timelock, by its events from the ledger's first block on.

The governor in office should be the only one, beside the timelock itself, which alone gives roles. Ends with
an error if somebody else holds one, or the governor lacks one. Closing the founding checks the founder; an
accomplice to whom the founder gave a role before is found here.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consortium.core.errors import ConsoleError
from governance.chain import ledger as gateway
from governance.chain import roles


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ledger = gateway.current()
            found, proper = roles.holdings(ledger), roles.proper(ledger)
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        for holding in sorted(found):
            self.stdout.write(str(holding))
        faults = [f"should not be: {one}" for one in sorted(found - proper)]
        faults += [f"is missing: {one}" for one in sorted(proper - found)]
        if faults:
            raise CommandError("\n".join(faults))
