"""What the secretariat does about a rollout, and about how a network's lists go out."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Network, Node
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, Outcome, ReasonForm, actor
from governance.permissions import rollouts, services
from governance.permissions.models import Epoch, Rollout, RolloutPolicy
from governance.permissions.rollouts import Status

_PERCENT = rollouts.EVERYBODY // 100
_WAVES = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")


class PolicyForm(ReasonForm):
    """How the lists of one network go out."""

    network = forms.ModelChoiceField(Network.objects.order_by("slug"), label=_("network"))
    mode = forms.ChoiceField(label=_("way"), choices=RolloutPolicy.Mode.choices)
    canaries = forms.CharField(
        label=_("canaries"),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        required=False,
        max_length=4000,
        help_text=_("Nodes that go first, as institution/name, one a line."),
    )
    canary_count = forms.IntegerField(
        label=_("number of canaries"),
        min_value=0,
        max_value=1000,
        initial=1,
        help_text=_("Other nodes are chosen until there are so many; each time others."),
    )
    waves = forms.CharField(
        label=_("waves"),
        max_length=100,
        initial="10 50 100",
        help_text=_("Percent of the nodes, rising, with 100 at the end."),
    )
    soak_seconds = forms.IntegerField(label=_("seconds to watch each stage"), min_value=0, initial=600)
    silence_seconds = forms.IntegerField(
        label=_("seconds until silence is a failure"), min_value=1, initial=900
    )
    most_failures = forms.IntegerField(label=_("failures borne"), min_value=0, initial=0)
    most_failures_percent = forms.IntegerField(
        label=_("failures borne, in percent of the nodes that answer"), min_value=0, max_value=100, initial=0
    )
    field_order = [
        "network", "mode", "canaries", "canary_count", "waves", "soak_seconds", "silence_seconds",
        "most_failures", "most_failures_percent",
    ]  # fmt: skip

    def clean_waves(self) -> list[int]:
        words = self.cleaned_data["waves"].replace(",", " ").replace("%", " ").split()
        if not words or not all(_WAVES.fullmatch(word) for word in words):
            raise forms.ValidationError(_("Percent, with spaces between them."), code="waves")
        return [round(float(word) * _PERCENT) for word in words]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        lines = [line.strip() for line in cleaned.get("canaries", "").splitlines() if line.strip()]
        found, missing = [], []
        for line in lines:
            bank, _slash, name = line.partition("/")
            node = Node.objects.filter(
                network=cleaned.get("network"), institution__short_name=bank, name=name
            ).first()
            found += [node] if node else []
            missing += [] if node else [line]
        if missing:
            message = _("Not nodes of this network: %(nodes)s.") % {"nodes": ", ".join(missing)}
            self.add_error("canaries", message)
        return {**cleaned, "canaries": found}


def _set_policy(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    share = cleaned.pop("most_failures_percent") * _PERCENT
    network = cleaned.pop("network")
    services.set_rollout_policy(network, actor=actor(request), most_failures_share=share, **cleaned)
    return Outcome(_("The next lists go out in this way."))


class ReleaseForm(ReasonForm):
    network = forms.ModelChoiceField(
        Network.objects.filter(rollout_policy__pinned_at__isnull=False).order_by("slug"), label=_("network")
    )
    field_order = ["network"]


def _release(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    services.release_network(cleaned["network"], actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("Lists of this network are compiled again."))


class RollBackForm(ReasonForm):
    """To which list; the last one that was for everybody is proposed."""

    to = forms.IntegerField(label=_("epoch to go back to"), min_value=1)
    field_order = ["to"]

    def __init__(self, *args: Any, row: Rollout, **kwargs: Any) -> None:
        super().__init__(*args, row=row, **kwargs)
        self.fields["to"].initial = row.former.number if row.former else None


def _roll_back(request: HttpRequest, row: Rollout, cleaned: dict[str, Any]) -> Outcome:
    epoch = services.roll_back(row.network, to=cleaned["to"], actor=actor(request), reason=cleaned["reason"])
    return Outcome(
        _("Epoch %(number)d has the nodes of epoch %(to)d.") % {"number": epoch.number, "to": cleaned["to"]},
        panels.address(epoch),
    )


def _halt(request: HttpRequest, row: Rollout, cleaned: dict[str, Any]) -> Outcome:
    services.halt_rollout(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The rollout is halted: nobody else is let in."))


def _resume(request: HttpRequest, row: Rollout, cleaned: dict[str, Any]) -> Outcome:
    services.resume_rollout(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The rollout goes on."))


def _finish(request: HttpRequest, row: Rollout, cleaned: dict[str, Any]) -> Outcome:
    services.finish_rollout(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("Everybody is let in."))


def _is_newest(row: Rollout) -> bool:
    """Published, and no newer one is."""
    newest = Epoch.objects.filter(network=row.network_id, published_at__isnull=False)
    return row.former is not None and newest.order_by("-number").first() == row.epoch


def _can_be_finished(row: Rollout) -> bool:
    return row.status == Status.ROLLING and row.stage < row.plan.last


ROLLOUT_ACTS = (
    Act("halt", _("Halt"), _halt, ReasonForm, lambda row: row.status == Status.ROLLING,
        icon="pause", hint=_("Nobody else is let in; who has the list keeps it."), style="grave"),
    Act("resume", _("Resume"), _resume, ReasonForm, lambda row: row.status == Status.HALTED, style="main",
        icon="play_arrow", hint=_("Nodes that failed so far are not held against it any more.")),
    Act("finish", _("Let everybody in"), _finish, ReasonForm, _can_be_finished, icon="done_all"),
    Act("roll_back", _("Roll back"), _roll_back, RollBackForm, _is_newest, icon="undo", style="grave",
        hint=_("An earlier list is published again, for everybody at once. The network keeps it until "
               "somebody releases it.")),
)  # fmt: skip
ROLLOUT_TOOLS = (
    Act("policy", _("How lists go out"), _set_policy, PolicyForm, icon="tune"),
    Act("release", _("Release a network"), _release, ReleaseForm, icon="lock_open"),
)
