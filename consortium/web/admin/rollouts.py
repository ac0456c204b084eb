"""How each list went out: stages, who is in which wave, what the gate says, and the buttons."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display

from consortium.core.models import Event
from consortium.members.models import Network, Node
from consortium.web.admin import convergence, panels, rollout_acts
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, link, pill
from governance.permissions import rolling, rollouts
from governance.permissions.models import Rollout, RolloutPolicy
from governance.permissions.rollouts import Answer, Status, Urgency, Verdict, Why

Text = str | Promise
_MOST_NODES = 1000  # rows of the page's table; of more the waves are counted

_TONES: dict[str, str] = {
    Status.ROLLING: "waiting",
    Status.HALTED: "grave",
    Status.COMPLETE: "good",
    Status.ROLLED_BACK: "warning",
}
_URGENCIES: dict[str, Text] = {
    Urgency.FIRST: _("the network's first list"),
    Urgency.COMPROMISE: _("a compromised key leaves the list"),
    Urgency.FREEZE: _("the guardians froze a node"),
    Urgency.ROLLBACK: _("an earlier list is published again"),
}
_ANSWERS: dict[str, tuple[Text, str]] = {
    Answer.VERIFIED: (_("has it in force"), "good"),
    Answer.FAILED: (_("refused it, or has something else in force"), "grave"),
    Answer.SILENT: (_("silent for too long"), "grave"),
    Answer.AWAITED: (_("awaited"), "waiting"),
    Answer.UNREACHABLE: (_("lacked the former list already"), "warning"),
    Answer.EXCUSED: (_("failed, and gone on all the same"), "warning"),
}
_WHY: dict[str, Text] = {
    Why.NOT_PUBLISHED: _("The stage is being signed; its nodes can't have the list yet."),
    Why.TOO_MANY_FAILED: _(
        "%(failed)d nodes refused the list or have something else in force, %(silent)d are silent; "
        "%(allowed)d failures are borne. It halts."
    ),
    Why.AWAITED: _("Waits for %(awaited)d nodes; %(verified)d have the list in force."),
    Why.SOAKING: _("All %(verified)d nodes have the list in force; it is watched a while longer."),
    Why.NOBODY: _("None of the nodes that were let in could be reached: nobody has confirmed the list."),
    Why.PASSED: _("%(verified)d nodes have the list in force: the next stage may begin."),
}


def sentence(verdict: Verdict) -> str:
    """The gate's answer in words."""
    return str(_WHY[verdict.why]) % {
        "failed": verdict.failed,
        "silent": verdict.silent,
        "awaited": verdict.awaited,
        "verified": verdict.verified,
        "allowed": verdict.allowed,
    }


def percent(share: int) -> str:
    return f"{share / 100:g} %"


def stage_name(rollout: Rollout, number: int) -> Text:
    share = rollout.shares[number]
    if not share:
        return _("canaries")
    return _("everybody") if share >= rollouts.EVERYBODY else percent(share)


class StatusFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("open", pgettext_lazy("rollout", "under way")),
            ("halted", rolling.WORDS[Status.HALTED]),
            ("rolled_back", rolling.WORDS[Status.ROLLED_BACK]),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Rollout]) -> QuerySet[Rollout]:
        match self.value():
            case "open":
                return queryset.filter(rolling.OPEN, halted_at=None)
            case "halted":
                return queryset.filter(rolling.HALTED)
            case "rolled_back":
                return queryset.filter(rolled_back_at__isnull=False)
        return queryset


