"""Enter a ledger into the table of governed ledgers: where it answers, and how it is governed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core.errors import ConsoleError
from consortium.members.models import Network
from governance.chain.ledgers import registering
from governance.chain.ledgers.models import GovernedLedger

Kind = GovernedLedger.Kind
_KINDS = [Kind.COMMITTEE.value, Kind.REGISTRY_ONLY.value]  # the alliance's own is entered by its deployment


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its short name here")
        parser.add_argument("--kind", choices=_KINDS, required=True, help="how it is governed")
        parser.add_argument(
            "--rpc", action="append", default=[], metavar="URL", help="JSON-RPC address; several"
        )
        parser.add_argument(
            "--native", action="append", default=[], metavar="URL", help="FISCO BCOS's own RPC"
        )
        parser.add_argument("--group", default="group0", help="FISCO BCOS's group")
        parser.add_argument("--network", help="the network whose nodes and accounts are decided on it")
        parser.add_argument(
            "--registry", default="", metavar="ADDRESS", help="registry contract, if only read"
        )
        parser.add_argument("--start-block", type=int, default=0, help="nothing of interest lies before it")

    def handle(self, *args: Any, **options: Any) -> None:
        network = options["network"] and Network.objects.filter(slug=options["network"]).first()
        if options["network"] and network is None:
            raise CommandError(f"{options['network']}: there is no such network")
        try:
            row = registering.register(
                options["slug"],
                kind=options["kind"],
                rpc_addresses=options["rpc"],
                native_addresses=options["native"],
                native_group=options["group"],
                network=network or None,
                registry=options["registry"],
                start_block=options["start_block"],
                actor=registering.COMMAND,
            )
        except ConsoleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{row.slug}: chain {row.chain_id}, genesis {row.genesis_hash}, {row.kind}")
