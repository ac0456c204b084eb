"""What the secretariat does about a rollout, and about how a network's lists go out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Network, Node
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, Outcome, ReasonForm, actor
from consortium.web.admin.network_form import NetworkForm
from governance.permissions import rolling, rollouts, services
from governance.permissions.models import Epoch, Rollout, RolloutPolicy
from governance.permissions.rollouts import Status

_PERCENT = rollouts.EVERYBODY // 100
_WAVES = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")


class PolicyForm(NetworkForm):
    """How the lists of one network go out."""

    settings = (
        "mode", "canaries", "canary_count", "waves", "soak_seconds", "silence_seconds",
        "most_failures", "most_failures_percent",
    )  # fmt: skip
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
        help_text=_("Other nodes are chosen until there are so many; each time others."),
    )
    waves = forms.CharField(
        label=_("waves"),
        max_length=100,
        help_text=_("Percent of the nodes, rising, with 100 at the end."),
    )
    soak_seconds = forms.IntegerField(label=_("seconds to watch each stage"), min_value=0)
    silence_seconds = forms.IntegerField(label=_("seconds until silence is a failure"), min_value=1)
    most_failures = forms.IntegerField(label=_("failures borne"), min_value=0)
    most_failures_percent = forms.DecimalField(
        label=_("failures borne, in percent of the nodes that answer"),
        min_value=0,
        max_value=100,
        decimal_places=2,
    )
    field_order = ("network", *settings)

    def present(self, network: Network) -> Mapping[str, Any]:
        row = rolling.policy(network)
        chosen = Node.objects.filter(pk__in=row.canaries, network=network, retired_at=None)
        return {
            "mode": row.mode,
            "canaries": "\n".join(sorted(str(node) for node in chosen.select_related("institution"))),
            "canary_count": row.canary_count,
            "waves": " ".join(f"{share / _PERCENT:g}" for share in row.waves),
            "soak_seconds": row.soak_seconds,
            "silence_seconds": row.silence_seconds,
            "most_failures": row.most_failures,
            "most_failures_percent": f"{row.most_failures_share / _PERCENT:g}",
        }

    def proposed(self, network: Network) -> Mapping[str, Any]:
        """Waves, where lists have gone to everybody at once so far: one wave of all is no stage."""
        row = rolling.policy(network)
        at_once = row.mode == RolloutPolicy.Mode.AT_ONCE and row.waves == [rollouts.EVERYBODY]
        return {"waves": "10 50 100"} if at_once else {}

    def clean_waves(self) -> list[int]:
        words = self.cleaned_data["waves"].replace(",", " ").replace("%", " ").split()
        if not words or not all(_WAVES.fullmatch(word) for word in words):
            raise forms.ValidationError(_("Percent, with spaces between them."), code="waves")
        return [round(float(word) * _PERCENT) for word in words]

    def clean_canaries(self) -> list[Node]:
        lines = [line.strip() for line in self.cleaned_data["canaries"].splitlines() if line.strip()]
        found, missing = [], []
        for line in lines:
            bank, _slash, name = line.partition("/")
            node = Node.objects.filter(
                network=self.cleaned_data.get("network"), institution__short_name=bank, name=name
            ).first()
            found += [node] if node else []
            missing += [] if node else [line]
        if missing:
            raise forms.ValidationError(
                _("Not nodes of this network: %(nodes)s."), params={"nodes": ", ".join(missing)}
            )
        return found

    def clean_most_failures_percent(self) -> int:
        return int(self.cleaned_data["most_failures_percent"] * _PERCENT)


def _set_policy(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    share = cleaned.pop("most_failures_percent", None)
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
    Act("keep_halted", _("Keep halted"), _halt, ReasonForm, lambda row: row.was_halted_by_the_gate,
        icon="pause", hint=_("The gate's halt ends with the next list; a person's does not.")),
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
