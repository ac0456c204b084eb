"""What the secretariat does with institutions, nodes and accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consortium.members import services
from consortium.members.models import Category, Institution, Network, Node, User
from consortium.members.states import TRANSITIONS, NodeSoftware, Role, Status
from consortium.web import node_fields
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, Outcome, ReasonForm, RemarkForm, StyledForm, Text, actor
from consortium.web.node_fields import FURTHER, FurtherFields


class ContactForm(StyledForm):
    contact_name = forms.CharField(label=_("contact"), max_length=120)
    contact_email = forms.EmailField(label=_("contact's e-mail"))
    contact_phone = forms.CharField(label=_("contact's telephone"), max_length=40, required=False)


class ApplicationForm(ContactForm):
    """A new institution's particulars. Codes are checked by the service, which also names what is wrong."""

    legal_name_zh = forms.CharField(label=_("legal name (Chinese)"), max_length=200)
    legal_name_en = forms.CharField(label=_("legal name (English)"), max_length=200)
    short_name = forms.CharField(
        label=_("short name"), max_length=40, help_text=_("Lower-case letters, digits and hyphens.")
    )
    category = forms.ModelChoiceField(Category.objects.all(), label=_("industry category"))
    uscc = forms.CharField(
        label=_("USCC"), max_length=18, help_text=_("Unified social credit code, 18 characters.")
    )
    lei = forms.CharField(label=_("LEI"), max_length=20, required=False)
    joined_on = forms.DateField(label=_("joined on"), required=False)
    field_order = (
        "legal_name_zh",
        "legal_name_en",
        "short_name",
        "category",
        "uscc",
        "lei",
        "joined_on",
        "contact_name",
        "contact_email",
        "contact_phone",
    )


class ChangeContactForm(ContactForm):
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)

    def __init__(self, *args: Any, row: Institution | None = None, **kwargs: Any) -> None:
        super().__init__(*args, row=row, **kwargs)
        for name in ("contact_name", "contact_email", "contact_phone"):
            self.initial.setdefault(name, getattr(row, name, ""))


class NodeForm(FurtherFields, StyledForm):
    network = forms.ModelChoiceField(Network.objects.all(), label=_("network"))
    name = forms.CharField(label=_("name"), max_length=40)
    software = forms.ChoiceField(label=_("software"), choices=NodeSoftware.choices)
    software_version = forms.CharField(label=_("version"), max_length=20, required=False)
    consensus_id = forms.CharField(
        label=_("node id"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=140,
        help_text=_("The node's public key: 128 hexadecimal digits."),
    )
    host = forms.CharField(label=_("address"), max_length=45, help_text=_("An IP address, no name."))
    port = forms.IntegerField(label=_("port"), min_value=1, max_value=65535)
    push_url = forms.CharField(label=_("push address"), max_length=200, required=False)
    field_order = (
        "network",
        "name",
        "software",
        "software_version",
        "consensus_id",
        "host",
        "port",
        *FURTHER,
        "push_url",
    )


class EndpointForm(FurtherFields, StyledForm):
    host = forms.CharField(label=_("address"), max_length=45)
    port = forms.IntegerField(label=_("port"), min_value=1, max_value=65535)
    push_url = forms.CharField(label=_("push address"), max_length=200, required=False)
    software = forms.ChoiceField(label=_("software"), choices=NodeSoftware.choices, required=False)
    software_version = forms.CharField(label=_("version"), max_length=20, required=False)
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)
    field_order = ("host", "port", *FURTHER, "push_url", "software", "software_version", "reason")

    def __init__(self, *args: Any, row: Node | None = None, **kwargs: Any) -> None:
        super().__init__(*args, row=row, **kwargs)
        for name in ("host", "port", "push_url", "software", "software_version"):
            self.initial.setdefault(name, getattr(row, name, ""))
        if row is not None:
            self.initial = {**node_fields.values_of(row), **self.initial}

    def clean_software(self) -> str:
        """What it was, where none is chosen."""
        return str(self.cleaned_data["software"] or self.initial["software"])


