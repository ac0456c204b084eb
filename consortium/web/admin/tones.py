"""Which colour a state has, beside its word: good, waiting, warning, grave or calm."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString

from consortium.web.admin.panels import pill

TONES: dict[str, str] = {
    # institutions
    "applied": "waiting",
    "in_review": "waiting",
    "more_information_needed": "warning",
    "declined": "grave",
    "admitted": "good",
    "active": "good",
    "suspended": "warning",
    "exited": "calm",
    "revoked": "grave",
    # certificate requests
    "submitted": "waiting",
    "approved": "waiting",
    "rejected": "grave",
    "issued": "good",
    # proposals
    "draft": "calm",
    "submitting": "waiting",
    "refused": "grave",
    "pending": "waiting",
    "voting": "waiting",
    "succeeded": "good",
    "queued": "waiting",
    "executed": "good",
    "defeated": "grave",
    "canceled": "calm",
    "discarded": "calm",
    # transactions
    "wanted": "waiting",
    "signed": "waiting",
    "mined": "good",
    "reverted": "grave",
}


def status_pill(row: Any, field: str = "status") -> SafeString:
    """The pill of a row's choice field."""
    return pill(getattr(row, f"get_{field}_display")(), TONES.get(str(getattr(row, field)), "calm"))
