"""The root of the permission lists, with officers' keys: begun here, signed by them, finished here."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs.keys import read_passphrase
from consortium.core.errors import ConsoleError
from governance.permissions import services
from governance.permissions.ceremony import officers, roots
from governance.permissions.ceremony.errors import Refused
from governance.permissions.repository.roles import ONLINE_KEYS
from governance.permissions.tufrepo import Repository


class Command(BaseCommand):
    help = (
        "begin: write the next root for officers to sign (python -m governance.permissions.ceremony). "
        "finish: bring it into force once enough of them have. show: what is in force, and until when."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(required=True, metavar="COMMAND")
        begin = commands.add_parser("begin", help="write the next root, to be signed")
        begin.add_argument(
            "--officer", type=Path, action="append", default=[], metavar="officer.json",
            help="an officer's public key, repeatable; none: the officers stay as they are",
        )  # fmt: skip
        begin.add_argument("--threshold", type=int, required=True, help="how many officers must sign")
        begin.add_argument("--days", type=int, default=365, help="how long it holds")
        begin.add_argument("--new-key", action="append", default=[], choices=sorted(ONLINE_KEYS))
        begin.add_argument("--out", type=Path, required=True, help="folder that the officers get")
        begin.set_defaults(run=self._begin)
        finish = commands.add_parser("finish", help="bring a signed root into force")
        finish.add_argument(
            "root", type=Path, nargs="+", help="the file, or its copies with a signature each"
        )
        finish.set_defaults(run=self._finish)
        for command in (begin, finish):
            command.add_argument("--passphrase-file", required=True, help="opens the signing worker's keys")
        commands.add_parser("show", help="the root in force").set_defaults(run=self._show)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            options["run"](options)
        except (ConsoleError, Refused, OSError) as error:
            raise CommandError(str(error)) from error

    def _begin(self, options: dict[str, Any]) -> None:
        made = services.begin_root(
            [officers.read(path) for path in options["officer"]],
            options["threshold"],
            passphrase=read_passphrase(options["passphrase_file"]),
            renew=options["new_key"],
            lifetime=timedelta(days=options["days"]),
        )
        out: Path = options["out"]
        out.mkdir(parents=True, exist_ok=True)
        former = None
        if made.signed.version > 1:
            former = roots.read(Repository().trusted_root)
            roots.write(out / f"{former.signed.version}.root.json", former)
        place = out / f"{made.signed.version}.root.json"
        if place.exists():
            raise CommandError(f"{place} is there: it may have signatures")
        roots.write(place, made)
        self.stdout.write("\n".join(roots.changes(former.signed if former else None, made.signed)))
        self.stdout.write(f"to be signed: {place}")

    def _finish(self, options: dict[str, Any]) -> None:
        parts = [roots.read(path) for path in options["root"]]
        root = services.install_root(parts, passphrase=read_passphrase(options["passphrase_file"]))
        self.stdout.write(f"in force: root {root.version}, until {root.expires:%Y-%m-%d}")
        self.stdout.write(f"new agents are given {Repository().trusted_root}")

    def _show(self, options: dict[str, Any]) -> None:
        self.stdout.write("\n".join(roots.changes(None, Repository().root())))
        if ends := services.root_ends_soon():
            raise CommandError(f"it ends on {ends:%Y-%m-%d}: officers must sign the next one")
