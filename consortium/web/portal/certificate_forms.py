"""Forms about certificates: a request as text or file, reasons with their meaning, a comment."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from certs import words
from certs.models import Profile
from consortium.members.models import User
from consortium.web import reasons

CSR_LIMIT = 64 * 1024  # bytes; the service has a stricter one and a word for it


class CsrForm(forms.Form):
    """A CSR, pasted or as a file."""

    one_of = frozenset({"csr_text", "csr_file"})  # neither is optional: one of them is needed

    csr_text = forms.CharField(
        label=_("request (PEM)"),
        help_text=_("paste it, or choose its file"),
        required=False,
        max_length=CSR_LIMIT,
        widget=forms.Textarea(attrs={"rows": 9, "spellcheck": "false", "class": "mono"}),
    )
    csr_file = forms.FileField(
        label=_("or its file"), required=False, help_text=_("PEM or DER; never the private key")
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        file: UploadedFile | None = values.get("csr_file")
        if not file and not values.get("csr_text"):
            raise forms.ValidationError(_("Paste the request or choose its file."))
        # one byte more than the limit: enough for the service to say that it is too large
        values["csr"] = file.read(CSR_LIMIT + 1) if file else values["csr_text"].encode()
        return values


class RequestForm(CsrForm):
    """For a node: which profile, and the CSR."""

    profile = forms.ChoiceField(label=_("profile"), choices=Profile.choices)
    field_order = ["profile", "csr_text", "csr_file"]


class PersonChoice(forms.ModelChoiceField):
    """Accounts by name, with what they sign in as."""

    def label_from_instance(self, obj: Any) -> str:
        name = obj.get_full_name()
        return f"{name} ({obj.username})" if name else obj.username


class HolderForm(RequestForm):
    """For an officer, or for a program with an account of its own."""

    holder = PersonChoice(label=_("account"), queryset=User.objects.none())
    field_order = ["profile", "holder", "csr_text", "csr_file"]


class CommentForm(forms.Form):
    comment = forms.CharField(
        label=_("comment"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("kept in the record"),
    )


class ReleaseForm(CommentForm):
    """Says why: it is the one entry of a list that is ever taken back."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["comment"].required = True


class RevokeForm(CommentForm):
    sure = forms.BooleanField(label=_("I understand that a revocation can't be taken back."))
    field_order = ["reason", "comment", "sure"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = forms.ChoiceField(
            label=_("reason"), widget=forms.RadioSelect, choices=reasons.choices(words.for_members())
        )
        self.order_fields(self.field_order)


class EnrolmentForm(forms.Form):
    """Which kind of certificate the node will fetch."""

    profile = forms.ChoiceField(label=_("profile"), choices=Profile.choices)
