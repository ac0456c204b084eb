"""Ask the root's ceremony for issuing authorities: keys here, requests into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs import authorities
from certs.authorities.plans import ISSUING, Purpose
from certs.management.options import key_plans, passphrase
from consortium.core.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Makes the keys of new issuing authorities (the first, or the next generation) and writes their "
        "requests into a folder for the root's ceremony. Write down the fingerprints that it shows: the "
        "witnesses compare them. Repeated, it writes the same requests again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what goes to the ceremony machine")
        parser.add_argument("--passphrase-file", required=True, help="its first line seals the keys")
        parser.add_argument(
            "--purpose",
            action="append",
            choices=[purpose.value for purpose in ISSUING],
            help="repeatable; default: all",
        )
        parser.add_argument(
            "--host",
            action="append",
            default=[],
            help="a domain, address or network that the access authority's certificates are confined to; "
            "repeatable",
        )
        key_plans(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        purposes = [Purpose(value) for value in options["purpose"] or ISSUING]
        try:
            asked = authorities.request(
                options["folder"],
                purposes,
                passphrase=passphrase(options["passphrase_file"]),
                plans=options["key"],
                hosts=options["host"],
            )
        except ConsoleError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        for pending in asked:
            self.stdout.write(f"{pending.name}: SPKI SHA-256 {pending.request.spki_sha256}")
        self.stdout.write(f"take {options['folder']} to the ceremony")
