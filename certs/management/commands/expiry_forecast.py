"""What runs out, soonest first; fails when somebody must act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs import forecast
from consortium.core import clock


class Command(BaseCommand):
    help = (
        "Lists everything that runs out: roots, issuing authorities, cross-certificates, CRLs, the "
        "console's, nodes' and officers' certificates, the root of the permission lists, soonest first. "
        "Ends with status 1 when one ends within --days, or when one that the signing worker renews by "
        "itself was not renewed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=30)

    def handle(self, *args: Any, **options: Any) -> None:
        now, within = clock.now(), timedelta(days=options["days"])
        alarms = 0
        for expiry in forecast.everything(now):
            alarm = expiry.alarms(now, within)
            alarms += alarm
            self.stdout.write(
                f"{'!' if alarm else ' '} {expiry.ends:%F %R} {expiry.left(now).days:>6} d  "
                f"{expiry.kind.value:<9} {expiry.name}{' (renews itself)' if expiry.due else ''}"
            )
        if alarms:
            raise CommandError(f"{alarms} to see to within {options['days']} days", returncode=1)
