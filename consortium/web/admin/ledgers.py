"""Governed ledgers for secretariat and regulator: health, committees, proposals, wishes, transactions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from consortium.core import clock
from consortium.core.models import Event
from consortium.web import committee, wording
from consortium.web.admin import ledger_acts, panels
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.chain import node_state
from consortium.web.admin.panels import Panel, code, link, pill
from governance.chain.ledgers import lines, wishes
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeState,
    CommitteeTransaction,
    CommitteeWish,
    GovernedLedger,
    LedgerNode,
)
from governance.chain.models import RpcNode

_HEALTH = {"good": "good", "partly": "warning", "idle": "waiting", "unread": "waiting"}
_TONES = {
    "executed": "good",
    "applied": "good",
    "mined": "good",
    "open": "waiting",
    "ready": "waiting",
    "waiting": "waiting",
    "sent": "waiting",
    "signed": "waiting",
    "held": "waiting",
    "overdue": "warning",
    "not_applied": "grave",
    "denied": "grave",
    "failed": "grave",
    "blocked": "grave",
    "reverted": "grave",
    "lost": "grave",
}


def _tone(name: str) -> str:
    return _TONES.get(name, "calm")


class Briefed(ConsoleModelAdmin):
    """A list whose rows' states are derived together, not one by one."""

    def briefs(self, rows: list[Any]) -> Iterable[Any]:
        raise NotImplementedError

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        rows = list(changes.result_list)
        for row, brief in zip(rows, self.briefs(rows), strict=True):
            row.brief = brief
        changes.result_list = rows
        return changes


@admin.register(GovernedLedger)
class GovernedLedgerAdmin(Briefed):
    list_display = ("slug", "kind", "network", "health", "head", "read_at", "open_proposals")
    list_filter = ("kind",)
    search_fields = ("slug", "genesis_hash")
    list_select_related = ("network", "reading")
    fields = (
        ("slug", "kind", "network"),
        ("chain_id", "start_block"),
        "genesis_hash",
        "registry",
        ("log_range", "ticks_per_second", "idle_after"),
    )

    def briefs(self, rows: list[GovernedLedger]) -> Iterable[lines.LedgerLine]:
        return lines.ledgers(rows)

    @display(description=_("state"))
    def health(self, row: Any) -> str:
        return _health_pill(row.brief.health)

    @display(description=_("newest block"))
    def head(self, row: Any) -> str:
        found = row.brief.health.head
        return "–" if found is None else str(found)

    @display(description=_("last read"))
    def read_at(self, row: Any) -> Any:
        return row.brief.health.read_at

    @display(description=_("open proposals"))
    def open_proposals(self, row: Any) -> str:
        committee_ = row.kind == GovernedLedger.Kind.COMMITTEE
        return str(row.brief.open_proposals) if committee_ else "–"

    def headline(self, row: GovernedLedger) -> str:
        return _health_pill(lines.ledgers([row])[0].health)

    def panels(self, request: HttpRequest, row: GovernedLedger) -> Iterable[Panel]:
        yield _reading_panel(row)
        if row.kind == GovernedLedger.Kind.COMMITTEE:
            yield from _committee_panels(row)
        yield _nodes_panel(row)
        yield _addresses_panel(row)
        yield panels.timeline(Event.objects.filter(subject_type="ledgers.governedledger", subject_id=row.pk))


def _health_pill(health: lines.Health) -> str:
    return pill(health.words, _HEALTH.get(health.name, "grave"))


def _reading_panel(row: GovernedLedger) -> Panel:
    health = lines.ledgers([row])[0].health
    reading = getattr(row, "reading", None)
    if row.kind == GovernedLedger.Kind.COMMITTEE:
        what: Any = _("the committee's calls, results and getters")
    else:
        what = row.registry or _("the node's own lists of sealers and observers")
    return panels.facts(
        _("How it is read"),
        [
            (_("What is read"), what),
            (_("Last read"), health.read_at),
            (_("Node roles read"), reading.nodes_read_at if reading else None),
            (_("Newest block"), "–" if health.head is None else health.head),
            (_("Time of the newest block"), health.head_time),
            (_("Trouble"), health.detail or "–"),
        ],
    )


