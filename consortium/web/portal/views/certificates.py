"""Certificate requests and certificates."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from certs import selectors as certs
from certs import services
from certs.models import Certificate, CertificateRequest
from consortium.core import clock
from consortium.members.models import Node
from consortium.web.portal import forms, listing, openssl, scope
from consortium.web.portal.views.base import Action, Page, one, paged


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
        found = one(scope.requests(self.account), pk=kwargs["pk"])
        certificate = scope.certificates(self.account).filter(request=found).first()
        return super().get_context_data(
            found=found, certificate=certificate, command=openssl.fingerprint(found.of_node), **kwargs
        )


class Submit(Action):
    """Hand in a CSR for a node."""

    template_name = "portal/request_form.html"
    section = "certificates"
    form_class = forms.RequestForm
    title = gettext_lazy("Request a certificate")
    button = gettext_lazy("Hand in")
    subject: Node
    made: CertificateRequest

    def find(self, **kwargs: Any) -> Node:
        return one(scope.nodes(self.account), pk=kwargs["pk"])

    def get_initial(self) -> dict[str, Any]:
        return {"profile": openssl.profiles(self.subject)[0]}

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        form.fields["profile"].choices = [(each.value, each.label) for each in openssl.profiles(self.subject)]
        return form

    def act(self, values: dict[str, Any]) -> str:
        self.made = services.submit_request(
            node=self.subject, profile=values["profile"], csr=values["csr"], actor=self.account
        )
        return _("The request passed every check and waits for approval.")

    def after(self) -> str:
        made = getattr(self, "made", None)
        return reverse("portal:request" if made else "portal:node", args=[(made or self.subject).pk])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(commands=openssl.commands(self.subject), **kwargs)


class Certificates(Page):
    template_name = "portal/certificates.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = scope.certificates(self.account)
        serial = self.request.GET.get("q", "").strip().lower().replace(":", "").replace("\0", "")[:40]
        if serial:
            rows = rows.filter(serial__serial__startswith=serial)
        page = paged(self.request, rows)
        return super().get_context_data(
            page=page, rows=listing.certificate_rows(page.object_list, clock.now()), q=serial, **kwargs
        )


class OneCertificate(Page):
    template_name = "portal/certificate.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = one(scope.certificates(self.account), pk=kwargs["pk"])
        state = listing.certificate_state(found, clock.now())
        return super().get_context_data(
            found=found,
            state=state,
            may_revoke=self.account.is_member and state in (listing.VALID, listing.EXPIRING),
            root=openssl.root_of(found),
            check=openssl.check(found),
            **kwargs,
        )


class Revoke(Action):
    template_name = "portal/revoke.html"
    section = "certificates"
    form_class = forms.RevokeForm
    title = gettext_lazy("Revoke the certificate")
    button = gettext_lazy("Revoke for good")
    dangerous = True
    subject: Certificate

    def find(self, **kwargs: Any) -> Certificate:
        return one(scope.certificates(self.account), pk=kwargs["pk"])

    def act(self, values: dict[str, Any]) -> str:
        services.revoke(self.subject, reason=values["reason"], comment=values["comment"], actor=self.account)
        return _("The certificate %(serial)s is revoked.") % {"serial": self.subject.serial_id}

    def after(self) -> str:
        return reverse("portal:certificate", args=[self.subject.pk])


@require_safe
@login_required
def leaf(request: HttpRequest, pk: Any) -> HttpResponse:
    """The node's certificate, PEM."""
    found = one(scope.certificates(scope.signed_in(request.user)), pk=pk)
    return _pem(found, certs.pem(bytes(found.der)), "")


@require_safe
@login_required
def chain(request: HttpRequest, pk: Any) -> HttpResponse:
    """The node's certificate and those above it, PEM."""
    found = one(scope.certificates(scope.signed_in(request.user)), pk=pk)
    return _pem(found, certs.chain_pem(found), "-chain")


def _pem(certificate: Certificate, text: str, suffix: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/x-pem-file")
    name = openssl.file_name(certificate, suffix)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
