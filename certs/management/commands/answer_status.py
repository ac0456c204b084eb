"""``manage.py answer_status``: the OCSP responder, which listens on the Unix socket OCSP_SOCKET."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from certs.errors import KeysNotAvailable
from certs.status import keyring, server

_DATABASE_PATIENCE = 2  # seconds to connect, and for a statement


class Command(BaseCommand):
    help = "Answer OCSP requests with the responders' keys until the process is told to end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--threads", type=int, default=server.THREADS)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            keyring.passphrase()
        except KeysNotAvailable:
            raise CommandError("OCSP_PASSPHRASE_FILE must name the responders' passphrase file.") from None
        _be_impatient()
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        listening = server.Server(Path(settings.OCSP_SOCKET), options["threads"])
        listening.start()
        self.stdout.write(f"answering at {settings.OCSP_SOCKET}")
        self.stdout.flush()
        ending.wait()
        listening.stop()


def _be_impatient() -> None:
    """A database that hangs must not hold up those whose answers are published."""
    options = connections.settings["default"]["OPTIONS"]
    options["connect_timeout"] = _DATABASE_PATIENCE
    limit = f"-c statement_timeout={_DATABASE_PATIENCE * 1000}"
    options["options"] = f"{options.get('options', '')} {limit}".strip()
