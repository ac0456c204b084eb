"""Certificates: list, what expires, page with its clock, downloads, and the authorities above them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from certs import selectors as certs
from certs import services
from certs.models import Certificate
from certs.status import addresses
from consortium.core import clock
from consortium.web import clocks
from consortium.web.portal import certificate_listing as rows
from consortium.web.portal import listing, openssl, scope
from consortium.web.portal.views.base import Page, one, paged

HOLDERS: dict[str, tuple[Promise, dict[str, Any]]] = {
    "nodes": (gettext_lazy("nodes"), {"node__isnull": False}),
    "officers": (gettext_lazy("officers"), {"profile": "officer"}),
    "programs": (gettext_lazy("programs"), {"profile": "client"}),
}


class Certificates(Page):
    template_name = "portal/certificates.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = scope.certificates(self.account)
        serial = self.request.GET.get("q", "").strip().lower().replace(":", "").replace("\0", "")[:40]
        if serial:
            found = found.filter(serial__serial__startswith=serial)
        of = self.request.GET.get("of", "")
        if of in HOLDERS:
            found = found.filter(**HOLDERS[of][1])
        page = paged(self.request, found)
        return super().get_context_data(
            page=page,
            rows=listing.certificate_rows(page.object_list, clock.now()),
            q=serial,
            of=of,
            holders=[(name, label) for name, (label, _where) in HOLDERS.items()],
            **kwargs,
        )


class OneCertificate(Page):
    template_name = "portal/certificate.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found, now = one(scope.certificates(self.account), pk=kwargs["pk"]), clock.now()
        state = listing.certificate_state(found, now)
        return super().get_context_data(
            found=found,
            state=state,
            owner=listing.owner(found),
            held=found.suspensions.filter(released_at=None).first(),
            clock=clocks.of(found, self.account),
            may_write=self.account.is_member and found.institution_id == self.account.institution_id,
            in_force=state in (listing.VALID, listing.EXPIRING, listing.SUSPENDED),
            renewal=services.renewal_state(found, now),
            root=openssl.root_of(found),
            check=openssl.check(found),
            ocsp=addresses.ocsp_url(),
            crl=addresses.crl_url(found.authority, found.crl_shard),
            whole_crl=addresses.full_crl_url(found.authority),
            timeline=scope.certificate_events(self.account, found)[:50],
            ask=openssl.status_question(found, addresses.ocsp_url()),
            **kwargs,
        )


class Expiring(Page):
    """What runs out, and when each may be renewed."""

    template_name = "portal/expiring.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        now = clock.now()
        page = paged(self.request, scope.ending(self.account))
        return super().get_context_data(
            page=page,
            rows=rows.ending_rows(page.object_list, self.account, now),
            authorities=[row for row in rows.authority_rows(now) if row.left > 0],
            **kwargs,
        )


class Revocations(Page):
    """How far each revocation has come."""

    template_name = "portal/revocations.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = paged(self.request, scope.revocations(self.account), size=20)
        return super().get_context_data(page=page, rows=clocks.rows(page.object_list, self.account), **kwargs)


class Authorities(Page):
    """Whom to trust, and where their lists and answers are."""

    template_name = "portal/authorities.html"
    section = "certificates"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            rows=rows.authority_rows(clock.now()), ocsp=addresses.ocsp_url(), **kwargs
        )


@require_safe
@login_required
def leaf(request: HttpRequest, pk: Any) -> HttpResponse:
    """The certificate, PEM."""
    found = one(scope.certificates(scope.signed_in(request.user)), pk=pk)
    return _pem(found, certs.pem(bytes(found.der)), "")


@require_safe
@login_required
def chain(request: HttpRequest, pk: Any) -> HttpResponse:
    """The certificate and those above it, PEM."""
    found = one(scope.certificates(scope.signed_in(request.user)), pk=pk)
    return _pem(found, certs.chain_pem(found), "-chain")


def _pem(certificate: Certificate, text: str, suffix: str) -> HttpResponse:
    response = HttpResponse(text, content_type="application/x-pem-file")
    name = openssl.file_name(certificate, suffix)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
