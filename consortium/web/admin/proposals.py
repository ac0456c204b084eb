"""Proposals from draft to effect, with the live tally; and the ballots that members handed in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from consortium.core import clock
from consortium.web import effects, tally, wording
from consortium.web.admin import discussion, expected, panels, proposal_acts
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.admin.tones import TONES, status_pill
from governance.chain.models import CastVote, OnChainProposal
from governance.proposals import rules, selectors
from governance.proposals.models import Ballot, Proposal, State

LIVE = {
    rules.State.SUBMITTING,
    rules.State.PENDING,
    rules.State.VOTING,
    rules.State.SUCCEEDED,
    rules.State.QUEUED,
}
LABELS: dict[str, Any] = {**dict(State.choices), "discarded": _("discarded")}


def state_pill(state: str) -> str:
    """A derived state as a pill."""
    return pill(LABELS.get(str(state), state), TONES.get(str(state), "calm"))


class StateFilter(admin.SimpleListFilter):
    """Where a proposal stands, as far as SQL can tell: the exact state is derived row by row."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("draft", _("draft")),
            ("voting", _("voting")),
            ("closing", _("voting ends within 24 hours")),
            ("ended", _("voting ended")),
            ("executed", _("executed")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Proposal]) -> QuerySet[Proposal]:
        if self.value() == "draft":
            return queryset.filter(opened_at__isnull=True, discarded_at__isnull=True)
        chain = _on_chain(self.value())
        return (
            queryset if chain is None else queryset.filter(chain_proposal_id__in=chain.values("proposal_id"))
        )


def _on_chain(value: str | None) -> QuerySet[OnChainProposal] | None:
    rows = OnChainProposal.objects.filter(canceled_at__isnull=True)
    return {
        "voting": selectors.votes_open(),
        "closing": selectors.closing(),
        "ended": rows.filter(vote_end__lt=clock.now().replace(microsecond=0)),
        "executed": rows.filter(executed_at__isnull=False),
    }.get(value or "")


@admin.register(Proposal)
class ProposalAdmin(ConsoleModelAdmin):
    list_display = ("label", "kind_shown", "state", "tally", "time_left", "institution", "drafted_at")
    list_filter = (StateFilter, "kind", "network")
    search_fields = (
        "=number",
        "title_zh",
        "title_en",
        "chain_proposal_id",
        "text_sha256",
        "institution__short_name",
        "institution__legal_name_zh",
        "institution__legal_name_en",
        "institution__uscc",
        "institution__lei",
        "node__consensus_id",
        "propose_tx__tx_hash",
        "execute_tx__tx_hash",
    )
    list_select_related = ("institution", "ledger", "queue_tx", "execute_tx")
    acts = proposal_acts.PROPOSAL_ACTS
    tools = proposal_acts.PROPOSAL_TOOLS
    fieldsets = (
        (
            _("Proposal"),
            {"fields": (("number", "kind"), ("title_zh", "title_en"), ("institution", "node"), "node_role")},
        ),
        (
            _("Steps"),
            {"fields": (("drafted_by", "drafted_at"), ("opened_by", "opened_at"), "discarded_at")},
        ),
    )
    export_columns = (
        (_("number"), lambda row: row.number),
        (_("kind"), lambda row: row.get_kind_display()),
        (_("title (Chinese)"), lambda row: row.title_zh),
        (_("title (English)"), lambda row: row.title_en),
        (_("institution"), lambda row: row.institution.short_name if row.institution else ""),
        (_("drafted"), lambda row: row.drafted_at),
        (_("opened"), lambda row: row.opened_at),
        (_("id on chain"), lambda row: row.chain_proposal_id),
    )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Derive the states of the page's rows together, not one by one."""
        changes = super().get_changelist_instance(request)
        rows = list(changes.result_list)
        for row, brief in zip(rows, selectors.overviews(rows), strict=True):
            row.brief = brief
        changes.result_list = rows
        return changes

    @display(description=_("proposal"), ordering="number")
    def label(self, row: Proposal) -> str:
        return str(row)

    @display(description=_("kind"), ordering="kind")
    def kind_shown(self, row: Proposal) -> str:
        return row.get_kind_display()

    @display(description=_("state"))
    def state(self, row: Any) -> str:
        return state_pill(row.brief.state)

    @display(description=_("for / against / abstain"))
    def tally(self, row: Any) -> str:
        count = row.brief.tally
        return f"{count.in_favour} / {count.against} / {count.abstain}" if row.brief.quorum else "–"

    @display(description=_("time left"))
    def time_left(self, row: Any) -> str:
        seconds = row.brief.seconds_left
        return "–" if seconds is None else wording.time_left(seconds)

    def headline(self, row: Proposal) -> str:
        return state_pill(selectors.overview(row).state)

    def live(self, row: Proposal) -> bool:
        return selectors.overview(row).state in LIVE

    def panels(self, request: HttpRequest, row: Proposal) -> Iterable[Panel]:
        view = selectors.overview(row)
        if view.quorum is not None:
            yield _voting_panel(view)
            yield Panel(
                _("The count against its rule"),
                "admin/console/panel_picture.html",
                {"picture": tally.picture(view)},
                first=True,
            )
        steps = effects.stages(view)
        if steps:
            yield Panel(
                _("What becomes of it"), "admin/console/panel_stages.html", {"stages": steps}, first=True
            )
        yield panels.text(_("Text that members vote on"), row.text, note=f"SHA-256 {row.text_sha256}")
        if expected.is_draft(row):
            yield from expected.consequences(row)
        else:
            yield expected.steps_panel(row)
        yield from discussion.around(row, may_act=self.has_act_permission(request))
        yield _chain_panel(row, view)
        if view.quorum is not None:
            yield _voted_panel(view)
            yield _missing_panel(view)
        yield panels.timeline(selectors.timeline(row))


