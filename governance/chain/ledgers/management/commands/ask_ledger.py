"""Ask a ledger, whichever way it is governed: who decides, which nodes it has, what happened on it lately."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from web3 import Web3

from consortium.core.errors import ConsoleError
from governance.chain.ledgers import adapters
from governance.chain.ledgers.base import Capabilities
from governance.chain.ledgers.base import GovernedLedger as Asked
from governance.chain.ledgers.models import GovernedLedger
from governance.contracts.terminal import printable

_LATELY = 100  # blocks


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ledger", nargs="?", help="its name; without one, the alliance's own")
        parser.add_argument("--network", default="", help="of the ledger, where it has several")
        parser.add_argument("--proposal", metavar="ID", help="where this proposal stands")
        parser.add_argument("--account", metavar="ADDRESS", help="what this account may do")
        parser.add_argument("--since", type=int, metavar="BLOCK", help=f"else the last {_LATELY} blocks")

    def handle(self, *args: Any, **options: Any) -> None:
        _check(options)
        try:
            ledger = _asked(options["ledger"])
            self._tell(ledger, options)
        except ConsoleError as error:
            raise CommandError(f"{error.code}: {error}") from error

    def _say(self, line: str) -> None:
        self.stdout.write(printable(line))  # nodes, governors and members wrote parts of it

    def _tell(self, ledger: Asked, options: dict[str, Any]) -> None:
        head, network = ledger.head(), options["network"]
        self._say(f"{ledger.kind}, at block {head}; {_how(ledger.capabilities)}")
        if options["proposal"] is not None:
            self._tell_proposal(ledger, options["proposal"])
            return
        if options["account"] is not None:
            self._say(str(_fields(ledger.account(options["account"], network))))
            return
        for elector in ledger.electorate():
            self._say(f"decides: {elector.address} {elector.weight} {elector.member}".rstrip())
        for node in ledger.nodes(network):
            self._say(f"node: {node.consensus_id} {node.role} {node.weight}")
        since = max(0, head - _LATELY + 1) if options["since"] is None else options["since"]
        for change in ledger.changes(since, head):
            self._say(f"block {change.block}: {change.what} {change.arguments} {change.tx_hash}")

    def _tell_proposal(self, ledger: Asked, number: str) -> None:
        found, counted = ledger.proposal(number), ledger.tally(number)
        self._say(f"proposal {found.id} of {found.proposer}: {found.state.value}")
        if found.actions is None:
            self._say("  what it does is not told by the ledger, and was not read while it was")
        for action in found.actions or ():
            self._say(f"  {action.type} {action.arguments}")
        votes = f"{counted.agree} for, {counted.against} against, {counted.abstain} abstain"
        self._say(f"  {votes}, {counted.all} in all")


def _how(can: Capabilities) -> str:
    if can.ballots:
        return "members vote by signed ballots"
    return "governors vote by transactions of their own" if can.transactions else "it is only read"


def _check(options: dict[str, Any]) -> None:
    number, account, since = options["proposal"], options["account"], options["since"]
    if number is not None and not (number.isdecimal() and int(number) < 2**256):
        raise CommandError(f"{number}: this is no proposal's id")
    if account is not None and not Web3.is_address(account):
        raise CommandError(f"{account}: this is no address")
    if since is not None and since < 0:
        raise CommandError(f"{since}: blocks are counted from 0")


def _asked(name: str | None) -> Asked:
    if name is None:
        return adapters.alliance()
    row = GovernedLedger.objects.filter(slug=name).first()
    if row is None:
        raise CommandError(f"{name}: there is no such ledger")
    return adapters.of(row)


def _fields(found: Any) -> dict[str, Any]:
    return {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
