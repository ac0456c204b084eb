"""When a certificate may be renewed, and why not.

A renewal is a request that names the certificate it follows (:func:`certs.services.submit_request`). The one
before stays valid until it ends: a node can change over at its own hour. It is not revoked by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from certs import life, rules, selectors
from certs.models import Certificate
from certs.words import NOT_RENEWABLE, RENEWAL_STATES, Text
from consortium.members.states import Status as InstitutionStatus


@dataclass(frozen=True, slots=True)
class Renewal:
    """``state`` is one of :mod:`certs.life`'s; it opens at ``opens_at`` and is open ``until`` the end.

    ``obstacle`` is a key of :data:`certs.words.NOT_RENEWABLE`, or "".
    """

    state: str
    opens_at: datetime
    until: datetime
    obstacle: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == life.OPEN

    @property
    def label(self) -> Text:
        return RENEWAL_STATES[self.state]

    @property
    def why(self) -> Text:
        """Why there can be none, in words; "" where there can."""
        return NOT_RENEWABLE[self.obstacle] if self.obstacle else ""


def renewal_state(certificate: Certificate, now: datetime) -> Renewal:
    """Whether the certificate may be renewed at ``now``, as the rows say it is now."""
    return renewal_states([certificate], now)[certificate.pk]


def renewal_states(certificates: Iterable[Certificate], now: datetime) -> dict[uuid.UUID, Renewal]:
    """Likewise for many, by certificate id; one query."""
    rows = (
        Certificate.objects.filter(pk__in=[each.pk for each in certificates])
        .select_related("institution", "node", "holder", "revocation")
        .annotate(held=selectors.on_hold(), renewed=selectors.succeeded(now))
    )
    return {row.pk: _renewal(row, now) for row in rows}


def _renewal(row: Any, now: datetime) -> Renewal:
    spec = rules.profile(row.profile)
    obstacle = _obstacle(row, spec.enabled)
    facts = life.RenewalFacts(row.not_after, spec.window, row.renewed, obstacle)
    opens_at = spec.renewal_opens(row.not_after)
    return Renewal(life.renewal(facts, now), opens_at, row.not_after, obstacle)


def _obstacle(row: Any, enabled: bool) -> str:
    """The first thing that stands in the way, as a code; "" where nothing does."""
    member = row.institution
    obstacles = {
        "revoked": hasattr(row, "revocation"),
        "suspended": row.held,
        "console": member is None,
        "node_retired": row.node is not None and row.node.retired_at is not None,
        "institution_not_active": member is not None and member.status != InstitutionStatus.ACTIVE,
        "holder_inactive": row.holder is not None and not row.holder.is_active,
        "profile_off": not enabled,
    }
    return next((code for code, stands in obstacles.items() if stands), "")