def _committee_panels(row: GovernedLedger) -> Iterable[Panel]:
    state = CommitteeState.objects.filter(ledger=row).first()
    if state is not None:
        yield panels.facts(
            _("Committee"),
            [
                (_("participation rate (%)"), state.participation),
                (_("win rate (%)"), state.win),
                (_("right to deploy"), committee.DEPLOY_TYPES.get(state.deploy_type, state.deploy_type)),
                (_("committee contract"), code(state.committee)),
                (_("proposals contract"), code(state.proposal_manager)),
            ],
        )
    yield panels.table(
        _("Governors"),
        (_("governor"), _("institution"), _("weight")),
        [
            (code(each.address), link(each.institution) if each.institution else "–", each.weight)
            for each in lines.governors(row)
        ],
    )


def _nodes_panel(row: GovernedLedger) -> Panel:
    roles = {0: "–", **dict(LedgerNode.Role.choices)}
    return panels.long_table(
        _("Nodes on the ledger"),
        (_("node id"), _("node"), _("role there"), _("decided by the alliance"), _("comparison")),
        [
            (
                code(each.consensus_id, shorten=18),
                link(each.node) if each.node else "–",
                roles[each.role],
                "–" if each.decided is None else roles[each.decided],
                pill(each.drift_words, "warning") if each.drift else each.drift_words,
            )
            for each in lines.nodes(row)
        ],
    )


def _addresses_panel(row: GovernedLedger) -> Panel:
    return panels.table(
        _("Addresses"),
        (_("address"), _("state"), _("newest block"), _("time to answer"), _("in its own words")),
        [
            (
                link(each, each.address),
                node_state(each),
                "–" if each.head is None else each.head,
                "–" if each.milliseconds is None else format_html("{} ms", each.milliseconds),
                each.detail or "–",
            )
            for each in RpcNode.objects.filter(ledger=row.pk)
        ],
    )


@admin.register(CommitteeProposal)
class CommitteeProposalAdmin(Briefed):
    list_display = ("label", "what", "type", "state", "weights", "deadline_shown", "created_at")
    list_filter = ("ledger", "type", "status")
    search_fields = ("=number", "proposer", "created_tx", "closed_tx")
    list_select_related = ("ledger",)
    acts = ledger_acts.PROPOSAL_ACTS
    fields = (
        ("ledger", "number", "type"),
        "proposer",
        ("created_block", "created_at"),
        ("closed_block", "closed_at"),
        "exec_code",
    )

    def briefs(self, rows: list[CommitteeProposal]) -> Iterable[lines.ProposalLine]:
        return lines.proposals(rows, clock.now())

    @display(description=_("proposal"), ordering="number")
    def label(self, row: CommitteeProposal) -> str:
        return str(row)

    @display(description=_("what it does"))
    def what(self, row: Any) -> str:
        return str(row.brief.short_words)

    @display(description=_("state"), ordering="status")
    def state(self, row: Any) -> str:
        return pill(row.brief.state_words, _tone(row.brief.tone))

    @display(description=_("weight for / against / of all"))
    def weights(self, row: Any) -> str:
        count = row.brief.tally
        return f"{count.agree} / {count.against} / {count.all}"

    @display(description=_("deadline"), ordering="deadline")
    def deadline_shown(self, row: Any) -> str:
        return row.brief.deadline.words if row.brief.deadline else str(row.deadline)

    def headline(self, row: CommitteeProposal) -> str:
        [brief] = lines.proposals([row], clock.now())
        return pill(brief.state_words, _tone(brief.tone))

    def panels(self, request: HttpRequest, row: CommitteeProposal) -> Iterable[Panel]:
        shown = committee.picture(row)
        view = shown.view
        said = [*filter(None, [view.failure_words]), *view.warnings]
        yield Panel(
            _("What it does"),
            "admin/console/panel_text.html",
            {"content": "\n".join([view.action_words, *said])},
            first=True,
        )
        if view.deadline is not None:
            yield panels.text(_("What is still needed"), "\n".join([*shown.needed, view.deadline.words]))
        yield _voters_panel(shown)
        yield panels.facts(
            _("Decoded call"),
            [
                *((code(name), code(str(value))) for name, value in (row.arguments or {}).items()),
                (_("opened by transaction"), code(row.created_tx)),
                (_("closed by transaction"), code(row.closed_tx)),
            ],
        )
        yield _sent_panel(CommitteeTransaction.objects.filter(ledger=row.ledger, number=row.number))
        subject = Event.objects.filter(subject_type="ledgers.committeeproposal", subject_id=str(row.pk))
        yield panels.timeline(subject)


