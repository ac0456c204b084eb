"""``manage.py check_status``: for a monitor. Exit code 1 when something published is late or has run out."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from certs.status import freshness, watching
from certs.status.freshness import State
from consortium.core import clock


class Command(BaseCommand):
    help = "Say until when revocation lists, responders and prepared answers hold."

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        found = [*freshness.lists(now), *watching.published(now)]
        for finding in found:
            self.stdout.write(str(finding))
        if any(finding.state is not State.FRESH for finding in found):
            sys.exit(1)
