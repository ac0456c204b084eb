"""What pages about certificates and authorities show below their fields."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from certs import selectors, services, words
from certs.models import Certificate, Reminder, Revocation
from certs.status import addresses
from consortium.core import clock as clocks_of_the_console
from consortium.members.models import Node, User
from consortium.web import clocks, wording
from consortium.web.admin import panels
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.clocks import Row, Step
from consortium.web.portal import listing

SHOWN = 6  # names of nodes that are missing
NEWEST = 3  # of a node's revocations


def revocation(row: Revocation) -> Panel:
    """Why, by whom and since when; the reason in the RFC's word and in plain ones."""
    explained = next(each for each in words.explained() if each.code == row.reason)
    return panels.facts(
        _("Revocation"),
        [
            (_("reason"), format_html("{} {}", row.get_reason_display(), code(row.reason))),
            (_("what it says"), explained.then),
            (_("comment"), row.comment or "–"),
            (_("revoked by"), wording.actor(row.revoked_by_label)),
            (_("revoked"), row.revoked_at),
        ],
    )


def clock(row: Row, *, title: panels.Text = "") -> Panel:
    """How far a revocation has come, with what is missing."""
    return panels.table(
        title or _("How far the revocation has come"),
        (_("step"), _("at"), _("after"), _("missing")),
        [_step(step) for step in row.steps],
    )


def clocks_of(node: Node, reader: User) -> Iterable[Panel]:
    """A table for each of the node's last revocations, newest first."""
    found = Revocation.objects.filter(certificate__node=node).select_related("certificate__node")
    for row in clocks.rows(found.order_by("-revoked_at")[:NEWEST], reader):
        title = gettext("Revocation of %(serial)s") % {"serial": row.certificate.serial_id}
        yield clock(row, title=title)


def certificates(rows: QuerySet[Certificate]) -> Panel:
    """A node's or an account's certificates, newest first."""
    found = rows.select_related("revocation", "authority").annotate(held=selectors.on_hold())
    return panels.table(
        _("Certificates"),
        (_("serial number"), _("profile"), _("validity"), _("valid from"), _("valid until"), _("issued by")),
        [
            (
                link(each, code(each.serial_id)),
                each.get_profile_display(),
                validity(each),
                each.not_before,
                each.not_after,
                link(each.authority),
            )
            for each in found
        ],
    )


_TONES = {
    "valid": "good",
    "expiring": "warning",
    "suspended": "warning",
    "expired": "grave",
    "revoked": "grave",
}


def validity(row: Certificate) -> SafeString:
    """In force, ending soon, suspended, expired or revoked; ``row`` with revocation and ``held``."""
    now = clocks_of_the_console.now()
    if now < row.not_before:
        return pill(_("not yet valid"), "waiting")
    state = listing.certificate_state(row, now)
    return pill(state.label, _TONES[state.name])


def _step(step: Step) -> tuple[object, ...]:
    if step.at:
        at = timezone.localtime(step.at).strftime("%Y-%m-%d %H:%M:%S")
        return step.label, at, wording.span(step.after) if step.after else "–", missing(step)
    pending = pill(_("not yet"), "waiting")
    return step.label, step.skipped or pending, "–", missing(step)


def missing(step: Step) -> SafeString | str:
    """Nodes that the step waits for: how many, and the first few by name."""
    if not step.waited:
        return "–"
    count = ngettext("%(n)d node", "%(n)d nodes", step.waited) % {"n": step.waited}
    more = "…" if step.waited > SHOWN else ""
    return format_html("{}: {}{}", count, ", ".join(step.missing[:SHOWN]), more)


def suspensions(row: Certificate) -> Panel:
    """Every time that it was on hold."""
    return panels.table(
        _("Suspensions"),
        (pgettext_lazy("time", "suspended"), _("by"), _("comment"), _("released"), _("by")),
        [
            (
                each.held_at,
                wording.actor(each.held_by_label),
                each.comment or "–",
                each.released_at or pill(_("on hold"), "warning"),
                wording.actor(each.released_by_label) or "–",
            )
            for each in row.suspensions.all()
        ],
    )


def renewal(row: Certificate) -> Panel:
    """Whether it may be renewed, from when and until when, and what already follows it."""
    found = services.renewal_state(row, clocks_of_the_console.now())
    followers = [
        format_html("{} ({})", link(each, each.requested_at.strftime("%F")), each.get_status_display())
        for each in row.renewals.order_by("-requested_at")[:5]
    ]
    before = row.request.renews if row.request else None
    return panels.facts(
        _("Renewal"),
        [
            (_("state"), found.why or found.label),
            (_("opens"), found.opens_at),
            (_("until"), found.until),
            (
                _("requests for its successor"),
                _joined(followers),
            ),
            (_("follows"), link(before, code(before.serial_id)) if before else "–"),
        ],
    )


def _joined(parts: list[SafeString]) -> SafeString | str:
    return format_html_join(", ", "{}", ((each,) for each in parts)) or "–"


def addresses_of(row: Certificate) -> Panel:
    """Where whoever relies on it asks whether it is in force."""
    return panels.facts(
        _("Where its status is asked for"),
        [
            ("OCSP", code(addresses.ocsp_url())),
            (_("its part of the revocation list"), code(addresses.crl_url(row.authority, row.crl_shard))),
            (_("the whole revocation list"), code(addresses.full_crl_url(row.authority))),
        ],
    )


def reminders(rows: QuerySet[Reminder]) -> Panel:
    """What was said of its end, to whom, and whether it went out."""
    return panels.table(
        _("Reminders"),
        (_("days before the end"), _("recorded"), _("sent"), _("sent to")),
        [(each.days, each.recorded_at, sent(each), recipients(each)) for each in rows],
    )


def sent(row: Reminder) -> SafeString | object:
    return row.sent_at or pill(_("not sent yet"), "waiting")


def recipients(row: Reminder) -> str:
    return ", ".join(_mails(row.recipients)) or "–"


def _mails(found: Iterable[object]) -> list[str]:
    return [str(each) for each in found]
