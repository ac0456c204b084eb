"""Seat the founding members, enter the founding nodes, and close the founding for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from consortium.members.models import Node
from governance.chain import founding
from governance.chain import ledger as gateway
from governance.chain.models import RegistryEntry

ROLES = {role.name.lower(): role.value for role in RegistryEntry.NodeRole}


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        shape = f"<node's uuid>:<{'|'.join(ROLES)}>"
        parser.add_argument("--node", action="append", default=[], metavar=shape, help="a founding node")
        parser.add_argument("--founding-nodes", type=Path, metavar="FILE", help=f"one {shape} a line")

    def handle(self, *args: Any, **options: Any) -> None:
        words = [*options["node"], *_lines(options["founding_nodes"])]
        try:
            sent = founding.found_alliance(gateway.current(), nodes=dict(map(_node, words)))
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        for transaction in sent:
            self.stdout.write(f"{transaction.key} in block {transaction.block}: {transaction.tx_hash}")
        if not sent:
            self.stdout.write("the founding was closed before; nothing to do")


def _lines(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _node(word: str) -> tuple[Node, int]:
    uuid, _, role = word.rpartition(":")
    if role not in ROLES:
        raise CommandError(f"{word}: the role is one of {', '.join(ROLES)}")
    try:
        return Node.objects.select_related("institution").get(pk=uuid, retired_at=None), ROLES[role]
    except (Node.DoesNotExist, ValidationError) as error:
        raise CommandError(f"{uuid}: there is no such node") from error
