"""What runs out, soonest first: authorities, lists, the console's own and members' certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from certs import forecast
from certs.forecast import Expiry, Kind
from consortium.core import clock
from consortium.web import wording
from consortium.web.admin.panels import pill

SHOWN = 300
NOTICE = timedelta(days=60)  # for what people must renew, but for authorities
AUTHORITY_NOTICE = timedelta(days=730)  # what it signs may not outlive it, and a new root has to be spread
_AUTHORITIES = frozenset({Kind.ROOT, Kind.ISSUING, Kind.CROSS})


@dataclass(frozen=True)
class Line:
    """One thing that ends; ``left`` in words."""

    expiry: Expiry
    left: str
    state: str


def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """``?kind=`` shows one kind alone."""
    now = clock.now()
    found = forecast.everything(now)
    kind = request.GET.get("kind", "")
    counts = [(each.value, each.label, sum(row.kind == each for row in found)) for each in Kind]
    shown = [row for row in found if not kind or row.kind == kind]
    values = {
        **context,
        "title": _("What runs out"),
        "rows": [_line(row, now) for row in shown[:SHOWN]],
        "more": max(0, len(shown) - SHOWN),
        "kinds": [(value, label, count) for value, label, count in counts if count],
        "kind": kind,
        "here": reverse("admin:certs_authority_forecast"),
        "reminders": reverse("admin:certs_reminder_changelist"),
    }
    return TemplateResponse(request, "admin/console/forecast.html", values)


def _line(row: Expiry, now: datetime) -> Line:
    return Line(row, wording.time_left(int(row.left(now).total_seconds())), _state(row, now))


def _state(row: Expiry, now: datetime) -> str:
    """Ended, to be renewed by people now, renewed by the console by itself, or not yet due."""
    if row.ends <= now:
        return pill(_("ended"), "grave")
    if row.alarms(now, AUTHORITY_NOTICE if row.kind in _AUTHORITIES else NOTICE):
        return pill(_("see to it"), "warning")
    if row.due is not None:
        return pill(_("renews itself"), "good")
    return pill(_("in time"))
