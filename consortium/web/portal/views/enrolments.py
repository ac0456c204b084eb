"""Enrolment secrets: made for one node, shown this once, listed, withdrawn."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from certs import services
from certs.models import Enrolment
from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.members.models import Node
from consortium.web import limits
from consortium.web.portal import certificate_forms as forms
from consortium.web.portal import certificate_listing as rows
from consortium.web.portal import est, openssl, scope
from consortium.web.portal.views.base import Action, Page, one, paged


class Enrolments(Page):
    template_name = "portal/enrolments.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = paged(self.request, scope.enrolments(self.account))
        found = rows.enrolment_rows(page.object_list, clock.now())
        return super().get_context_data(page=page, rows=found, **kwargs)


class Enrol(Action):
    """Make a secret. The answer to the form is the one page that ever shows it."""

    section = "nodes"
    form_class = forms.EnrolmentForm
    title = gettext_lazy("Enrol by EST")
    lead = gettext_lazy(
        "The node fetches its own certificate with a one-time secret. It is shown once, on the next page: "
        "have the node's machine at hand."
    )
    button = gettext_lazy("Make the secret")
    subject: Node

    def find(self, **kwargs: Any) -> Node:
        return one(scope.nodes(self.account), pk=kwargs["pk"])

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        able = [each for each in openssl.profiles(self.subject) if est.speaks(each)]
        form.fields["profile"].choices = [(each.value, each.label) for each in able]
        return form

    @method_decorator(sensitive_variables("secret"))
    def form_valid(self, form: django_forms.Form) -> HttpResponse:
        try:
            limits.spend(self.account, limits.ENROLMENTS)
            enrolment, secret = services.make_enrolment(
                node=self.subject, profile=form.cleaned_data["profile"], actor=self.account
            )
        except ConsoleError as error:
            return self.refused(form, error)
        return self._shown(enrolment, secret)

    @method_decorator(sensitive_variables("secret"))
    def _shown(self, enrolment: Enrolment, secret: str) -> HttpResponse:
        context = self.get_context_data(
            enrolment=enrolment,
            secret=secret,
            save=est.save_secret(),
            make=est.make_request(enrolment),
            curl=est.with_curl(enrolment),
            strongswan=est.with_strongswan(enrolment),
        )
        response = self.response_class(
            request=self.request, template="portal/enrolment_made.html", context=context, using=None
        )
        response["Cache-Control"] = "no-store"
        return response

    def after(self) -> str:
        return reverse("portal:node", args=[self.subject.pk])


class Withdraw(Action):
    section = "certificates"
    title = gettext_lazy("Withdraw the enrolment secret")
    lead = gettext_lazy("Nobody can enrol with it from now on. A certificate that it brought stays valid.")
    button = gettext_lazy("Withdraw")
    dangerous = True
    subject: Enrolment

    def find(self, **kwargs: Any) -> Enrolment:
        return one(scope.enrolments(self.account), pk=kwargs["pk"])

    def act(self, values: dict[str, Any]) -> str:
        services.withdraw_enrolment(self.subject, actor=self.account)
        return _("The enrolment secret is withdrawn.")

    def after(self) -> str:
        return reverse("portal:enrolments")
