"""Make the alliance's root and issuing CA, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs import authorities, keys
from certs.errors import KeysNotAvailable
from consortium.core.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Makes the root and the issuing certificate authority, seals their keys in KEY_DIR, signs their "
        "first CRLs and publishes both; what is there already stays. Run it each year for the root's CRL. "
        "Afterwards move KEY_DIR/root.key to a safe and offline place: only this command needs it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--passphrase-file", required=True, help="its first line seals the issuing CA's key"
        )
        parser.add_argument("--root-passphrase-file", help="seals the root's key; by default the same file")
        parser.add_argument("--alliance", default="Consortium", help="the organisation in the CAs' names")

    def handle(self, *args: Any, **options: Any) -> None:
        issuing = self._passphrase(options["passphrase_file"])
        root = self._passphrase(options["root_passphrase_file"] or options["passphrase_file"])
        try:
            made = authorities.create(options["alliance"], passphrase=issuing, root_passphrase=root)
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        for authority in made.values():
            self.stdout.write(
                f"{authority.name}: SPKI SHA-256 {authority.spki_sha256}, to {authority.not_after:%F}"
            )

    def _passphrase(self, path: str) -> bytes:
        try:
            return keys.read_passphrase(path)
        except KeysNotAvailable as error:
            raise CommandError(f"{path}: no such file, or no passphrase in its first line") from error
