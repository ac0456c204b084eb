"""Certificate requests, certificates, authorities and revocation lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography import x509
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from certs import selectors
from certs import services as certificate_services
from certs.models import (
    Authority,
    Certificate,
    CertificateRequest,
    RevocationList,
    RevocationReason,
)
from certs.rules import EXPIRES_SOON
from consortium.core import clock
from consortium.core.models import Event
from consortium.web.admin import cert_acts, panels, x509_text
from consortium.web.admin.acts import actor
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.admin.tones import status_pill


@admin.register(CertificateRequest)
class CertificateRequestAdmin(ConsoleModelAdmin):
    list_display = ("__str__", "institution", "profile_shown", "status_shown", "requested_by", "requested_at")
    list_filter = ("status", "profile", "node__network")
    search_fields = (
        "institution__short_name",
        "institution__legal_name_zh",
        "institution__legal_name_en",
        "institution__uscc",
        "institution__lei",
        "node__name",
        "node__consensus_id",
        "spki_sha256",
    )
    list_select_related = ("institution", "node", "node__institution", "requested_by")
    actions = ("approve_chosen",)
    acts = cert_acts.REQUEST_ACTS
    fieldsets = (
        (
            _("Request"),
            {"fields": (("institution", "node"), ("profile", "key_description"), "spki_sha256")},
        ),
        (
            _("Decision"),
            {"fields": (("requested_by", "requested_at"), ("decided_by", "decided_at"), "decision_reason")},
        ),
    )
    export_columns = (
        (_("institution"), lambda row: row.institution.short_name),
        (_("node"), lambda row: row.node.name),
        (_("profile"), lambda row: row.get_profile_display()),
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
    """Valid, ending soon, expired or revoked: derived, so it is no column to filter on."""

    title = _("validity")
    parameter_name = "validity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("valid", _("valid")),
            ("ending", _("ends within 30 days")),
            ("expired", _("expired")),
            ("revoked", _("revoked")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Certificate]) -> QuerySet[Certificate]:
        now = clock.now()
        valid = Q(revocation__isnull=True, not_before__lte=now, not_after__gte=now)
        match self.value():
            case "valid":
                return queryset.filter(valid)
            case "ending":
                return queryset.filter(pk__in=selectors.expiring().values("pk"))
            case "expired":
                return queryset.filter(revocation__isnull=True, not_after__lt=now)
            case "revoked":
                return queryset.filter(revocation__isnull=False)
        return queryset


@admin.register(Certificate)
class CertificateAdmin(ConsoleModelAdmin):
    list_display = ("serial_shown", "institution", "node", "validity", "not_before", "not_after")
    list_filter = (ValidityFilter, "profile", "node__network", "revocation__reason")
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
    )
    list_select_related = ("institution", "node", "node__institution", "revocation")
    acts = cert_acts.CERTIFICATE_ACTS
    fieldsets = (
        (
            _("Certificate"),
            {"fields": ("serial", "subject", ("institution", "node"), ("profile", "authority"))},
        ),
        (_("Validity"), {"fields": (("not_before", "not_after"), "issued_at")}),
        (_("Fingerprints"), {"fields": ("fingerprint_sha256", "spki_sha256")}),
    )
    export_columns = (
        (_("serial number"), lambda row: row.serial_id),
        (_("subject"), lambda row: row.subject),
        (_("institution"), lambda row: row.institution.short_name),
        (_("node"), lambda row: row.node.name),
        (_("valid from"), lambda row: row.not_before),
        (_("valid until"), lambda row: row.not_after),
        (_("revoked"), lambda row: row.revocation.revoked_at if hasattr(row, "revocation") else None),
        (_("reason"), lambda row: row.revocation.get_reason_display() if hasattr(row, "revocation") else ""),
    )

    @display(description=_("serial number"), ordering="serial")
    def serial_shown(self, row: Certificate) -> str:
        return code(row.serial_id)

    @display(description=_("validity"), ordering="not_after")
    def validity(self, row: Certificate) -> str:
        now = clock.now()
        if hasattr(row, "revocation"):
            return pill(_("revoked"), "grave")
        if now > row.not_after:
            return pill(_("expired"), "grave")
        if now < row.not_before:
            return pill(_("not yet valid"), "waiting")
        return (
            pill(_("ends soon"), "warning")
            if row.not_after - now < EXPIRES_SOON
            else pill(_("valid"), "good")
        )

    def headline(self, row: Certificate) -> str:
        return self.validity(row)

    def panels(self, request: HttpRequest, row: Certificate) -> Iterable[Panel]:
        if hasattr(row, "revocation"):
            yield panels.table(
                _("Revocation"),
                (_("reason"), _("comment"), _("revoked by"), _("revoked")),
                [
                    (
                        RevocationReason(row.revocation.reason).label,
                        row.revocation.comment or "–",
                        row.revocation.revoked_by_label,
                        row.revocation.revoked_at,
                    )
                ],
            )
        yield panels.text(_("The certificate as text"), x509_text.certificate_text(bytes(row.der)))
        yield panels.text(_("Certificate and chain (PEM)"), selectors.chain_pem(row))
        own = Q(subject_type="certs.certificate", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))


class ListFilter(admin.SimpleListFilter):
    """Authorities by whether a revocation list of theirs is in force."""

    title = _("revocation list")
    parameter_name = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("overdue", _("overdue"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Authority]) -> QuerySet[Authority]:
        if self.value() != "overdue":
            return queryset
        return queryset.filter(pk__in=[authority.pk for authority in selectors.stale_crls(clock.now())])


@admin.register(Authority)
class AuthorityAdmin(ConsoleModelAdmin):
    list_display = ("name", "kind", "parent", "not_before", "not_after")
    list_filter = (ListFilter,)
    list_select_related = ("parent",)
    search_fields = ("name", "spki_sha256")
    fields = (("name", "kind", "parent"), ("not_before", "not_after"), "spki_sha256")

    def panels(self, request: HttpRequest, row: Authority) -> Iterable[Panel]:
        yield panels.text(_("The certificate as text"), x509_text.certificate_text(bytes(row.der)))
        own = Q(subject_type="certs.authority", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))


@admin.register(RevocationList)
class RevocationListAdmin(ConsoleModelAdmin):
    list_display = ("__str__", "entries", "this_update", "next_update", "fresh")
    list_filter = ("authority",)
    list_select_related = ("authority",)
    fields = (("authority", "number", "entries"), ("this_update", "next_update"))

    @display(description=_("in force"))
    def fresh(self, row: RevocationList) -> str:
        return pill(_("current"), "good") if row.next_update > clock.now() else pill(_("past"), "calm")

    def panels(self, request: HttpRequest, row: RevocationList) -> Iterable[Panel]:
        listed = x509.load_der_x509_crl(bytes(row.der))
        yield panels.table(
            _("Revoked certificates"),
            (_("serial number"), _("revoked")),
            [(code(f"{entry.serial_number:x}"), entry.revocation_date_utc) for entry in listed],
        )
