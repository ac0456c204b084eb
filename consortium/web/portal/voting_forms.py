"""The forms around a vote: proposing it inside the institution, signing it, and who stands in for whom."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from consortium.members.models import User
from consortium.web.portal.forms import ReasonForm
from governance.chain.models import CastVote
from governance.proposals.mandates import Substitution

_CHOICES = [(kind.value, kind.label) for kind in (CastVote.Support.FOR, CastVote.Support.AGAINST)] + [
    (CastVote.Support.ABSTAIN.value, CastVote.Support.ABSTAIN.label)
]


def _moment() -> forms.DateTimeInput:
    return forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class ProposeVoteForm(ReasonForm):
    """How the institution should vote, and why; the reason stays inside."""

    support = forms.TypedChoiceField(
        label=_("How we vote"), choices=_CHOICES, coerce=int, widget=forms.RadioSelect
    )
    field_order = ["support", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = _("for your colleagues; nobody outside your institution reads it")


class SignatureForm(forms.Form):
    """A signature made elsewhere: by a wallet in this browser, an HSM, a machine without a network."""

    support = forms.TypedChoiceField(label=_("Signed for"), choices=_CHOICES, coerce=int)
    signature = forms.CharField(
        label=_("signature"),
        max_length=300,
        widget=forms.Textarea({"rows": 3, "class": "mono", "spellcheck": "false"}),
        help_text=_("0x and 130 hexadecimal digits, over the ballot below (EIP-712)"),
    )


class _Officers(ReasonForm):
    """A form that names officers of the institution."""

    of_officers: tuple[str, ...] = ()

    def __init__(self, *args: Any, officers: list[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = User.objects.filter(pk__in=[officer.pk for officer in officers]).order_by("username")
        for name in self.of_officers:
            field: Any = self.fields[name]
            field.queryset = chosen
            field.label_from_instance = _person


class SubstituteForm(_Officers):
    """Leave cover."""

    absent = forms.ModelChoiceField(User.objects.none(), label=_("officer on leave"))
    substitute = forms.ModelChoiceField(User.objects.none(), label=_("substitute"))
    starts = forms.DateTimeField(label=pgettext_lazy("time", "from"), widget=_moment())
    ends = forms.DateTimeField(label=_("until"), widget=_moment())
    field_order = ["absent", "substitute", "starts", "ends", "reason"]
    of_officers = ("absent", "substitute")


class DutyForm(_Officers):
    """Whether an officer takes part in votes."""

    officer = forms.ModelChoiceField(User.objects.none(), label=_("officer"))
    votes = forms.TypedChoiceField(
        label=_("takes part in votes"),
        choices=[("yes", _("yes")), ("no", _("no, only as a substitute"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )
    field_order = ["officer", "votes", "reason"]
    of_officers = ("officer",)


class EndSubstitutionForm(ReasonForm):
    substitution = forms.ModelChoiceField(Substitution.objects.none(), label=_("substitution"))
    field_order = ["substitution", "reason"]

    def __init__(self, *args: Any, covers: QuerySet[Substitution], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["substitution"]
        field.queryset = covers.select_related("absent", "substitute")
        field.label_from_instance = lambda row: f"{_person(row.substitute)} → {_person(row.absent)}"


def _person(account: User) -> str:
    return account.get_full_name() or account.username
