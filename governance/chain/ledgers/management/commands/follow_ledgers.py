"""Index the governed ledgers up to their heads and do what is due, as the chain worker does."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from governance.chain.ledgers import tasks
from governance.chain.ledgers.models import GovernedLedger


class Command(BaseCommand):
    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        tasks.follow()
        for row in GovernedLedger.objects.exclude(kind=GovernedLedger.Kind.GOVERNOR):
            newest = row.blocks.order_by("-number").first()
            self.stdout.write(f"{row.slug}: at block {newest.number if newest else '–'}")
