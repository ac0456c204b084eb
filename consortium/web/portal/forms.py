"""The portal's forms: they collect, the services decide."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from consortium.core.errors import InvalidInput
from consortium.members import rules
from consortium.members.errors import checked
from consortium.members.models import Institution, Network, Node
from consortium.members.states import NodeSoftware
from consortium.web import node_fields
from consortium.web.node_fields import FURTHER, FurtherFields


class EndpointForm(FurtherFields):
    host = forms.GenericIPAddressField(label=_("address"), help_text=_("IPv4 or IPv6, as peers reach it"))
    port = forms.IntegerField(label=_("port"), min_value=1, max_value=65535)
    push_url = forms.URLField(
        label=_("push address"),
        required=False,
        max_length=200,
        assume_scheme="https",
        help_text=_(
            "https address at which the node's agent hears of a new list; without one it asks by itself"
        ),
    )
    software = forms.ChoiceField(label=_("software"), choices=NodeSoftware.choices, required=False)
    software_version = forms.CharField(label=_("version"), required=False, max_length=20)
    reason = forms.CharField(
        label=_("reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("kept in the record"),
    )

    def clean_software(self) -> str:
        """What it was, where none is chosen."""
        return str(self.cleaned_data["software"] or self.initial["software"])

    @classmethod
    def values_of(cls, node: Node) -> dict[str, Any]:
        own = ("host", "port", "push_url", "software", "software_version")
        return {**{name: getattr(node, name) for name in own}, **node_fields.values_of(node)}

    field_order = [
        "host",
        "port",
        *FURTHER,
        "push_url",
        "software",
        "software_version",
        "reason",
    ]


class NodeForm(EndpointForm):
    """A new node; no reason is asked for."""

    network = forms.ModelChoiceField(label=_("network"), queryset=Network.objects.all())
    name = forms.RegexField(
        r"\A[a-z0-9]+(-[a-z0-9]+)*\Z",
        label=_("name"),
        max_length=40,
        strip=True,
        help_text=_("small letters, digits and hyphens; unique in your institution"),
        error_messages={"invalid": _("Lower-case letters, digits and single hyphens only.")},
    )
    software = forms.ChoiceField(label=_("software"), choices=NodeSoftware.choices)
    consensus_id = forms.CharField(
        label=_("node id"),
        max_length=132,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text=_("the node's secp256k1 public key: 128 hexadecimal digits (enode id, FISCO BCOS node id)"),
    )

    def clean_consensus_id(self) -> str:
        """By the service's own rule, here already: one round shows every wrong field."""
        try:
            return checked("consensus_id", rules.consensus_id, self.cleaned_data["consensus_id"])
        except InvalidInput as error:
            raise forms.ValidationError(error.params["reason"]) from None

    reason = None  # type: ignore[assignment]  # removes the inherited field
    field_order = [
        "network",
        "name",
        "software",
        "software_version",
        "consensus_id",
        "host",
        "port",
        *FURTHER,
        "push_url",
    ]


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("kept in the record"),
    )


class ContactForm(ReasonForm):
    """Whom the alliance reaches at the institution."""

    contact_name = forms.CharField(label=_("contact"), max_length=120)
    contact_email = forms.EmailField(label=_("contact's e-mail"))
    contact_phone = forms.CharField(label=_("contact's telephone"), max_length=40, required=False)
    field_order = ["contact_name", "contact_email", "contact_phone", "reason"]

    @classmethod
    def values_of(cls, institution: Institution) -> dict[str, Any]:
        return {name: getattr(institution, name) for name in cls.field_order if name != "reason"}


class VotingAddressForm(forms.Form):
    address = forms.CharField(
        label=_("voting address"), max_length=42, widget=forms.TextInput({"class": "mono"})
    )
    proof = forms.CharField(
        label=_("proof"),
        max_length=200,
        widget=forms.Textarea({"rows": 3, "class": "mono", "spellcheck": "false"}),
        help_text=_("what the ballot command printed: 0x and 130 hexadecimal digits"),
    )


class BallotForm(forms.Form):
    """A signed ballot, as the ``ballot`` command writes it with ``--out``."""

    ballot = forms.CharField(
        label=_("signed ballot (JSON)"),
        max_length=4000,
        widget=forms.Textarea({"rows": 6, "class": "mono", "spellcheck": "false"}),
    )

    def clean_ballot(self) -> dict[str, Any]:
        try:
            values = json.loads(self.cleaned_data["ballot"])
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("This is not the JSON that the ballot command writes.")) from None
        if not isinstance(values, dict):
            raise forms.ValidationError(_("This is not the JSON that the ballot command writes."))
        return values
