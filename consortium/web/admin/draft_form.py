"""The form that a proposal is drafted with: every kind's fields, of which a page shows those of its kind."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Institution, Network, Node
from consortium.web.admin.acts import StyledForm
from governance.chain.models import ActionKind, RegistryEntry
from governance.proposals import actions, charter, rules
from governance.proposals.models import Kind, Permission

_SPAN = re.compile(r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m)?\s*(?:(\d+)\s*s?)?")
_UNITS = (86400, 3600, 60, 1)  # seconds


class SpanField(forms.CharField):
    """A span of time, as “2d 12h”, “90m” or a number of seconds. Cleans to seconds, or None."""

    def clean(self, value: Any) -> int | None:
        text = str(super().clean(value)).strip().lower()
        if not text:
            return None
        found = _SPAN.fullmatch(text)
        if found is None or len(text) > 40:
            raise ValidationError(_("Write it as 2d 12h, 90m, or in seconds."))
        return sum(int(part or 0) * unit for part, unit in zip(found.groups(), _UNITS, strict=True))


class DraftForm(StyledForm):
    """What members are asked. Which kind needs which subject, the service says."""

    kind = forms.ChoiceField(
        label=_("kind"), choices=[choice for choice in Kind.choices if choice[0] != Kind.OTHER]
    )
    institution = forms.ModelChoiceField(
        Institution.objects.all(), label=_("institution concerned"), required=False
    )
    node = forms.ModelChoiceField(
        Node.objects.select_related("institution").filter(retired_at__isnull=True),
        label=_("node"),
        required=False,
    )
    node_role = forms.TypedChoiceField(
        label=_("role"),
        choices=[("", "–"), *RegistryEntry.NodeRole.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    network = forms.ModelChoiceField(Network.objects.all(), label=_("network"), required=False)
    address = forms.CharField(
        label=_("address"),
        max_length=42,
        required=False,
        help_text=_(
            "0x and 40 digits: the account, the voting address, or the contract. For nobody, all digits zero."
        ),
    )
    break_glass = forms.CharField(
        label=_("guardians' contract"),
        max_length=42,
        required=False,
        help_text=_("Of the governor that takes over; without it nobody can break the glass any more."),
    )
    permission = forms.TypedChoiceField(
        label=_("permission"),
        choices=[("", "–"), *Permission.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    rule_of = forms.TypedChoiceField(
        label=_("whose rule"),
        choices=[("", "–"), *ActionKind.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    rule = forms.RegexField(
        r"^(\d{1,3})/(\d{1,3}) (\d{1,3})/(\d{1,3}) ([0-6])$",
        label=_("rule"),
        required=False,
        help_text=_("Quorum, share in favour, categories with a majority of their own: 1/2 2/3 3"),
    )
    voting_delay = SpanField(label=_("from opening to the vote"), required=False)
    voting_period = SpanField(label=_("time to vote"), required=False)
    late_quorum_extension = SpanField(label=_("time left at least after the quorum"), required=False)
    timelock = SpanField(
        label=_("time in the timelock"),
        required=False,
        help_text=_("As 2d 12h, 90m, or in seconds. What is left empty stays as it is."),
    )
    guardians = forms.CharField(
        label=_("guardians"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        required=False,
        help_text=_("All of them, an address a line: this replaces those in office."),
    )
    threshold = forms.IntegerField(label=_("guardians who must agree"), min_value=0, required=False)
    title_zh = forms.CharField(label=_("title (Chinese)"), max_length=200)
    title_en = forms.CharField(label=_("title (English)"), max_length=200)
    text = forms.CharField(
        label=_("text"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=20_000,
        help_text=_("Its hash goes on the ledger: once opened, not a letter of it can change."),
    )

    class Media:
        js = ("console/admin/draft.js",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, kinds in fields_of_kinds().items():
            if name in self.fields:
                self.fields[name].kinds = " ".join(kinds)  # type: ignore[attr-defined]

    def clean_rule(self) -> rules.Rule | None:
        given = self.cleaned_data["rule"]
        return rules.Rule.parse(given) if given else None

    def clean_guardians(self) -> list[str]:
        return str(self.cleaned_data["guardians"]).replace(",", " ").split()

    def clean(self) -> dict[str, Any]:
        """As ``services.Wish`` has its fields."""
        cleaned: dict[str, Any] = super().clean() or {}
        given = {name: cleaned.pop(name, None) for name in charter.DURATIONS}
        cleaned["durations"] = {name: value for name, value in given.items() if value is not None} or None
        return cleaned


class AddForm(DraftForm):
    """One more thing that a draft is to do."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("title_zh", "title_en", "text"):
            del self.fields[name]


def fields_of_kinds() -> dict[str, list[str]]:
    """By field, the kinds that it is for; a field that is not in it is for all."""

    def where(wanted: Any) -> list[str]:
        return [kind for kind in Kind.values if wanted(kind)]

    return {
        "institution": where(actions.concerns_institution),
        "node": where(actions.concerns_node),
        "node_role": where(actions.needs_role),
        "network": [Kind.SET_ACCOUNT],
        "address": where(actions.needs_address),
        "permission": [Kind.SET_ACCOUNT],
        "rule_of": [Kind.CHANGE_RULE],
        "rule": [Kind.CHANGE_RULE],
        "break_glass": [Kind.HAND_OVER],
        "guardians": [Kind.CHANGE_GUARDIANS],
        "threshold": [Kind.CHANGE_GUARDIANS],
        **{name: [Kind.CHANGE_TERMS] for name in charter.DURATIONS},
    }