def _voters_panel(shown: committee.Picture) -> Panel:
    choices = {"for": _("for"), "against": _("against"), "": _("not yet")}
    return panels.table(
        _("Who voted"),
        (
            _("governor"),
            _("weight"),
            _("vote"),
            _("block"),
            _("if it agrees next"),
            _("if it is against next"),
        ),
        [
            (
                link(each.line.institution) if each.line.institution else code(each.line.address, shorten=14),
                each.line.weight,
                choices[each.choice],
                (each.line.vote.block if each.line.vote else None) or "–",
                each.if_agree or "–",
                each.if_against or "–",
            )
            for each in shown.voters
        ],
    )


def _sent_panel(rows: Any) -> Panel:
    return panels.table(
        _("Transactions handed in"),
        (_("transaction"), _("sender"), _("status"), _("handed in by"), _("handed in")),
        [
            (
                link(row, code(row.tx_hash, shorten=14)),
                code(row.sender, shorten=14),
                pill(row.get_status_display(), _tone(row.status)),
                wording.actor(row.handed_in_by),
                row.handed_in_at,
            )
            for row in rows
        ],
    )


@admin.register(CommitteeWish)
class CommitteeWishAdmin(Briefed):
    list_display = ("label", "what", "ledger", "type", "state", "created_by", "created_at")
    list_filter = ("ledger", "type")
    search_fields = ("reason", "resource")
    list_select_related = ("ledger",)
    ordering = ("-id",)
    acts = ledger_acts.WISH_ACTS
    tools = ledger_acts.WISH_TOOLS
    fields = (
        ("ledger", "type", "interval"),
        "reason",
        ("created_by", "created_at"),
        ("offered_at", "cancelled_at"),
        ("number", "after"),
    )

    def briefs(self, rows: list[CommitteeWish]) -> Iterable[lines.WishLine]:
        return lines.wished(rows)

    @display(description=_("wish"), ordering="id")
    def label(self, row: CommitteeWish) -> str:
        return f"#{row.pk}"

    @display(description=_("what it does"))
    def what(self, row: Any) -> str:
        return str(row.brief.short_words)

    @display(description=_("state"))
    def state(self, row: Any) -> str:
        return pill(row.brief.state_words, _tone(row.brief.state.value))

    def headline(self, row: CommitteeWish) -> str:
        found = wishes.state(row)
        return pill(wishes.LABELS[found], _tone(found.value))

    def panels(self, request: HttpRequest, row: CommitteeWish) -> Iterable[Panel]:
        [brief] = lines.wished([row])
        yield Panel(
            _("What it does"), "admin/console/panel_text.html", {"content": brief.action_words}, first=True
        )
        if brief.state in {wishes.WishState.READY, wishes.WishState.WAITING}:
            yield panels.text(_("What the governor runs"), committee.propose_command(row))
        yield _sent_panel(row.transactions.all())
        yield panels.timeline(
            Event.objects.filter(subject_type="ledgers.committeewish", subject_id=str(row.pk))
        )


@admin.register(CommitteeTransaction)
class CommitteeTransactionAdmin(ConsoleModelAdmin):
    list_display = ("purpose", "ledger", "tx_shown", "sender_shown", "nonce", "status_shown", "handed_in_at")
    list_filter = ("ledger", "status")
    search_fields = ("tx_hash", "sender", "purpose")
    list_select_related = ("ledger",)
    fields = (
        ("ledger", "purpose"),
        "tx_hash",
        ("sender", "nonce"),
        ("to", "function"),
        "arguments",
        ("block", "settled_at"),
        ("handed_in_by", "handed_in_at"),
    )

    @display(description=_("transaction"), ordering="tx_hash")
    def tx_shown(self, row: CommitteeTransaction) -> str:
        return code(row.tx_hash, shorten=18)

    @display(description=_("sender"), ordering="sender")
    def sender_shown(self, row: CommitteeTransaction) -> str:
        return code(row.sender, shorten=14)

    @display(description=_("status"), ordering="status")
    def status_shown(self, row: CommitteeTransaction) -> str:
        return pill(row.get_status_display(), _tone(row.status))

    def headline(self, row: CommitteeTransaction) -> str:
        return pill(row.get_status_display(), _tone(row.status))

    def panels(self, request: HttpRequest, row: CommitteeTransaction) -> Iterable[Panel]:
        yield panels.text(_("Signed transaction"), row.raw)
        yield panels.timeline(
            Event.objects.filter(subject_type="ledgers.committeetransaction", subject_id=str(row.pk))
        )
