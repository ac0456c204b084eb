"""What a guardian says before it signs, and the signature that it hands in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from governance.chain.guardians import LONGEST_HOURS

_CONTENT = 200_000  # characters: a cancellation carries the proposal's content
Choices = Sequence[tuple[str, Any]]


class _Signing(forms.Form):
    """``guardians``: their addresses."""

    guardian = forms.ChoiceField(label=_("who signs"), help_text=_("the guardian's address"))
    reason = forms.CharField(
        label=_("reason"),
        max_length=2000,
        widget=forms.Textarea({"rows": 4}),
        help_text=_(
            "Word for word the same for all guardians: the ledger keeps its hash, and counts what is equal."
        ),
    )
    hours = forms.IntegerField(
        label=_("hours in which the signature may be used"), min_value=1, max_value=LONGEST_HOURS, initial=24
    )

    def __init__(self, *args: Any, guardians: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who: Any = self.fields["guardian"]
        who.choices = [(address, address) for address in guardians]

    def clean_reason(self) -> str:
        """As the command reads it from a file: without blanks around it, line ends as on Unix."""
        return str(self.cleaned_data["reason"]).replace("\r\n", "\n").strip()


class FreezeForm(_Signing):
    node = forms.ChoiceField(label=_("node"))
    field_order = ["node", "reason", "guardian", "hours"]

    def __init__(self, *args: Any, nodes: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["node"]
        field.choices = nodes


class CancelForm(_Signing):
    proposal = forms.ChoiceField(label=_("proposal"))
    field_order = ["proposal", "reason", "guardian", "hours"]

    def __init__(self, *args: Any, proposals: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["proposal"]
        field.choices = proposals


class ConfirmationForm(forms.Form):
    """A confirmation as the ``guardian`` command writes it; a wallet's signature comes beside it."""

    confirmation = forms.CharField(
        label=_("signed confirmation (JSON)"),
        max_length=_CONTENT,
        widget=forms.Textarea({"rows": 10, "class": "mono", "spellcheck": "false"}),
    )
    signature = forms.CharField(
        label=_("signature"),
        max_length=300,
        required=False,
        widget=forms.Textarea({"rows": 3, "class": "mono", "spellcheck": "false"}),
        help_text=_("only if it is not in the file: 0x and 130 hexadecimal digits"),
    )

    def clean_confirmation(self) -> dict[str, Any]:
        try:
            values = json.loads(self.cleaned_data["confirmation"])
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("This is not the JSON that the guardian command writes.")) from None
        if not isinstance(values, dict):
            raise forms.ValidationError(_("This is not the JSON that the guardian command writes."))
        return values
