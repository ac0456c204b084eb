"""Make a ledger network known from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consortium.core import events
from consortium.core.errors import ConsoleError
from consortium.members import services


class Command(BaseCommand):
    help = "Make a ledger network known, whose nodes the alliance admits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="small letters, digits, hyphens; goes on chain, can't be changed")
        parser.add_argument("--name-zh", required=True)
        parser.add_argument("--name-en", required=True)

    def handle(self, *args: Any, slug: str, **options: Any) -> None:
        names = {"name_zh": options["name_zh"], "name_en": options["name_en"]}
        try:
            network = services.add_network(slug=slug, **names, actor=events.COMMAND)
        except ConsoleError as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(network.slug)
