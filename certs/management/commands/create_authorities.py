"""Make the alliance's authorities on one machine, in one go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs import authorities
from certs.authorities.plans import Purpose
from certs.management.options import key_plans, passphrase
from consortium.core.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Makes the root and an issuing authority for each purpose on this one machine, signs their first "
        "CRLs and publishes them; what is there already stays. For development and trials: an alliance makes "
        "its root apart, by python -m certs.ceremony, with request_authorities and import_authorities here."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--passphrase-file", required=True, help="its first line seals the issuing CAs' keys"
        )
        parser.add_argument("--root-passphrase-file", help="seals the root's key; by default the same file")
        parser.add_argument("--alliance", default="Consortium", help="the organisation in the CAs' names")
        key_plans(parser, Purpose.ROOT)

    def handle(self, *args: Any, **options: Any) -> None:
        issuing = passphrase(options["passphrase_file"])
        root = passphrase(options["root_passphrase_file"] or options["passphrase_file"])
        try:
            made = authorities.create(
                options["alliance"], passphrase=issuing, root_passphrase=root, plans=options["key"]
            )
        except ConsoleError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        for authority in made.values():
            self.stdout.write(
                f"{authority.name}: SPKI SHA-256 {authority.spki_sha256}, to {authority.not_after:%F}"
            )
