"""Certificate authorities by purpose, their second certificates, and the lists and answers they publish."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any

from cryptography import x509
from django.contrib import admin
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from certs import selectors
from certs.life import AUTHORITY_STEPS
from certs.models import Authority, Certificate, CrossCertificate, Profile, RevocationList
from certs.status import addresses, files
from consortium.core import clock
from consortium.core.models import Event
from consortium.web.admin import cert_panels, forecast_page, panels, x509_text
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.portal import openssl

ENTRIES_SHOWN = 500  # of a list; the whole is in the file
RESPONDERS_SHOWN = 5


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


class EndingFilter(admin.SimpleListFilter):
    """Authorities that need a successor."""

    title = _("end")
    parameter_name = "ending"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("soon", _("within two years, no successor"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Authority]) -> QuerySet[Authority]:
        if self.value() != "soon":
            return queryset
        ending = selectors.ending_authorities(timedelta(days=max(AUTHORITY_STEPS)), clock.now())
        return queryset.filter(pk__in=ending.values("pk"))


@admin.register(Authority)
class AuthorityAdmin(ConsoleModelAdmin):
    list_display = (
        "name",
        "purpose_shown",
        "kind",
        "parent",
        "standing",
        "list_state",
        "issues_from",
        "not_after",
    )
    list_filter = (ListFilter, EndingFilter, "purpose", "kind")
    list_select_related = ("parent",)
    search_fields = ("name", "spki_sha256")
    ordering = ("-kind", "purpose", "-issues_from")
    fieldsets = (
        (_("Authority"), {"fields": (("name", "kind"), ("purpose_shown", "parent"), "spki_sha256")}),
        (_("Times"), {"fields": (("not_before", "not_after"), ("issues_from", "created_at"))}),
        (_("Revocation list"), {"fields": (("crl_shards", "revision"),)}),
    )
    export_columns = (
        (_("name"), lambda row: row.name),
        (_("for what"), lambda row: row.get_purpose_display()),
        (_("issued by"), lambda row: row.parent.name if row.parent else ""),
        (_("valid from"), lambda row: row.not_before),
        (_("valid until"), lambda row: row.not_after),
        (_("issues from"), lambda row: row.issues_from),
        (_("key fingerprint"), lambda row: row.spki_sha256),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Authority]:
        """With whether its newest full list is in force and holds everything."""
        fresh = RevocationList.objects.filter(
            authority=OuterRef("pk"), shard=None, next_update__gt=clock.now()
        )
        later = Authority.objects.filter(
            purpose=OuterRef("purpose"), issues_from__gt=OuterRef("issues_from"), issues_from__lte=clock.now()
        )
        found = super().get_queryset(request)
        return found.annotate(fresh=Exists(fresh), succeeded=Exists(later))

    def get_urls(self) -> list[URLPattern]:
        forecast = self.admin_site.admin_view(self.forecast_view)
        return [path("forecast/", forecast, name="certs_authority_forecast"), *super().get_urls()]

    def forecast_view(self, request: HttpRequest) -> HttpResponse:
        return forecast_page.page(request, self.admin_site.each_context(request))

    def tool_links(self, request: HttpRequest) -> Iterable[dict[str, Any]]:
        yield panels.button(_("What runs out"), reverse("admin:certs_authority_forecast"), "event_upcoming")

    @display(description=_("for what"), ordering="purpose")
    def purpose_shown(self, row: Authority) -> str:
        return row.get_purpose_display()

    @display(description=_("state"))
    def standing(self, row: Any) -> str:
        return standing_pill(row)

    @display(description=_("revocation list"))
    def list_state(self, row: Any) -> str:
        if row.not_after < clock.now():
            return pill(_("not needed"))
        return pill(_("in force"), "good") if row.fresh else pill(_("overdue"), "grave")

    def headline(self, row: Any) -> str:
        return standing_pill(row)

    def panels(self, request: HttpRequest, row: Authority) -> Iterable[Panel]:
        yield chain_panel(row)
        yield lists_panel(row)
        yield answers_panel(row)
        if row.cross_certificates.exists():
            yield crosses_panel(row)
        yield issued_panel(row)
        if row.reminders.exists():
            yield cert_panels.reminders(row.reminders.order_by("-recorded_at"))
        yield panels.text(_("The certificate as text"), x509_text.certificate_text(bytes(row.der)))
        yield panels.text(_("Certificate and chain (PEM)"), selectors.authority_chain_pem(row))
        own = Q(subject_type="certs.authority", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))


def standing_pill(row: Any) -> str:
    """Issues now, waits for its day, was succeeded, or ran out; ``row`` with ``succeeded``."""
    now = clock.now()
    if row.not_after < now:
        return pill(_("has run out"), "grave")
    if row.issues_from > now:
        return pill(_("issues later"), "waiting")
    return pill(_("succeeded, still valid")) if row.succeeded else pill(_("issues"), "good")


def chain_panel(row: Authority) -> Panel:
    """From the authority up to its root, with the fingerprints that people compare."""
    chain = [row]
    while (above := chain[-1].parent) is not None:
        chain.append(above)
    return panels.table(
        _("Chain"),
        (_("authority"), _("for what"), _("valid until"), _("fingerprint (SHA-256)")),
        [
            (link(each), each.get_purpose_display(), each.not_after, code(openssl.fingerprint_of(each)))
            for each in chain
        ],
    )


def lists_panel(row: Authority) -> Panel:
    """The newest list of each part, whether it is in force, and whether it holds the last revocation."""
    now = clock.now()
    newest = files.newest_lists(row).defer("der").order_by(F("shard").asc(nulls_first=True))
    return panels.table(
        _("Revocation lists"),
        (_("part"), _("number"), _("entries"), _("this update"), _("next update"), _("state"), _("address")),
        [
            (
                link(each, part_name(each)),
                each.number,
                each.entries,
                each.this_update,
                each.next_update,
                freshness(each, row, now),
                code(address_of(each, row)),
            )
            for each in newest
        ],
        note=_(
            "A list past its next update makes relying parties refuse every certificate of this authority."
        ),
    )


def address_of(row: RevocationList, authority: Authority) -> str:
    """Where the list is fetched."""
    if row.shard is None:
        return addresses.full_crl_url(authority)
    return addresses.crl_url(authority, row.shard)


def part_name(row: RevocationList) -> str:
    return gettext("whole") if row.shard is None else gettext("part %(n)d") % {"n": row.shard}


def freshness(row: RevocationList, authority: Authority, now: Any) -> str:
    """In force, overdue, or in force and short of a revocation that is being published."""
    if row.next_update <= now:
        return pill(_("overdue"), "grave")
    if row.shard is None and row.revision < authority.revision:
        return pill(_("in force, a newer one is due"), "warning")
    return pill(_("in force"), "good")


def answers_panel(row: Authority) -> Panel:
    """Who signs OCSP answers for this authority, and until when."""
    now = clock.now()
    delegated = Certificate.objects.filter(authority=row, profile=Profile.OCSP).select_related("revocation")
    rows = [
        (
            link(each, code(each.serial_id, shorten=16)),
            each.not_before,
            each.not_after,
            pill(_("in force"), "good") if each.not_after > now else pill(_("has run out")),
        )
        for each in delegated.order_by("-not_after")[:RESPONDERS_SHOWN]
    ]
    return panels.table(
        _("Status responders (OCSP)"),
        (_("certificate"), _("valid from"), _("valid until"), _("state")),
        rows,
        note=_("Answers are at %(address)s.") % {"address": addresses.ocsp_url()},
    )


def crosses_panel(row: Authority) -> Panel:
    """Other certificates for the same key: the bridge over a change of roots."""
    found = row.cross_certificates.select_related("issuer")
    return panels.table(
        _("Cross-certificates"),
        (_("issued by"), _("serial number"), _("valid from"), _("valid until")),
        [
            (link(each.issuer), link(each, code(each.serial_id)), each.not_before, each.not_after)
            for each in found
        ],
    )


def issued_panel(row: Authority) -> Panel:
    """How many certificates of each profile it signed."""
    counts = row.certificates.order_by().values_list("profile").annotate(n=Count("pk")).order_by("profile")
    revoked = dict(
        row.certificates.filter(revocation__isnull=False)
        .order_by()
        .values_list("profile")
        .annotate(n=Count("pk"))
    )
    return panels.table(
        _("Issued"),
        (_("profile"), _("certificates"), _("of them revoked")),
        [(Profile(profile).label, count, revoked.get(profile, 0)) for profile, count in counts],
    )


@admin.register(CrossCertificate)
class CrossCertificateAdmin(ConsoleModelAdmin):
    list_display = ("subject", "issuer", "serial_shown", "not_before", "not_after", "in_force")
    list_filter = ("subject", "issuer")
    list_select_related = ("subject", "issuer")
    search_fields = ("serial__serial", "subject__name", "issuer__name")
    fieldsets = (
        (_("Cross-certificate"), {"fields": (("subject", "issuer"), "serial_shown")}),
        (_("Validity"), {"fields": (("not_before", "not_after"), "created_at")}),
    )

    @display(description=_("serial number"), ordering="serial")
    def serial_shown(self, row: CrossCertificate) -> str:
        return code(row.serial_id)

    @display(description=_("validity"), ordering="not_after")
    def in_force(self, row: CrossCertificate) -> str:
        past = row.not_after < clock.now()
        return pill(_("expired"), "grave") if past else pill(_("valid"), "good")

    def headline(self, row: CrossCertificate) -> str:
        return self.in_force(row)

    def list_note(self, request: HttpRequest) -> Any:
        return _(
            "A second certificate for an authority's key, under another root: whoever trusts one of the two "
            "roots alone still finds a way."
        )

    def panels(self, request: HttpRequest, row: CrossCertificate) -> Iterable[Panel]:
        yield panels.text(_("The certificate as text"), x509_text.certificate_text(bytes(row.der)))
        yield panels.text("PEM", selectors.pem(row.der))


@admin.register(RevocationList)
class RevocationListAdmin(ConsoleModelAdmin):
    list_display = ("__str__", "part", "entries", "this_update", "next_update", "fresh")
    list_filter = ("authority",)
    list_select_related = ("authority",)
    fields = (("authority", "part"), ("number", "entries", "revision"), ("this_update", "next_update"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[RevocationList]:
        """A list may have megabytes: only its own page reads it."""
        return super().get_queryset(request).defer("der")

    @display(description=_("part"), ordering="shard")
    def part(self, row: RevocationList) -> str:
        return part_name(row)

    @display(description=_("in force"))
    def fresh(self, row: RevocationList) -> str:
        return pill(_("current"), "good") if row.next_update > clock.now() else pill(_("past"), "calm")

    def panels(self, request: HttpRequest, row: RevocationList) -> Iterable[Panel]:
        listed = x509.load_der_x509_crl(bytes(row.der))
        note = _("The first %(n)d; the whole list is in the file.") % {"n": ENTRIES_SHOWN}
        yield panels.table(
            _("Revoked certificates"),
            (_("serial number"), _("revoked"), _("reason")),
            [
                (code(f"{entry.serial_number:x}"), entry.revocation_date_utc, _reason(entry))
                for entry in islice(listed, ENTRIES_SHOWN)
            ],
            note=note if row.entries > ENTRIES_SHOWN else "",
        )


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        found = entry.extensions.get_extension_for_class(x509.CRLReason).value
    except x509.ExtensionNotFound:
        return "–"
    return str(found.reason.value)
