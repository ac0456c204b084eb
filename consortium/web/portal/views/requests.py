"""Certificate requests: list, page, handing one in for a node, for a person or program, or as a renewal."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from certs import rules, services
from certs.models import Certificate, CertificateRequest
from consortium.core import clock
from consortium.members.models import Node
from consortium.web.portal import certificate_forms as forms
from consortium.web.portal import est, listing, openssl, scope
from consortium.web.portal.views.base import Action, Page, one, paged
from consortium.web.profiles import HOLDER, NODE, off, offered


class Requests(Page):
    template_name = "portal/requests.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = scope.requests(self.account)
        status = self.request.GET.get("status", "")
        if status in CertificateRequest.Status.values:
            rows = rows.filter(status=status)
        page = paged(self.request, rows)
        statuses = CertificateRequest.Status.choices
        return super().get_context_data(page=page, statuses=statuses, status=status, **kwargs)


class OneRequest(Page):
    template_name = "portal/request.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = one(scope.requests(self.account).select_related("renews"), pk=kwargs["pk"])
        certificate = scope.certificates(self.account).filter(request=found).first()
        return super().get_context_data(
            found=found, certificate=certificate, command=openssl.fingerprint(found), **kwargs
        )


class _HandIn(Action):
    """A CSR goes through the gate and becomes a request, or is refused with the reason."""

    template_name = "portal/request_form.html"
    section = "certificates"
    button = gettext_lazy("Hand in")
    made: CertificateRequest

    def after(self) -> str:
        made = getattr(self, "made", None)
        return reverse("portal:request", args=[made.pk]) if made else self.before()

    def before(self) -> str:
        """The page that it was opened from."""
        raise NotImplementedError


class Submit(_HandIn):
    """Hand in a CSR for a node."""

    form_class = forms.RequestForm
    title = gettext_lazy("Request a certificate")
    subject: Node

    def find(self, **kwargs: Any) -> Node:
        return one(scope.nodes(self.account), pk=kwargs["pk"])

    def get_initial(self) -> dict[str, Any]:
        wanted = self.request.GET.get("profile", "")
        fitting = openssl.profiles(self.subject)
        return {"profile": wanted if wanted in fitting else fitting[0]}

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        form.fields["profile"].choices = [(each.value, each.label) for each in openssl.profiles(self.subject)]
        return form

    def act(self, values: dict[str, Any]) -> str:
        self.made = services.submit_request(
            node=self.subject, profile=values["profile"], csr=values["csr"], actor=self.account
        )
        return _("The request passed every check and waits for approval.")

    def before(self) -> str:
        return reverse("portal:node", args=[self.subject.pk])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            commands=openssl.commands(self.subject),
            off=off(NODE),
            machine=_("the node's machine"),
            **kwargs,
        )


class SubmitForHolder(_HandIn):
    """Hand in a CSR for the account that is signed in: an officer's own, or a program's."""

    form_class = forms.HolderForm
    title = gettext_lazy("Request a certificate for a person or a program")
    lead = gettext_lazy(
        "An officer's certificate says who acts; a program's lets it reach the alliance's interfaces. Both "
        "belong to an account of your institution and end with it."
    )

    def get_initial(self) -> dict[str, Any]:
        return {"holder": self.account.pk, "profile": self.request.GET.get("profile", "")}

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        form.fields["profile"].choices = [(each.value, each.label) for each in offered(HOLDER)]
        form.fields["holder"].queryset = scope.people(self.account).filter(pk=self.account.pk)
        return form

    def act(self, values: dict[str, Any]) -> str:
        self.made = services.submit_request(
            holder=values["holder"], profile=values["profile"], csr=values["csr"], actor=self.account
        )
        return _("The request passed every check and waits for approval.")

    def before(self) -> str:
        return reverse("portal:requests")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            commands=openssl.holder_commands(), machine=_("the holder's own machine"), **kwargs
        )


class Renew(_HandIn):
    """Hand in the CSR of a certificate's successor."""

    template_name = "portal/renew.html"
    form_class = forms.CsrForm
    title = gettext_lazy("Renew the certificate")
    subject: Certificate

    def find(self, **kwargs: Any) -> Certificate:
        return one(scope.certificates(self.account), pk=kwargs["pk"])

    def act(self, values: dict[str, Any]) -> str:
        self.made = services.submit_request(
            node=self.subject.node,
            holder=self.subject.holder,
            profile=self.subject.profile,
            csr=values["csr"],
            actor=self.account,
            renews=self.subject,
        )
        return _("The request passed every check and waits for approval.")

    def before(self) -> str:
        return reverse("portal:certificate", args=[self.subject.pk])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        keeps_key = rules.profile(self.subject.profile).keeps_key
        by_est = self.subject.node is not None and est.proves_itself(self.subject.profile)
        return super().get_context_data(
            renewal=services.renewal_state(self.subject, clock.now()),
            owner=listing.owner(self.subject),
            keeps_key=keeps_key,
            command=openssl.renewal(self.subject, keeps_key=keeps_key),
            est=est.renewal(self.subject, keeps_key=keeps_key) if by_est else "",
            **kwargs,
        )
