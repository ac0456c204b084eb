"""The institution's own record, what happened, and the account of whoever is signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from consortium.core import clock
from consortium.members import services
from consortium.members.models import Category, Institution
from consortium.members.rules import voting_address_statement
from consortium.members.states import Status
from consortium.web import accounts
from consortium.web.portal import forms, listing, scope
from consortium.web.portal.views.base import Action, Page, one, paged
from governance.chain.models import Seat


class Institutions(Page):
    """All of them; a member sees the list of one, its own."""

    template_name = "portal/institutions.html"
    section = "institution"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = scope.institutions(self.account)
        status, category = (self.request.GET.get(name, "") for name in ("status", "category"))
        if status in Status.values:
            rows = rows.filter(status=status)
        categories = list(Category.objects.all())
        if category in {each.code for each in categories}:
            rows = rows.filter(category=category)
        return super().get_context_data(
            page=paged(self.request, rows),
            statuses=Status.choices,
            status=status,
            categories=categories,
            category=category,
            **kwargs,
        )


class OneInstitution(Page):
    template_name = "portal/institution.html"
    section = "institution"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = one(scope.institutions(self.account), pk=kwargs["pk"])
        seat = Seat.objects.filter(member_id=found.uscc).first()
        nodes = list(scope.nodes(self.account).filter(institution=found).select_related("delivery"))
        return super().get_context_data(
            found=found,
            seat=seat,
            rows=listing.node_rows(nodes, clock.now()),
            officers=found.officers.order_by("-is_active", "username"),
            timeline=scope.events(self.account).filter(institution_id=found.pk)[:50],
            may_register_address=self.account.is_member and seat is None,
            **kwargs,
        )


class ChangeContact(Action):
    """Whom the alliance reaches; for the institution's own officers."""

    section = "institution"
    form_class = forms.ContactForm
    title = gettext_lazy("Change contact")
    button = gettext_lazy("Change")
    subject: Institution

    def find(self, **kwargs: Any) -> Institution:
        return one(scope.institutions(self.account), pk=kwargs["pk"])

    def get_initial(self) -> dict[str, Any]:
        return forms.ContactForm.values_of(self.subject)

    def act(self, values: dict[str, Any]) -> str:
        services.change_contact(self.subject, **values, actor=self.account)
        return _("The contact was changed.")

    def after(self) -> str:
        return reverse("portal:institution", args=[self.subject.pk])


class RegisterVotingAddress(Action):
    template_name = "portal/voting_address.html"
    section = "institution"
    form_class = forms.VotingAddressForm
    title = gettext_lazy("Register the voting address")
    button = gettext_lazy("Register")
    subject: Institution

    def find(self, **kwargs: Any) -> Institution:
        return one(scope.institutions(self.account), pk=kwargs["pk"])

    def act(self, values: dict[str, Any]) -> str:
        services.set_voting_address(
            self.subject, address=values["address"], proof=values["proof"].strip(), actor=self.account
        )
        return _("The voting address is registered.")

    def after(self) -> str:
        return reverse("portal:institution", args=[self.subject.pk])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        command = (
            f".venv/bin/python -m governance.ballot prove --uscc {self.subject.uscc} "
            "--keystore keystore.json --passphrase-file passphrase"
        )
        statement = voting_address_statement(self.subject.uscc, "0x…")
        return super().get_context_data(statement=statement, command=command, **kwargs)


class Record(Page):
    """What happened, newest first."""

    template_name = "portal/record.html"
    section = "record"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(page=paged(self.request, scope.events(self.account)), **kwargs)


class Account(Page):
    """Password, second factor, API token."""

    template_name = "portal/account.html"
    section = "account"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(token_since=accounts.token_since(self.account), **kwargs)


@require_POST
@login_required
@sensitive_variables("token")
def renew_token(request: HttpRequest) -> HttpResponse:
    """Make the API token anew; it is shown in this one answer."""
    token = accounts.renew_token(scope.signed_in(request.user))
    view = Account(extra_context={"token": token})
    view.setup(request)
    response = view.render_to_response(view.get_context_data())
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
def withdraw_token(request: HttpRequest) -> HttpResponse:
    accounts.withdraw_token(scope.signed_in(request.user))
    messages.success(request, _("The API token is withdrawn."))
    return redirect("portal:account")
