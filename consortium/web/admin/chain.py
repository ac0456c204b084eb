"""What the ledger said, read-only: seats, registry, votes, events, and the transactions we relayed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Institution
from consortium.web.admin import panels
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.admin.tones import status_pill
from governance.chain.ledger import SLUG
from governance.chain.models import (
    CastVote,
    ChainEvent,
    IndexedBlock,
    Ledger,
    RegistryEntry,
    RelayTransaction,
    RpcNode,
    Seat,
)

UNWATCHED = timedelta(minutes=1)  # the watch asks every few seconds


class OnLedgerAdmin(ConsoleModelAdmin):
    """A projected row: names its member, and where on the ledger it was last changed."""

    list_select_related = ("ledger",)

    @display(description=_("transaction"))
    def tx_shown(self, row: Any) -> str:
        return code(row.tx_hash, shorten=18)

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        logs = ChainEvent.objects.filter(ledger=row.ledger_id, tx_hash=row.tx_hash)
        yield panels.table(
            _("Ledger events of the transaction"),
            (_("event"), _("block"), _("arguments")),
            [(link(log, log.name), log.block, code(str(log.args), shorten=120)) for log in logs],
        )
        yield _member_panel(row.member_id)


def _member_panel(uscc: str) -> Panel:
    found = Institution.objects.filter(uscc=uscc).select_related("category")
    return panels.table(
        _("Member"),
        (_("institution"), _("industry category"), _("status")),
        [(link(institution), institution.category, status_pill(institution)) for institution in found],
    )


@admin.register(Seat)
class SeatAdmin(OnLedgerAdmin):
    list_display = ("member_id", "category_number", "status_shown", "voting_address", "block", "tx_shown")
    list_filter = ("status", "category_number")
    search_fields = ("member_id", "voting_address", "tx_hash")
    fields = (("member_id", "category_number"), "voting_address", ("block", "block_time"), "tx_hash")

    @display(description=_("status"), ordering="status")
    def status_shown(self, row: Seat) -> str:
        return status_pill(row)

    def headline(self, row: Seat) -> str:
        return status_pill(row)


@admin.register(RegistryEntry)
class RegistryEntryAdmin(OnLedgerAdmin):
    list_display = ("id_shown", "network", "role", "frozen_shown", "member_id", "block", "tx_shown")
    list_filter = ("network", "role", "freeze_ratified")
    search_fields = ("consensus_id", "member_id", "tx_hash")
    fields = (
        ("network", "role"),
        "consensus_id",
        "member_id",
        ("frozen_until", "freeze_ratified"),
        ("block", "block_time"),
        "tx_hash",
    )

    @display(description=_("node id"), ordering="consensus_id")
    def id_shown(self, row: RegistryEntry) -> str:
        return code(row.consensus_id, shorten=24)

    @display(description=_("frozen"), ordering="frozen_until")
    def frozen_shown(self, row: RegistryEntry) -> str:
        if row.freeze_ratified:
            return pill(_("until members thaw it"), "grave")
        if not row.is_frozen(clock.now()) or row.frozen_until is None:
            return "–"
        return pill(localtime(row.frozen_until).strftime("%Y-%m-%d %H:%M"), "grave")

    def headline(self, row: RegistryEntry) -> str:
        return self.frozen_shown(row) if row.is_frozen(clock.now()) else ""


@admin.register(CastVote)
class CastVoteAdmin(OnLedgerAdmin):
    list_display = ("member_id", "support", "weight", "proposal_shown", "block_time", "tx_shown")
    list_filter = ("support",)
    search_fields = ("member_id", "voter", "proposal_id", "tx_hash")
    fields = (
        ("member_id", "voter"),
        ("support", "weight"),
        "proposal_id",
        ("block", "block_time"),
        "tx_hash",
    )

    @display(description=_("proposal"), ordering="proposal_id")
    def proposal_shown(self, row: CastVote) -> str:
        return code(row.proposal_id, shorten=14)


@admin.register(ChainEvent)
class ChainEventAdmin(ConsoleModelAdmin):
    list_display = ("name", "block", "block_time", "tx_shown")
    list_filter = ("name",)
    search_fields = ("tx_hash", "contract", "args")
    ordering = ("-block", "-log_index")
    fields = ("name", ("block", "log_index", "block_time"), "tx_hash", "block_hash", "contract", "args")

    @display(description=_("transaction"), ordering="tx_hash")
    def tx_shown(self, row: ChainEvent) -> str:
        return code(row.tx_hash, shorten=18)


@admin.register(RelayTransaction)
class RelayTransactionAdmin(ConsoleModelAdmin):
    list_display = ("key", "status_shown", "nonce", "tx_shown", "block", "error_code", "created_at")
    list_filter = ("status", "error_code")
    search_fields = ("key", "tx_hash", "error_code", "to")
    fields = (
        "key",
        ("nonce", "block"),
        "tx_hash",
        "to",
        "error_code",
        ("created_at", "signed_at", "mined_at"),
        "data",
    )

    @display(description=_("status"), ordering="status")
    def status_shown(self, row: RelayTransaction) -> str:
        return status_pill(row)

    @display(description=_("transaction"), ordering="tx_hash")
    def tx_shown(self, row: RelayTransaction) -> str:
        return code(row.tx_hash or "", shorten=18)

    def headline(self, row: RelayTransaction) -> str:
        return status_pill(row)

    def panels(self, request: HttpRequest, row: RelayTransaction) -> Iterable[Panel]:
        own = Q(subject_type="chain.relaytransaction", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))


@admin.register(Ledger)
class LedgerAdmin(ConsoleModelAdmin):
    list_display = ("slug", "chain_id", "governor", "founding_closed_at")
    fields = (
        ("slug", "chain_id", "start_block"),
        "genesis_hash",
        ("seats", "governor"),
        ("registry", "relay_address"),
        "founding_closed_at",
    )

    def panels(self, request: HttpRequest, row: Ledger) -> Iterable[Panel]:
        newest = IndexedBlock.objects.filter(ledger=row)[:10]
        yield panels.table(
            _("Newest blocks read"),
            (_("block"), _("time"), _("hash")),
            [(block.number, block.timestamp, code(block.hash)) for block in newest],
        )


@admin.register(RpcNode)
class RpcNodeAdmin(ConsoleModelAdmin):
    """The health of the ledger's nodes: who is asked, who is left and why, how far each is."""

    list_display = (
        "address",
        "ledger_shown",
        "state_shown",
        "head",
        "lag_shown",
        "milliseconds",
        "asked_at",
        "left_at",
        "detail",
    )
    list_filter = ("ledger", "fault")
    search_fields = ("address", "detail")
    ordering = ("ledger", "-head", "address")
    fields = (
        ("address", "ledger", "native"),
        ("head", "milliseconds"),
        ("asked_at", "answered_at"),
        ("left_at", "taken_at"),
        "fault",
        "detail",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[RpcNode]:
        """With the best head of all of its ledger that are trusted."""
        same = RpcNode.objects.filter(ledger=OuterRef("ledger"), fault="", head__isnull=False)
        best = same.order_by("-head").values("head")[:1]
        return super().get_queryset(request).annotate(best=Subquery(best))

    def list_note(self, request: HttpRequest) -> str:
        newest = IndexedBlock.objects.aggregate(newest=Max("number"))["newest"]
        best = RpcNode.objects.filter(ledger="", fault="").aggregate(best=Max("head"))["best"]
        waiting = RelayTransaction.objects.filter(status=RelayTransaction.Status.SIGNED).count()
        return _("Read up to block %(read)s of %(best)s; %(waiting)d transactions wait for a block.") % {
            "read": "–" if newest is None else newest,
            "best": "–" if best is None else best,
            "waiting": waiting,
        }

    @display(description=_("ledger"), ordering="ledger")
    def ledger_shown(self, row: RpcNode) -> str:
        name = row.ledger or SLUG
        return _("%(ledger)s (own RPC)") % {"ledger": name} if row.native else name

    @display(description=_("state"), ordering="fault")
    def state_shown(self, row: RpcNode) -> str:
        return node_state(row)

    @display(description=_("blocks behind"))
    def lag_shown(self, row: Any) -> str:
        return "–" if row.best is None or row.head is None else str(max(0, row.best - row.head))

    def headline(self, row: RpcNode) -> str:
        return node_state(row)

    def panels(self, request: HttpRequest, row: RpcNode) -> Iterable[Panel]:
        yield panels.timeline(Event.objects.filter(subject_type="chain.rpcnode", subject_id=row.pk))


def node_state(row: RpcNode) -> str:
    """Whether an address of a ledger may be asked, in a word."""
    if row.asked_at is None or clock.now() - row.asked_at > UNWATCHED:
        return panels.pill(_("nobody looks"), "grave")  # the chain worker is down
    if row.fault:
        return panels.pill(_("left: %(why)s") % {"why": row.get_fault_display()}, "grave")
    return panels.pill(_("trusted"), "good")