def _voting_panel(view: selectors.Overview) -> Panel:
    left = "–" if view.seconds_left is None else wording.time_left(view.seconds_left)
    figures = [
        (_("for"), view.tally.in_favour),
        (_("against"), view.tally.against),
        (_("abstain"), view.tally.abstain),
        (_("not voted"), len(view.not_voted)),
        (_("quorum"), view.quorum),
        (_("electorate"), view.electorate),
        (_("time left"), left),
        (_("voting ends"), view.ends_at),
        (_("effect"), _effect_words(view.effect)),
    ]
    return Panel(_("Tally"), "admin/console/panel_figures.html", {"figures": figures}, first=True)


def _effect_words(effect: selectors.Effect) -> Any:
    words = {
        selectors.EffectStatus.NONE: _("none yet"),
        selectors.EffectStatus.WAITING: _("being executed"),
        selectors.EffectStatus.QUEUED: _("queued, waits for its effective time"),
        selectors.EffectStatus.REFUSED: _("refused by the contract, tried again"),
        selectors.EffectStatus.DONE: _("in force on the ledger"),
    }
    shown = words[effect.status]
    if effect.waits_for_a_person:
        shown = _("refused by the contract, tried again only if somebody asks")
    return f"{shown} ({effect.error_code})" if effect.error_code else shown


def _voted_panel(view: selectors.Overview) -> Panel:
    return panels.long_table(
        _("Who has voted"),
        (_("institution"), _("industry category"), _("vote"), _("counted"), _("transaction")),
        [
            (
                _member(voter),
                voter.institution.category if voter.institution else "–",
                _support_pill(voter.support),
                voter.at,
                code(voter.tx_hash, shorten=18),
            )
            for voter in view.voted
        ],
    )


def _missing_panel(view: selectors.Overview) -> Panel:
    return panels.long_table(
        _("Who has not voted"),
        (_("institution"), _("industry category"), _("voting address")),
        [
            (
                _member(voter),
                voter.institution.category if voter.institution else "–",
                code(voter.address),
            )
            for voter in view.not_voted
        ],
    )


def _member(voter: selectors.Voter) -> str:
    return link(voter.institution) if voter.institution else code(voter.uscc)


def _support_pill(support: int | None) -> str:
    tone = {CastVote.Support.FOR: "good", CastVote.Support.AGAINST: "grave"}
    if support is None:
        return "–"
    return pill(CastVote.Support(support).label, tone.get(CastVote.Support(support), "calm"))


def _chain_panel(row: Proposal, view: selectors.Overview) -> Panel:
    relays = [(_("proposing"), row.propose_tx), (_("executing"), row.execute_tx)]
    return panels.table(
        _("On the ledger"),
        (_("step"), _("status"), _("transaction"), _("block")),
        [
            (label, status_pill(relay), link(relay, code(relay.tx_hash or relay.key)), relay.block)
            for label, relay in relays
            if relay is not None
        ],
        note=format_lazy("{label}: {id}", label=_("id on chain"), id=row.chain_proposal_id)
        if row.opened_at
        else "",
    )


@admin.register(Ballot)
class BallotAdmin(ConsoleModelAdmin):
    list_display = (
        "institution",
        "proposal",
        "support_shown",
        "relay_status",
        "received_from",
        "received_at",
    )
    list_filter = ("support", "relay__status")
    search_fields = (
        "institution__short_name",
        "institution__uscc",
        "institution__lei",
        "voter",
        "signature",
        "=proposal__number",
        "relay__tx_hash",
    )
    list_select_related = ("institution", "proposal", "relay")
    ordering = ("-received_at",)
    fields = (
        ("proposal", "institution"),
        ("voter", "support", "nonce"),
        ("received_at", "received_from"),
        "signature",
        "relay",
    )

    @display(description=_("vote"), ordering="support")
    def support_shown(self, row: Ballot) -> str:
        return _support_pill(row.support)

    @display(description=_("on the ledger"))
    def relay_status(self, row: Ballot) -> str:
        return status_pill(row.relay)

    def headline(self, row: Ballot) -> str:
        return self.relay_status(row)
