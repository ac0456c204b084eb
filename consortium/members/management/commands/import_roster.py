"""Import institutions from a CSV or XLSX roster."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consortium.core import events
from consortium.core.errors import ConsoleError
from consortium.members import roster
from consortium.members.errors import RosterHasErrors


class Command(BaseCommand):
    help = "Import institutions from a roster (CSV in UTF-8 or GB18030, or XLSX). Twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--skip-bad", action="store_true", help="import the good rows, leave the bad ones"
        )
        parser.add_argument(
            "--founding",
            action="store_true",
            help="the founding act, before the founding closes: new institutions are admitted at once",
        )

    def handle(self, *args: Any, file: Path, skip_bad: bool, founding: bool, **options: Any) -> None:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from None
        try:
            preview = roster.load(data, file.name, actor=events.COMMAND)
            report = roster.import_rows(preview, actor=events.COMMAND, skip_bad=skip_bad, founding=founding)
        except RosterHasErrors as refusal:
            self._print_problems(refusal.preview)
            raise CommandError(f"{refusal} (--skip-bad imports the others)", returncode=1) from None
        except ConsoleError as refusal:
            raise CommandError(str(refusal)) from None
        self._print_problems(preview)
        self.stdout.write(
            f"{file.name} ({preview.file.form}): {report.new} new, {report.changed} changed, "
            f"{report.unchanged} unchanged, {report.skipped} skipped"
        )

    def _print_problems(self, preview: roster.Preview) -> None:
        for problem in preview.problems:
            self.stderr.write(f"row {problem.row}, {problem.column or '-'}: {problem.code}: {problem.reason}")
