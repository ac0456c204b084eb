"""The ceremony of the permission lists: keys, root, and an empty first publication."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs.keys import read_passphrase
from consortium.core import clock
from consortium.core.errors import ConsoleError
from governance.permissions import tufrepo


class Command(BaseCommand):
    help = (
        "Makes the keys that sign permission lists, their certificates, and root.json, which every agent "
        "is given. Once; needs the list authority (create_authorities or import_authorities)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--passphrase-file", required=True, help="opens the signing worker's keys")
        parser.add_argument(
            "--root-passphrase-file",
            help="opens the root's keys, which belong elsewhere afterwards; default: the same",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        online = read_passphrase(options["passphrase_file"])
        root = read_passphrase(options["root_passphrase_file"] or options["passphrase_file"])
        try:
            made = tufrepo.create(online, root, clock.now())
            certified = tufrepo.certify(online)
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        place = tufrepo.Repository().trusted_root
        self.stdout.write(f"{'made' if made else 'already made'}: list keys, agents trust {place}")
        self.stdout.write(f"certificates of the list authority: {certified} made, in PKI_DIR/lists")
