"""Take in what the root's ceremony signed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs import authorities
from certs.management.options import passphrase
from consortium.core.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Takes in the folder that comes back from the root's ceremony: issuing authorities, "
        "cross-certificates, the root's CRL. Only what the signed protocol has, and only what was asked "
        "for, is taken. A later generation issues from 30 days on, unless --issues-from says otherwise."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--passphrase-file", required=True, help="opens the issuing CAs' keys")
        parser.add_argument(
            "--root-fingerprint", default="", help="SPKI SHA-256 of a root that comes for the first time"
        )
        parser.add_argument("--issues-from", help="date or time (UTC) from when on new ones issue")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lines = authorities.import_folder(
                options["folder"],
                passphrase=passphrase(options["passphrase_file"]),
                root_fingerprint=options["root_fingerprint"],
                issues_from=_time(options["issues_from"]),
            )
        except ConsoleError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        for line in lines or ["nothing new"]:
            self.stdout.write(line)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        made = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text}: not a date such as 2027-01-31") from error
    return made if made.tzinfo else made.replace(tzinfo=UTC)
