"""Certificate requests and certificates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from certs import selectors
from certs import services as certificate_services
from certs.models import Certificate, CertificateRequest, Profile
from consortium.core import clock
from consortium.core.models import Event
from consortium.web import clocks
from consortium.web.admin import cert_acts, cert_panels, panels, x509_text
from consortium.web.admin.acts import actor
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link
from consortium.web.admin.tones import status_pill
from consortium.web.portal import listing


class RenewalFilter(admin.SimpleListFilter):
    """First certificates, or successors."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("first", _("first")), ("renewal", _("renewal"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[CertificateRequest]
    ) -> QuerySet[CertificateRequest]:
        if self.value() not in {"first", "renewal"}:
            return queryset
        return queryset.filter(renews__isnull=self.value() == "first")


@admin.register(CertificateRequest)
class CertificateRequestAdmin(ConsoleModelAdmin):
    list_display = (
        "owner",
        "institution",
        "profile_shown",
        "kind",
        "origin_shown",
        "status_shown",
        "requested_by",
        "requested_at",
    )
    list_filter = ("status", "profile", "origin", RenewalFilter, "node__network")
    search_fields = (
        "institution__short_name",
        "institution__legal_name_zh",
        "institution__legal_name_en",
        "institution__uscc",
        "institution__lei",
        "node__name",
        "node__consensus_id",
        "holder__username",
        "spki_sha256",
    )
    list_select_related = ("institution", "node", "node__institution", "holder", "requested_by", "renews")
    actions = ("approve_chosen",)
    acts = cert_acts.REQUEST_ACTS
    fieldsets = (
        (
            _("Request"),
            {
                "fields": (
                    ("institution", "owner"),
                    ("profile", "origin"),
                    ("renews_shown", "renewed_by_proof"),
                    ("key_description", "spki_sha256"),
                )
            },
        ),
        (
            _("Decision"),
            {"fields": (("requested_by", "requested_at"), ("decided_by", "decided_at"), "decision_reason")},
        ),
    )
    export_columns = (
        (_("institution"), lambda row: row.institution.short_name),
        (_("used by"), listing.owner),
        (_("profile"), lambda row: row.get_profile_display()),
        (_("came by"), lambda row: row.get_origin_display()),
        (_("renews"), lambda row: row.renews.serial_id if row.renews else ""),
        (_("key"), lambda row: row.key_description),
        (_("status"), lambda row: row.get_status_display()),
        (_("requested by"), lambda row: row.requested_by),
        (_("requested"), lambda row: row.requested_at),
    )

    @display(description=_("status"), ordering="status")
    def status_shown(self, row: CertificateRequest) -> str:
        return status_pill(row)

    @display(description=_("profile"), ordering="profile")
    def profile_shown(self, row: CertificateRequest) -> str:
        return row.get_profile_display()

    @display(description=_("used by"), ordering="node__name")
    def owner(self, row: CertificateRequest) -> str:
        return listing.owner(row)

    @display(description=_("kind"))
    def kind(self, row: CertificateRequest) -> str:
        if row.renews is None:
            return gettext("first")
        return gettext("renewal, by its own certificate") if row.renewed_by_proof else gettext("renewal")

    @display(description=_("came by"), ordering="origin")
    def origin_shown(self, row: CertificateRequest) -> str:
        return row.get_origin_display()

    @display(description=_("renews"))
    def renews_shown(self, row: CertificateRequest) -> str:
        return link(row.renews, code(row.renews.serial_id)) if row.renews else "–"

    @action(description=_("Approve the chosen requests"), permissions=["act"])
    def approve_chosen(self, request: HttpRequest, rows: QuerySet[CertificateRequest]) -> None:
        who = actor(request)
        self.each(request, rows, lambda row: certificate_services.approve_request(row, actor=who))

    def headline(self, row: CertificateRequest) -> str:
        return status_pill(row)

    def live(self, row: CertificateRequest) -> bool:
        return row.status == CertificateRequest.Status.APPROVED  # until the signing worker has done its part

    def panels(self, request: HttpRequest, row: CertificateRequest) -> Iterable[Panel]:
        if hasattr(row, "certificate"):
            yield panels.table(
                _("Certificate"),
                (_("serial number"), _("valid until")),
                [(link(row.certificate, code(row.certificate.serial_id)), row.certificate.not_after)],
            )
        yield panels.table(
            _("Subject as it will be in the certificate"),
            (_("field"), _("value")),
            x509_text.subject_to_be(row),
        )
        yield panels.text(_("The request as text"), x509_text.csr_text(bytes(row.csr)))
        own = Q(subject_type="certs.certificaterequest", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))


