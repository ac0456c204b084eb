"""``manage.py sweep_certificates``: finish or void what a killed process left of issuing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from certs.issuing import sweep
from consortium.core import events


class Command(BaseCommand):
    help = "Owe approved requests their certificate again, and void serial numbers that came to nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        swept = sweep.sweep(actor=events.COMMAND)
        for serial in swept.voided:
            self.stdout.write(f"voided {serial}")
        self.stdout.write(f"{swept.owed} requests owed again, {len(swept.voided)} serial numbers voided")
