"""``manage.py audit_certificates``: check everything ever issued again; exit code 1 on a finding."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from certs.audit import audit, tell
from consortium.core import events


class Command(BaseCommand):
    help = "Check every certificate, serial number, revocation list and prepared answer again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--without-lint", action="store_true", help="leave out pkilint, which is slow")

    def handle(self, *args: Any, **options: Any) -> None:
        report = audit(lint=not options["without_lint"])
        for finding in report.findings:
            self.stdout.write(str(finding))
        tell(report.findings, actor=events.COMMAND)
        summary = f"{report.checked} certificates checked, {len(report.findings)} findings"
        if report.findings:
            raise CommandError(summary)
        self.stdout.write(summary)
