"""What happened to certificates: revocations and how far they have come, reminders, enrolment secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from certs import services
from certs.models import Enrolment, Reminder, Revocation, Suspension
from certs.services import EnrolmentState
from consortium.core import clock
from consortium.core.models import Event
from consortium.web import clocks, wording
from consortium.web.admin import cert_acts, cert_panels, panels
from consortium.web.admin.acts import actor
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.portal import listing


class SpreadFilter(admin.SimpleListFilter):
    """Revocations that have not come everywhere yet."""

    title = _("applied by all")
    parameter_name = "spread"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("under-way", _("under way"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Revocation]) -> QuerySet[Revocation]:
        if self.value() != "under-way":
            return queryset
        return queryset.filter(pk__in=clocks.under_way())


@admin.register(Revocation)
class RevocationAdmin(ConsoleModelAdmin):
    list_display = ("serial", "owner", "reason", "revoked_at", "by", *clocks.STEPS[1:])
    list_filter = (SpreadFilter, "reason", "authority")
    list_select_related = (
        "certificate__institution",
        "certificate__node__institution",
        "certificate__holder",
    )
    search_fields = (
        "certificate__serial__serial",
        "certificate__subject",
        "certificate__node__name",
        "certificate__institution__short_name",
        "revoked_by_label",
        "comment",
    )
    ordering = ("-revoked_at",)
    fields = (("serial", "owner"), ("reason", "comment"), ("by", "revoked_at"))
    export_columns = (
        (_("serial number"), lambda row: row.certificate.serial_id),
        (_("used by"), lambda row: listing.owner(row.certificate)),
        (_("reason"), lambda row: row.reason),
        (_("comment"), lambda row: row.comment),
        (_("revoked by"), lambda row: wording.actor(row.revoked_by_label)),
        (_("revoked"), lambda row: row.revoked_at),
    )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Clocks are read once for the page that is shown, not row by row."""
        found = super().get_changelist_instance(request)
        shown = {row.revocation.pk: row for row in clocks.rows(found.result_list, actor(request))}
        for row in found.result_list:
            row.clock = shown[row.pk]
        return found

    @display(description=_("serial number"), ordering="certificate__serial")
    def serial(self, row: Revocation) -> str:
        return code(row.certificate.serial_id, shorten=16)

    @display(description=_("used by"), ordering="certificate__node__name")
    def owner(self, row: Revocation) -> str:
        return listing.owner(row.certificate)

    @display(description=_("revoked by"), ordering="revoked_by_label")
    def by(self, row: Revocation) -> str:
        return wording.actor(row.revoked_by_label)

    @display(description=_("revocation list"))
    def crl_published(self, row: Any) -> Any:
        return _shown(row.clock, "crl_published")

    @display(description=_("permission list"))
    def list_published(self, row: Any) -> Any:
        return _shown(row.clock, "list_published")

    @display(description=_("applied by all"))
    def applied(self, row: Any) -> Any:
        return _shown(row.clock, "applied")

    def row_links(self, row: Revocation) -> Iterable[dict[str, Any]]:
        yield panels.button(_("To the certificate"), panels.address(row.certificate), "verified_user")

    def panels(self, request: HttpRequest, row: Revocation) -> Iterable[Panel]:
        yield cert_panels.clock(clocks.rows([row], actor(request))[0])
        yield cert_panels.revocation(row)
        own = Q(subject_type="certs.certificate", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))


def _shown(row: clocks.Row, name: str) -> Any:
    """A step in a cell: how long after the revocation, what is missing, or why it does not come."""
    step = next(step for step in row.steps if step.name == name)
    if step.at:
        return pill(f"+{wording.span(step.after)}", "good")
    if step.skipped:
        return "–"
    return pill(cert_panels.missing(step) if step.waited else _("not yet"), "warning")


