"""Telling those concerned that something runs out: due and not yet sent, recorded before it is sent.

What is due is asked of the clock and of what was recorded, so an outage skips nothing: the steps that passed
collapse into the nearest one. A reminder's row commits with the outbox message that sends it. Whoever dies
between sending and marking sends once more, under the same Message-ID; nobody sends never.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from certs import life, mails, selectors, topics
from certs.models import Authority, Certificate, Reminder
from consortium.core import clock, events, outbox
from consortium.members.models import Institution, User
from consortium.members.states import Role
from consortium.members.states import Status as InstitutionStatus

_LOCK = 0x7EA1_0001  # advisory lock
Thing = Certificate | Authority
SECRETARIAT = "secretariat"  # the group of what no institution answers for


def record_due_reminders(now: datetime) -> list[Reminder]:
    """Record what is due at ``now`` and not recorded yet, and owe the mails; returns the new rows.

    One row a thing and step: harmless at any hour and any number of times.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:  # one at a time: two would record the same
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        due: list[tuple[Thing, int]] = [*_certificates(now), *_authorities(now)]
        made = [_record(thing, step, now) for thing, step in due]
        for group in sorted({_group(reminder) for reminder in made}):
            outbox.enqueue(topics.REMIND, key=group, payload={"group": group})
    return made


def send_reminders(group: str | None = None) -> int:
    """Send ``group`` (an institution's id, SECRETARIAT, or None: each) one mail with all it is still owed.

    Returns how many reminders were sent. Under the rows' lock, so that two workers don't both send; marked
    afterwards, so that a crash in between sends twice and never not at all. Where nobody has an address, the
    rows stay unsent and the console alone shows them. Raises OSError where the mail server does not take it.
    """
    if group is None:
        return sum(send_reminders(each) for each in _owing())
    with transaction.atomic():
        now = clock.now()
        owed = list(_owed(group, now))
        recipients = _recipients(group)
        if not owed or not recipients:
            return 0
        mails.expiry(owed, recipients, now).send()
        _mark(owed, recipients)
    return len(owed)


def _certificates(now: datetime) -> Iterator[tuple[Certificate, int]]:
    within = timedelta(days=max(life.STEPS)) + life.SECOND
    rows = selectors.expiring(within, now).exclude(institution__status=InstitutionStatus.EXITED)
    for certificate in rows.prefetch_related("reminders"):
        step = life.due_step(now, certificate.not_before, certificate.not_after)
        if step is not None and not _said(certificate, step):
            yield certificate, step


def _authorities(now: datetime) -> Iterator[tuple[Authority, int]]:
    within = timedelta(days=max(life.AUTHORITY_STEPS)) + life.SECOND
    for authority in selectors.ending_authorities(within, now).prefetch_related("reminders"):
        step = life.due_step(now, authority.not_before, authority.not_after, life.AUTHORITY_STEPS)
        if step is not None and not _said(authority, step):
            yield authority, step


def _said(thing: Thing, step: int) -> bool:
    """This step, or a nearer one: a clock that was set back repeats nothing."""
    return any(reminder.days <= step for reminder in thing.reminders.all())


def _record(thing: Thing, step: int, now: datetime) -> Reminder:
    certificate = thing if isinstance(thing, Certificate) else None
    reminder = Reminder(
        certificate=certificate,
        authority=thing if isinstance(thing, Authority) else None,
        days=step,
        recorded_at=now,
    )
    reminder.recipients = _recipients(_group(reminder))
    reminder.save()
    events.record(
        f"{thing._meta.model_name}.reminded",
        thing,
        actor=events.CLOCK,
        institution_id=certificate.institution_id if certificate else None,
        node_id=certificate.node_id if certificate else None,
        days=step,
        not_after=thing.not_after.isoformat(),
    )
    return reminder


def _group(reminder: Reminder) -> str:
    certificate = reminder.certificate
    return str(certificate.institution_id) if certificate and certificate.institution_id else SECRETARIAT


def _owing() -> list[str]:
    return sorted({_group(row) for row in selectors.reminders(clock.now()).filter(sent_at__isnull=True)})


def _owed(group: str, now: datetime) -> Iterator[Reminder]:
    institution = None if group == SECRETARIAT else uuid.UUID(group)
    rows = selectors.reminders(now).filter(sent_at__isnull=True, certificate__institution=institution)
    yield from rows.select_for_update(of=("self",), skip_locked=True)


def _recipients(group: str) -> list[str]:
    """The institution's contact and its officers, or the secretariat's people and mailbox; each once."""
    if group == SECRETARIAT:
        people = User.objects.filter(role=Role.SECRETARIAT, is_active=True)
        first = list(settings.SECRETARIAT_EMAIL)
    else:
        people = User.objects.filter(institution_id=group, is_active=True)
        first = list(Institution.objects.filter(pk=group).values_list("contact_email", flat=True))
    found = [*first, *people.order_by("pk").values_list("email", flat=True)]
    return list({address.lower(): address for address in reversed(found) if address}.values())[::-1]


def _mark(sent: list[Reminder], recipients: list[str]) -> None:
    at = clock.now()
    Reminder.objects.filter(pk__in=[row.pk for row in sent]).update(sent_at=at, recipients=recipients)
