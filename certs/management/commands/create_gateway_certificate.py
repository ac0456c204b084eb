"""Make the node gateway's key and certificate, or a new one where it no longer fits."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs import console_certificates, keys
from consortium.core.errors import ConsoleError


class Command(BaseCommand):
    help = (
        "Makes KEY_DIR/gateway.key and gateway.crt for the hosts given, signed by the access CA; nothing "
        "happens while the present one fits. Needs the signing worker's SIGNING_PASSPHRASE_FILE."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host", action="append", required=True, help="DNS name or IP address; repeatable"
        )
        parser.add_argument("--passphrase-file", help="in place of SIGNING_PASSPHRASE_FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        file = options["passphrase_file"]
        try:
            passphrase = keys.read_passphrase(file) if file else None
            made = console_certificates.ensure_gateway(options["host"], passphrase=passphrase)
        except ConsoleError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        path = console_certificates.gateway_certificate_path()
        self.stdout.write(f"{path}: {'made' if made else 'still fits'}")