class ValidityFilter(admin.SimpleListFilter):
    """Valid, ending soon, suspended, expired or revoked: derived, so it is no column to filter on."""

    title = _("validity")
    parameter_name = "validity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("valid", _("valid")),
            ("ending", _("ends within 30 days")),
            ("suspended", pgettext_lazy("certificate", "suspended")),
            ("expired", _("expired")),
            ("revoked", _("revoked")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Certificate]) -> QuerySet[Certificate]:
        now = clock.now()
        match self.value():
            case "valid":
                return queryset.filter(pk__in=selectors.valid_certificates(now).values("pk"))
            case "ending":
                # the console's own are renewed by itself: the forecast has them
                ending = selectors.expiring().filter(institution__isnull=False)
                return queryset.filter(pk__in=ending.values("pk"))
            case "suspended":
                return queryset.filter(selectors.on_hold(), revocation__isnull=True, not_after__gte=now)
            case "expired":
                return queryset.filter(revocation__isnull=True, not_after__lt=now)
            case "revoked":
                return queryset.filter(revocation__isnull=False)
        return queryset


class HolderFilter(admin.SimpleListFilter):
    """Whose certificates: by what they are for."""

    title = _("whose")
    parameter_name = "of"
    _WHERE: ClassVar[dict[str, Q]] = {
        "nodes": Q(node__isnull=False),
        "officers": Q(profile=Profile.OFFICER),
        "programs": Q(profile=Profile.CLIENT),
        "console": Q(institution__isnull=True),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("nodes", _("nodes")),
            ("officers", _("officers")),
            ("programs", _("programs")),
            ("console", _("services of the console")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self._WHERE.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


@admin.register(Certificate)
class CertificateAdmin(ConsoleModelAdmin):
    list_display = (
        "serial_shown",
        "institution",
        "owner",
        "profile_shown",
        "validity",
        "not_before",
        "not_after",
    )
    list_filter = (
        HolderFilter,
        ValidityFilter,
        "profile",
        "authority",
        "node__network",
        "revocation__reason",
    )
    search_fields = (
        "serial__serial",
        "subject",
        "fingerprint_sha256",
        "spki_sha256",
        "institution__short_name",
        "institution__uscc",
        "institution__lei",
        "node__name",
        "node__consensus_id",
        "holder__username",
    )
    list_select_related = ("institution", "node", "node__institution", "holder", "revocation")
    acts = cert_acts.CERTIFICATE_ACTS
    fieldsets = (
        (
            _("Certificate"),
            {"fields": ("serial", "subject", ("institution", "owner"), ("profile", "authority"))},
        ),
        (_("Validity"), {"fields": (("not_before", "not_after"), "issued_at")}),
        (_("Fingerprints"), {"fields": ("fingerprint_sha256", "spki_sha256")}),
    )
    export_columns = (
        (_("serial number"), lambda row: row.serial_id),
        (_("subject"), lambda row: row.subject),
        (_("institution"), lambda row: row.institution.short_name if row.institution else ""),
        (_("used by"), listing.owner),
        (_("profile"), lambda row: row.get_profile_display()),
        (_("valid from"), lambda row: row.not_before),
        (_("valid until"), lambda row: row.not_after),
        (_("revoked"), lambda row: row.revocation.revoked_at if hasattr(row, "revocation") else None),
        (_("reason"), lambda row: row.revocation.get_reason_display() if hasattr(row, "revocation") else ""),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Certificate]:
        return super().get_queryset(request).annotate(held=selectors.on_hold())

    @display(description=_("serial number"), ordering="serial")
    def serial_shown(self, row: Certificate) -> str:
        return code(row.serial_id, shorten=16)

    @display(description=_("used by"), ordering="node__name")
    def owner(self, row: Certificate) -> str:
        return listing.owner(row)

    @display(description=_("profile"), ordering="profile")
    def profile_shown(self, row: Certificate) -> str:
        return row.get_profile_display()

    @display(description=_("validity"), ordering="not_after")
    def validity(self, row: Certificate) -> str:
        return cert_panels.validity(row)

    def headline(self, row: Certificate) -> str:
        return cert_panels.validity(row)

    def live(self, row: Certificate) -> bool:
        """While the revocation is on its way, its clock runs."""
        return hasattr(row, "revocation") and row.pk in clocks.under_way()

    def panels(self, request: HttpRequest, row: Certificate) -> Iterable[Panel]:
        if hasattr(row, "revocation"):
            yield cert_panels.revocation(row.revocation)
            yield replace(cert_panels.clock(clocks.rows([row.revocation], actor(request))[0]), first=True)
        if row.suspensions.exists():
            yield cert_panels.suspensions(row)
        yield cert_panels.renewal(row)
        yield cert_panels.addresses_of(row)
        yield panels.text(_("The certificate as text"), x509_text.certificate_text(bytes(row.der)))
        yield panels.text(_("Certificate and chain (PEM)"), selectors.chain_pem(row))
        if row.reminders.exists():
            yield cert_panels.reminders(row.reminders.order_by("-recorded_at"))
        own = Q(subject_type="certs.certificate", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))
