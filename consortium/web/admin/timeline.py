"""Events ready to be shown: plain words, an icon, and a tone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consortium.core.models import Event
from consortium.web import wording

ICONS = {
    "institution": "account_balance",
    "node": "dns",
    "account": "person",
    "roster": "upload_file",
    "request": "approval",
    "certificate": "verified_user",
    "crl": "block",
    "enrolment": "key",
    "serial": "numbers",
    "authority": "shield",
    "proposal": "gavel",
    "ballot": "how_to_vote",
    "chain": "link",
    "seat": "event_seat",
    "registry": "list_alt",
    "ledger": "warning",
    "relay": "send",
    "epoch": "checklist",
}
_GRAVE = (
    "refused",
    "revoked",
    "declined",
    "rejected",
    "suspended",
    "compromise_reported",
    "voided",
    "exited",
    "reorganised",
    "canceled",
)
_GOOD = (
    "admitted",
    "activated",
    "issued",
    "executed",
    "approved",
    "acknowledged",
    "reinstated",
    "released",
    "published",
)


@dataclass(frozen=True)
class Entry:
    """One event as a reader sees it."""

    at: datetime
    words: str
    subject: str
    actor: str
    reason: str
    icon: str
    tone: str
    details: list[tuple[str, str]]


def entry(event: Event) -> Entry:
    """An event ready to be shown."""
    family, _dot, verb = event.action.partition(".")
    return Entry(
        at=event.at,
        words=wording.action(event.action),
        subject=_short(event.subject_label),
        actor=wording.actor(event.actor_label),
        reason=wording.reason(event),
        icon=ICONS.get(family, "history"),
        tone="grave" if verb.endswith(_GRAVE) else "good" if verb.endswith(_GOOD) else "calm",
        details=[(key, _short(value)) for key, value in event.data.items() if value not in ("", None)],
    )


def _short(value: object) -> str:
    shown = str(value)
    return f"{shown[:77]}…" if len(shown) > 78 else shown