class AccountForm(StyledForm):
    username = forms.CharField(label=_("account"), max_length=150)
    role = forms.ChoiceField(label=_("role"), choices=Role.choices)
    institution = forms.ModelChoiceField(
        Institution.objects.all(),
        label=_("institution"),
        required=False,
        help_text=_("For officers of a member only."),
    )
    first_name = forms.CharField(label=_("first name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("last name"), max_length=150, required=False)
    email = forms.EmailField(label=_("e-mail"), required=False)
    password = forms.CharField(
        label=_("first password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters; hand it over by another way."),
    )


class NetworkForm(StyledForm):
    slug = forms.CharField(
        label=_("short name"),
        max_length=32,
        help_text=_("Small letters, digits and hyphens. It goes on the ledger and can't be changed."),
    )
    name_zh = forms.CharField(label=_("name (Chinese)"), max_length=80)
    name_en = forms.CharField(label=_("name (English)"), max_length=80)


def _decide(service: Callable[..., Any], message: Text) -> Callable[..., Outcome]:
    """An act that needs a reason and nothing else."""

    def run(request: HttpRequest, row: Any, cleaned: dict[str, Any]) -> Outcome:
        service(row, actor=actor(request), reason=cleaned["reason"])
        return Outcome(message)

    return run


def _may_become(wanted: Status) -> Callable[[Institution], bool]:
    return lambda row: wanted in TRANSITIONS[row.status]


def _apply(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    made = services.apply(**{**cleaned, "lei": cleaned["lei"] or None}, actor=actor(request))
    return Outcome(_("The application is in the queue."), panels.address(made))


def _change_contact(request: HttpRequest, row: Institution, cleaned: dict[str, Any]) -> Outcome:
    services.change_contact(row, **cleaned, actor=actor(request))
    return Outcome(_("The contact was changed."))


def _register_node(request: HttpRequest, row: Institution, cleaned: dict[str, Any]) -> Outcome:
    made = services.register_node(row, **cleaned, actor=actor(request))
    return Outcome(_("The node is registered; a vote admits it."), panels.address(made))


def _change_endpoint(request: HttpRequest, row: Node, cleaned: dict[str, Any]) -> Outcome:
    services.change_endpoint(row, **cleaned, actor=actor(request))
    return Outcome(_("The endpoint was changed; a new list follows by itself."))


def _create_account(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    made = services.create_account(**cleaned, actor=actor(request))
    return Outcome(_("The account is ready."), panels.address(made))


def _add_network(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    made = services.add_network(**cleaned, actor=actor(request))
    return Outcome(_("The network was added."), panels.address(made))


def _in_service(row: Node) -> bool:
    return row.retired_at is None


def _active(row: User) -> bool:
    return row.is_active


INSTITUTION_ACTS = (
    Act(
        "start-review",
        _("Start review"),
        _decide(services.start_review, _("The review has started.")),
        RemarkForm,
        _may_become(Status.IN_REVIEW),
        style="main",
        icon="play_arrow",
    ),
    Act(
        "ask",
        _("Ask for more information"),
        _decide(services.request_information, _("The institution was asked.")),
        ReasonForm,
        _may_become(Status.MORE_INFORMATION_NEEDED),
        icon="help",
    ),
    Act(
        "decline",
        _("Decline"),
        _decide(services.decline, _("The application was declined.")),
        ReasonForm,
        _may_become(Status.DECLINED),
        hint=_("Final: a declined application can't be taken up again."),
        style="grave",
        icon="close",
    ),
    Act("contact", _("Change contact"), _change_contact, ChangeContactForm, icon="edit"),
    Act("register-node", _("Register a node"), _register_node, NodeForm, icon="add"),
)
INSTITUTION_TOOLS = (
    Act("apply", _("Enter an application"), _apply, ApplicationForm, style="main", icon="add"),
)
NETWORK_TOOLS = (Act("add-network", _("Add a network"), _add_network, NetworkForm, style="main", icon="add"),)
NODE_ACTS = (
    Act("endpoint", _("Change addresses"), _change_endpoint, EndpointForm, _in_service, icon="edit"),
    Act(
        "retire",
        _("Retire"),
        _decide(services.retire_node, _("The node is retired.")),
        ReasonForm,
        _in_service,
        hint=_("The node leaves the permission lists. Its role on the ledger ends by vote only."),
        style="grave",
        icon="power_settings_new",
    ),
)
ACCOUNT_TOOLS = (
    Act("create", _("Create an account"), _create_account, AccountForm, style="main", icon="person_add"),
)
ACCOUNT_ACTS = (
    Act(
        "deactivate",
        _("Deactivate"),
        _decide(services.deactivate_account, _("The account is deactivated.")),
        ReasonForm,
        _active,
        style="grave",
        icon="person_off",
    ),
)