@admin.register(Suspension)
class SuspensionAdmin(ConsoleModelAdmin):
    list_display = ("serial", "owner", "held_at", "held_by", "comment", "released_at", "released_by")
    list_filter = (("released_at", admin.EmptyFieldListFilter), "held_by_secretariat", "authority")
    list_select_related = ("certificate__node__institution", "certificate__holder")
    search_fields = ("certificate__serial__serial", "certificate__node__name", "comment", "held_by_label")
    fields = (("serial", "owner"), "comment", ("held_at", "held_by"), ("released_at", "released_by"))

    @display(description=_("serial number"), ordering="certificate__serial")
    def serial(self, row: Suspension) -> str:
        return code(row.certificate.serial_id, shorten=16)

    @display(description=_("used by"), ordering="certificate__node__name")
    def owner(self, row: Suspension) -> str:
        return listing.owner(row.certificate)

    @display(description=_("suspended by"), ordering="held_by_label")
    def held_by(self, row: Suspension) -> str:
        return wording.actor(row.held_by_label)

    @display(description=_("released by"), ordering="released_by_label")
    def released_by(self, row: Suspension) -> str:
        return wording.actor(row.released_by_label) or "–"

    def row_links(self, row: Suspension) -> Iterable[dict[str, Any]]:
        yield panels.button(_("To the certificate"), panels.address(row.certificate), "verified_user")


@admin.register(Reminder)
class ReminderAdmin(ConsoleModelAdmin):
    list_display = ("about", "days", "recorded_at", "sent_shown", "recipients_shown")
    list_filter = ("days", ("sent_at", admin.EmptyFieldListFilter))
    list_select_related = ("certificate__node__institution", "certificate__holder", "authority")
    search_fields = (
        "certificate__serial__serial",
        "certificate__node__name",
        "authority__name",
        "recipients",
    )
    fields = ("about", "days", ("recorded_at", "sent_at"), "recipients_shown")

    def list_note(self, request: HttpRequest) -> Any:
        return _(
            "Each is recorded before it is sent: what could not be sent is tried again, and never twice."
        )

    @display(description=_("runs out"))
    def about(self, row: Reminder) -> str:
        if row.certificate is not None:
            return link(row.certificate, listing.owner(row.certificate))
        return link(row.authority)

    @display(description=_("sent"), ordering="sent_at")
    def sent_shown(self, row: Reminder) -> Any:
        return cert_panels.sent(row)

    @display(description=_("sent to"))
    def recipients_shown(self, row: Reminder) -> str:
        return cert_panels.recipients(row)


_ENROLMENT_TONES = {
    EnrolmentState.OPEN: "waiting",
    EnrolmentState.USED: "good",
    EnrolmentState.EXPIRED: "calm",
    EnrolmentState.WITHDRAWN: "grave",
}


@admin.register(Enrolment)
class EnrolmentAdmin(ConsoleModelAdmin):
    """Who made a secret for which node; the secret was shown once and is not here."""

    list_display = (
        "node",
        "profile_shown",
        "state",
        "created_by",
        "created_at",
        "expires_at",
        "request_shown",
    )
    list_filter = ("profile", "node__network", ("withdrawn_at", admin.EmptyFieldListFilter))
    list_select_related = ("node__institution", "created_by", "request__node__institution")
    search_fields = ("node__name", "node__institution__short_name", "created_by__username")
    acts = cert_acts.ENROLMENT_ACTS
    fields = (
        ("node", "profile"),
        ("created_by", "created_at"),
        ("expires_at", "withdrawn_at"),
        "request_shown",
    )

    @display(description=_("profile"), ordering="profile")
    def profile_shown(self, row: Enrolment) -> str:
        return row.get_profile_display()

    @display(description=_("state"))
    def state(self, row: Enrolment) -> str:
        found = services.enrolment_state(row, clock.now())
        return pill(found.label, _ENROLMENT_TONES[found])

    @display(description=_("request"))
    def request_shown(self, row: Enrolment) -> str:
        return link(row.request, row.request.get_status_display()) if row.request else "–"

    def headline(self, row: Enrolment) -> str:
        return self.state(row)

    def list_note(self, request: HttpRequest) -> Any:
        return _("The secrets themselves were shown once and are nowhere; what is kept is a fingerprint.")

    def panels(self, request: HttpRequest, row: Enrolment) -> Iterable[Panel]:
        own = Q(subject_type="certs.enrolment", subject_id=str(row.pk))
        yield panels.timeline(Event.objects.filter(own))
