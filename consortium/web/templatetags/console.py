"""Template tags of the portal: times, states, hashes and the wording of events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from certs.models import Certificate, CertificateRequest
from consortium.core import clock
from consortium.core.models import Event
from consortium.web import alarms, foreseen, spreading, wording
from consortium.web.portal import listing
from governance.permissions.models import Alarm

register = template.Library()

# What a state means to somebody who scans a list; whatever is not named is neutral.
_TONES = {
    "good": {
        "active",
        "admitted",
        "issued",
        "valid",
        "executed",
        "succeeded",
        "applied_list",
        "current",
        "renewed",
        "good",
        "mined",
    },
    "wait": {
        "applied",
        "in_review",
        "submitted",
        "approved",
        "submitting",
        "pending",
        "voting",
        "waiting",
        "expiring",
        "open",
        "overdue",
        "ready",
        "sent",
        "held",
        "signed",
        "partly",
        "idle",
        "drift",
    },
    "bad": {
        "trouble",
        "stale",
        "not_applied",
        "denied",
        "failed",
        "blocked",
        "lost",
        "declined",
        "suspended",
        "exited",
        "rejected",
        "revoked",
        "expired",
        "defeated",
        "refused",
        "canceled",
        "behind",
        "discarded",
        "retired",
        "more_information_needed",
        "reverted",
        "ended",
    },
}


@register.simple_tag
def when(value: datetime | None, precise: str = "") -> SafeString | str:
    """A time in the viewer's zone, with UTC in its title; "–" for none. ``precise`` adds seconds."""
    if value is None:
        return "–"
    form = "%Y-%m-%d %H:%M:%S" if precise else "%Y-%m-%d %H:%M"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        f"{value:%Y-%m-%d %H:%M:%S} UTC" if value.utcoffset() is None else _utc(value),
        timezone.localtime(value).strftime(form),
    )


def _utc(value: datetime) -> str:
    return timezone.localtime(value, timezone.get_fixed_timezone(0)).strftime("%Y-%m-%d %H:%M:%S UTC")


@register.simple_tag
def pill(state: str, label: Any = "") -> SafeString:
    """A state as a small coloured label; colour never carries the meaning alone."""
    tone = next((tone for tone, states in _TONES.items() if state in states), "calm")
    return format_html('<span class="pill pill-{}">{}</span>', tone, label or state)


@register.filter
def short(value: object, length: int = 8) -> SafeString:
    """A long identifier's beginning and end, the whole of it in the title."""
    text = str(value)
    if len(text) <= 2 * length + 1:
        return format_html('<code class="id">{}</code>', text)
    return format_html('<code class="id" title="{}">{}…{}</code>', text, text[:length], text[-length:])


@register.filter
def action(name: str) -> str:
    """An event's action in words."""
    return wording.action(name)


@register.filter
def cause(text: str) -> str:
    """Why a permission list was compiled, in words."""
    return wording.cause(text)


@register.filter
def reason(event: Event) -> str:
    """Why, in words; for a refusal the sentence that whoever was refused has read."""
    return wording.reason(event)


@register.simple_tag
def zone_line() -> str:
    """ "Times: UTC+08:00 (Asia/Shanghai); point at one for UTC"; "Times: UTC" where both are the same."""
    offset = timezone.localtime(clock.now()).isoformat()[-6:]
    if offset == "+00:00":
        return _("Times: UTC")
    zone = {"offset": offset, "zone": timezone.get_current_timezone_name()}
    return _("Times: UTC%(offset)s (%(zone)s); point at one for UTC") % zone


@register.filter
def role(name: str) -> str:
    """A node's role on a list, in words."""
    return foreseen.role(name)


@register.filter
def actor(label: str) -> str:
    """Who acted, in words."""
    return wording.actor(label)


@register.filter
def left(seconds: int | None) -> str:
    """Seconds as days, hours and minutes."""
    return wording.time_left(seconds or 0)


@register.filter
def spell(seconds: int) -> str:
    """A span of time; seconds too where it is shorter than two minutes."""
    return wording.span(seconds)


@register.filter
def lasted(seconds: float | None) -> str:
    """How long a list took to a node; a dash where none has it."""
    return spreading.lasted(seconds)


@register.filter
def list_part(name: str) -> str:
    """A part of a permission list, or a field of one of its entries, in words."""
    return spreading.list_part(name)


@register.filter
def alarm(row: Alarm) -> str:
    """What is wrong with a node, with its numbers."""
    return alarms.sentence(row)


@register.filter
def owner(row: Certificate | CertificateRequest) -> str:
    """Whose certificate or request it is: a node's, a person's or a program's, or the console's own."""
    return listing.owner(row)


@register.simple_tag
def share(part: int, whole: int, width: int = 100) -> str:
    """``part`` of ``whole`` as a width for SVG, at most ``width``; 0 where there is nothing to share."""
    return f"{min(width, width * part / whole):.2f}" if whole > 0 else "0"
