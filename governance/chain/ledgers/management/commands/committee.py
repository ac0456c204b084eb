"""A committee's ledger for the secretariat: show what is decided and wished; wish, or cancel a wish."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.members.models import Node
from governance.chain.ledgers import registering, selectors, steps, wishes
from governance.chain.ledgers.base import Action
from governance.chain.ledgers.models import CommitteeWish, GovernedLedger
from governance.contracts import fisco
from governance.contracts.terminal import printable

_ROLES = {"none": steps.NONE, "observer": steps.OBSERVER, "sealer": steps.SEALER}
_PERMISSIONS = {"transact": steps.MAY_TRANSACT, "deploy": steps.MAY_DEPLOY}


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ledger")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--wish", type=int, choices=sorted(fisco.CREATES), help="type of the proposal")
        what.add_argument("--cancel", type=int, metavar="WISH")
        what.add_argument("--node", metavar="ID", help="whose role is wished for: --role says which")
        what.add_argument("--account", metavar="ADDRESS", help="--permission says what it is to have")
        parser.add_argument("--role", choices=_ROLES)
        parser.add_argument("--weight", type=int, default=1, help="of a sealer")
        parser.add_argument("--permission", choices=_PERMISSIONS)
        parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of a wish")
        parser.add_argument("--interval", type=int, default=fisco.DEFAULT_INTERVAL, help="blocks to vote")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = GovernedLedger.Kind.COMMITTEE
        ledger = GovernedLedger.objects.filter(slug=options["ledger"], kind=kind).first()
        if ledger is None:
            raise CommandError(f"{options['ledger']}: there is no such committee ledger")
        try:
            if options["wish"] is not None:
                self._wish(ledger, options)
            elif options["node"] is not None:
                self._wish_role(ledger, options)
            elif options["account"] is not None:
                self._wish_permission(ledger, options)
            elif options["cancel"] is not None:
                self._cancel(ledger, options)
        except fisco.NotACall as error:
            raise CommandError(str(error)) from error
        except ConsoleError as error:
            raise CommandError(f"{error.code}: {error}") from error
        self._show(ledger)

    def _wish(self, ledger: GovernedLedger, options: dict[str, Any]) -> None:
        arguments = fisco.from_words(fisco.CREATES[options["wish"]], options["set"])
        wishes.wish(
            ledger,
            [Action(str(options["wish"]), arguments)],
            actor=registering.COMMAND,
            reason=options["reason"],
            interval=options["interval"],
        )

    def _wish_role(self, ledger: GovernedLedger, options: dict[str, Any]) -> None:
        if options["role"] is None:
            raise CommandError("--node needs --role")
        node = Node.objects.filter(consensus_id=options["node"], network=ledger.network_id).first()
        wishes.wish_node_role(
            ledger,
            consensus_id=options["node"],
            role=_ROLES[options["role"]],
            weight=options["weight"],
            actor=registering.COMMAND,
            reason=options["reason"],
            interval=options["interval"],
            institution=node.institution if node else None,
            node_id=node.pk if node else None,
        )

    def _wish_permission(self, ledger: GovernedLedger, options: dict[str, Any]) -> None:
        if options["permission"] is None:
            raise CommandError("--account needs --permission")
        wishes.wish_account_permission(
            ledger,
            account=options["account"],
            permission=_PERMISSIONS[options["permission"]],
            actor=registering.COMMAND,
            reason=options["reason"],
            interval=options["interval"],
        )

    def _cancel(self, ledger: GovernedLedger, options: dict[str, Any]) -> None:
        row = CommitteeWish.objects.filter(ledger=ledger, pk=options["cancel"]).first()
        if row is None:
            raise CommandError(f"{options['cancel']}: there is no such wish")
        wishes.cancel(row, actor=registering.COMMAND, reason=options["reason"])

    def _tell(self, line: str) -> None:
        self.stdout.write(printable(line))  # governors wrote parts of it

    def _show(self, ledger: GovernedLedger) -> None:
        for proposal in ledger.proposals.select_related("ledger").order_by("number"):
            view = selectors.view(proposal, clock.now())
            self._tell(f"proposal {proposal.number}: {view.action_words} – {view.state_words}")
            tally = view.tally
            self._tell(f"  {tally.agree} : {tally.against}, {tally.all}")
            deadline = [view.deadline.words] if view.deadline else []
            more = [*deadline, *view.outlook_words, view.failure_words, *view.warnings]
            for line in filter(None, more):
                self._tell(f"  {line}")
        for row in ledger.wishes.filter(number=None, cancelled_at=None):
            words = selectors.action_words(row.type, row.arguments)
            self._tell(f"wish {row.pk}: {words} – {wishes.LABELS[wishes.state(row)]}")
