"""The mails of the certificate authority: plain text, in every language of the console, one after the other.

Accounts have no language of their own, and a contact's is not known: whoever reads it finds theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone, translation

from certs import rules
from certs.models import Certificate, Reminder

_BETWEEN_SUBJECTS = " · "
_BETWEEN_TEXTS = "\n\n" + "-" * 72 + "\n\n"


def expiry(reminders: Sequence[Reminder], recipients: Sequence[str], now: datetime) -> EmailMessage:
    """That these things run out, soonest first. Repeating it repeats the Message-ID."""
    subjects, texts = [], []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            items = [_item(row, now) for row in reminders]
            # what no institution answers for, the secretariat renews, in other ways
            theirs = all(row.certificate and row.certificate.institution_id for row in reminders)
            context = {"items": items, "of_member": theirs, "url": settings.PUBLIC_URL}
            subjects.append(_line(render_to_string("mail/expiry.subject.txt", context)))
            texts.append(render_to_string("mail/expiry.txt", context).strip())
    return EmailMessage(
        subject=_BETWEEN_SUBJECTS.join(subjects),
        body=_BETWEEN_TEXTS.join(texts) + "\n",
        to=list(recipients),
        headers={"Message-ID": _message_id(reminders), "Auto-Submitted": "auto-generated"},
    )


def _item(reminder: Reminder, now: datetime) -> dict[str, Any]:
    """What a template says of one thing."""
    certificate = reminder.certificate
    thing = certificate or reminder.authority
    assert thing is not None  # noqa: S101  a constraint: one of the two
    return {
        "name": name(certificate) if certificate else str(thing),
        "kind": certificate.get_profile_display() if certificate else "",
        "serial": certificate.serial_id if certificate else "",
        "opens": _time(_opens(certificate)) if certificate and certificate.institution_id else "",
        "until": _time(thing.not_after),
        "days": (thing.not_after - now).days,
    }


def _opens(certificate: Certificate) -> datetime:
    return rules.profile(certificate.profile).renewal_opens(certificate.not_after)


def _time(at: datetime) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M %Z")


def name(certificate: Certificate) -> str:
    """What people call its holder."""
    if certificate.node is not None:
        return str(certificate.node)
    if certificate.holder is not None:
        return certificate.holder.get_full_name() or certificate.holder.get_username()
    return certificate.subject


def _message_id(reminders: Sequence[Reminder]) -> str:
    keys = ",".join(sorted(str(row.pk) for row in reminders))
    digest = hashlib.sha256(keys.encode("ascii")).hexdigest()[:32]
    return f"<reminder.{digest}@{urlsplit(settings.PUBLIC_URL).hostname}>"


def _line(text: str) -> str:
    return " ".join(text.split())
