"""What admin and portal ask about a node besides its first address: one set of fields for both."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from consortium.core.errors import InvalidInput
from consortium.members import rules
from consortium.members.errors import checked
from consortium.members.models import Node

FURTHER = ("addresses", "discovery_port", "raft_port", "is_bootnode")


class AddressesField(forms.CharField):
    """Addresses with their ports, one a line; cleaned to (host, port) each, in their order."""

    def __init__(self) -> None:
        super().__init__(
            label=_("further addresses"),
            required=False,
            max_length=1000,
            widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "class": "mono"}),
            help_text=_("one a line, with its port: 10.0.0.1:30303 or [fd00::1]:30303"),
        )

    def clean(self, value: Any) -> Any:
        lines = super().clean(value).splitlines()
        try:
            return [checked("addresses", rules.address, line) for line in lines if line.strip()]
        except InvalidInput as error:
            raise forms.ValidationError(error.params["reason"]) from None


class FurtherFields(forms.Form):
    """To be inherited beside a form of the admin's or the portal's."""

    addresses = AddressesField()
    discovery_port = forms.IntegerField(
        label=_("discovery port"),
        min_value=1,
        max_value=65535,
        required=False,
        help_text=_("UDP; only where it is not the port above"),
    )
    raft_port = forms.IntegerField(
        label=_("Raft port"), min_value=1, max_value=65535, required=False, help_text=_("GoQuorum under Raft")
    )
    is_bootnode = forms.BooleanField(
        label=_("boot node"),
        required=False,
        help_text=_("Others find the network through it. Besu does not start without its boot nodes listed."),
    )


def values_of(node: Node) -> dict[str, Any]:
    """What a node has, for a form's first look."""
    found = {name: getattr(node, name) for name in FURTHER if name != "addresses"}
    return {**found, "addresses": "\n".join(str(address) for address in node.addresses.all())}
