"""Make the alliance's 国密 root and its CA for nodes, once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from certs import keys
from certs.errors import KeysNotAvailable
from certs.sm2 import authorities
from consortium.core.errors import ConsoleError


def _day(text: str) -> datetime:
    """The day's beginning in UTC; argparse has a word for what raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


class Command(BaseCommand):
    help = (
        "Makes the SM2 root and the SM2 CA for nodes in FISCO BCOS's SM mode, seals their keys in KEY_DIR, "
        "signs their first lists and publishes both; what is there already stays. Run it every year for the "
        "root's list. What the root signed stands in KEY_DIR/sm-root.protocol, signed by it: let witnesses "
        "note the last line's SHA-256. Then move KEY_DIR/sm-root.key to a safe and offline place."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--passphrase-file", required=True, help="its first line seals the nodes CA's key"
        )
        parser.add_argument("--root-passphrase-file", help="seals the root's key; by default the same file")
        parser.add_argument("--witness", action="append", default=[], help="who is present; repeatable")
        parser.add_argument(
            "--next-nodes-from",
            type=_day,
            metavar="YYYY-MM-DD",
            help="also make the next generation of the CA for nodes, which issues from that day on",
        )
        parser.add_argument("--alliance", default="Consortium", help="the organisation in the CAs' names")

    def handle(self, *args: Any, **options: Any) -> None:
        nodes = self._passphrase(options["passphrase_file"])
        root = self._passphrase(options["root_passphrase_file"] or options["passphrase_file"])
        try:
            table: dict[str, Any] = {
                "passphrase": nodes,
                "root_passphrase": root,
                "witnesses": tuple(options["witness"]),
            }
            made = list(authorities.create(options["alliance"], **table))
            if options["next_nodes_from"]:
                made.append(authorities.create_next(options["next_nodes_from"], **table))
            protocol = authorities.protocol_of(authorities.public_key_of(made[0]))
        except ConsoleError as error:
            raise CommandError(f"{error} [{error.code}]") from error
        for authority in made:
            self.stdout.write(
                f"{authority.name}: SPKI SHA-256 {authority.spki_sha256}, to {authority.not_after:%F}"
            )
        self.stdout.write(
            f"{authorities.protocol_path()}: {len(protocol.entries)} entries, the last with SHA-256 "
            f"{protocol.head}"
        )

    def _passphrase(self, path: str) -> bytes:
        try:
            return keys.read_passphrase(path)
        except KeysNotAvailable as error:
            raise CommandError(f"{path}: no such file, or no passphrase in its first line") from error