@admin.register(Rollout)
class RolloutAdmin(ConsoleModelAdmin):
    list_display = ("label", "network", "state", "stage_shown", "begun_at", "urgency_shown")
    list_filter = (StatusFilter, "network")
    search_fields = ("epoch__number", "reason")
    list_select_related = ("network", "epoch", "former")
    ordering = ("-begun_at",)
    acts = rollout_acts.ROLLOUT_ACTS
    tools = rollout_acts.ROLLOUT_TOOLS
    fieldsets = (
        (_("Rollout"), {"fields": (("network", "epoch", "former"), ("begun_at", "completed_at"))}),
        (
            _("Halted and gone on"),
            {"fields": (("halted_at", "resumed_at", "rolled_back_at"), "acted_by", "reason")},
        ),
        (
            _("As the policy was"),
            {
                "fields": (
                    ("soak_seconds", "silence_seconds"),
                    ("most_failures", "borne_share"),
                    "urgency_shown",
                )
            },
        ),
    )

    @display(description=_("epoch"), ordering="epoch__number")
    def label(self, row: Rollout) -> str:
        return f"{row.network_id} {row.epoch.number}"

    @display(description=_("state"))
    def state(self, row: Rollout) -> str:
        return pill(rolling.WORDS[row.status], _TONES.get(row.status, ""))

    @display(description=_("stage"))
    def stage_shown(self, row: Rollout) -> Text:
        return stage_name(row, row.stage)

    @display(description=_("at once because"), ordering="urgency")
    def urgency_shown(self, row: Rollout) -> Text:
        return _URGENCIES.get(row.urgency, "–")

    @display(description=_("share of failures borne"))
    def borne_share(self, row: Rollout) -> str:
        return percent(row.most_failures_share)

    def headline(self, row: Rollout) -> str:
        return self.state(row)

    def ways(self, row: Rollout) -> Iterable[dict[str, Any]]:
        yield panels.button(_("Epoch"), panels.address(row.epoch), "checklist")
        yield convergence.picture(row.network_id)

    def row_links(self, row: Rollout) -> Iterable[dict[str, Any]]:
        """The list that a network is kept at is let go where one reads of it."""
        if rolling.is_pinned(row.network_id):
            url = f"{reverse('admin:permissions_rollout_release')}?network={row.network_id}"
            yield panels.button(_("Release the network"), url, "lock_open")

    def live(self, row: Rollout) -> bool:
        return row.status == Status.ROLLING

    def list_note(self, request: HttpRequest) -> Any:
        """A line a network: how its lists go out, and whether it is kept at an earlier one."""
        policies = {row.network_id: row for row in RolloutPolicy.objects.all()}
        lines = []
        for network in Network.objects.order_by("slug"):
            row = policies.get(network.pk) or RolloutPolicy(network=network)
            lines.append((network.name, in_words(row)))
        return format_html_join("", "<p><strong>{}</strong>: {}</p>", lines)

    def panels(self, request: HttpRequest, row: Rollout) -> Iterable[Panel]:
        answers = rolling.answers(row)
        if row.status in {Status.ROLLING, Status.HALTED}:
            yield _gate_panel(row, answers)
        yield _stages_panel(row)
        yield _nodes_panel(row, answers)
        own = Q(subject_type="permissions.rollout", subject_id=str(row.pk))
        epoch = Q(subject_type="permissions.epoch", subject_id=str(row.epoch_id))
        yield panels.timeline(Event.objects.filter(own | epoch))


def in_words(policy: RolloutPolicy) -> str:
    """What a policy says, in a sentence or two."""
    if policy.mode == RolloutPolicy.Mode.STAGED:
        said = _("in stages: %(canaries)d canaries, then %(waves)s; each is watched for %(seconds)d s.") % {
            "canaries": max(len(policy.canaries), policy.canary_count),
            "waves": ", ".join(percent(share) for share in policy.waves),
            "seconds": policy.soak_seconds,
        }
    else:
        said = str(_("to everybody at once."))
    if policy.pinned_at is not None:
        said += " " + _("Kept at an earlier list by %(person)s: %(reason)s") % {
            "person": policy.pinned_by_label,
            "reason": policy.pinned_reason,
        }
    return said


def _gate_panel(row: Rollout, answers: Mapping[uuid.UUID, Answer]) -> Panel:
    verdict = rolling.verdict(row, answers)
    counts = Counter(answers.values())
    rows: list[tuple[Text, Any]] = [(_("verdict"), sentence(verdict))]
    if row.was_halted_before:
        rows.insert(0, (_("halted before"), f"{row.acted_by}: {row.reason}"))
    if row.halted_why:
        rows.insert(0, (_("halted by the gate because"), _HALTED[row.halted_why]))
    if verdict.soaks_until is not None:
        rows.append((_("watched until"), verdict.soaks_until))
    rows += [(_ANSWERS[kind][0], counts[kind]) for kind in Answer if counts[kind]]
    return panels.facts(_("The gate"), rows)


_HALTED: dict[str, Text] = {
    Why.TOO_MANY_FAILED: _("more nodes failed than are borne"),
    Why.NOBODY: _("none of the nodes that were let in could be reached"),
}


def _stages_panel(row: Rollout) -> Panel:
    begun = {stage.number: stage for stage in row.stages.all()}
    lines = []
    for number in range(len(row.shares)):
        stage = begun.get(number)
        verdict = str(stage.verdict.get("why", "")) if stage else ""
        lines.append(
            (
                number + 1,
                stage_name(row, number),
                stage.nodes if stage else "–",
                stage.begun_at if stage else "–",
                (stage.published_at or "–") if stage else "–",
                _OUTCOMES.get(verdict, "–"),
            )
        )
    return panels.table(
        _("Stages"),
        (_("stage"), _("wave"), _("nodes let in so far"), _("begun"), _("published"), _("gate")),
        lines,
    )


_OUTCOMES: dict[str, Text] = {Why.PASSED: _("passed"), **_HALTED}


def _nodes_panel(row: Rollout, answers: Mapping[uuid.UUID, Answer]) -> Panel:
    members = row.epoch.members.values_list("node_id", flat=True).order_by("node_id")
    nodes = Node.objects.filter(pk__in=members[:_MOST_NODES]).select_related("institution")
    waves = sorted(
        ((rolling.wave_of(row, node.pk), str(node), node) for node in nodes), key=lambda it: it[:2]
    )
    lines = [
        (link(node), stage_name(row, wave), _answer(answers.get(node.pk))) for wave, _name, node in waves
    ]
    return panels.long_table(_("Who is in which wave"), (_("node"), _("wave"), _("answer")), lines)


def _answer(answer: Answer | None) -> Any:
    if answer is None:
        return _("not let in yet")
    words, tone = _ANSWERS[answer]
    return pill(words, tone)
