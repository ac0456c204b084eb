"""The clock of a revocation: revoked, in the revocation lists, off the permission list, applied by all.

Read from what was recorded anyway; a fixed number of queries, however many revocations.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from certs import selectors as certs
from certs.models import Certificate, Revocation
from consortium.members.models import Node
from governance.permissions.models import Acknowledgement, Epoch, EpochMember
from governance.permissions.rules import JSON_PATH

REVOKED, CRL_PUBLISHED, LIST_PUBLISHED, APPLIED = "revoked", "crl_published", "list_published", "applied"
LABELS: dict[str, str | Promise] = {
    REVOKED: pgettext_lazy("step", "revoked"),
    CRL_PUBLISHED: _("revocation list published"),
    LIST_PUBLISHED: _("permission list published"),
    APPLIED: _("applied by all nodes"),
}
_NO_NODE = _("not a node's: no permission list names it")
_NOT_LISTED = _("no permission list named it")


@dataclass(frozen=True, slots=True)
class Step:
    """``at`` None: not yet, or, where ``skipped`` says why, never. ``missing`` are names of nodes."""

    name: str
    at: datetime | None
    after: timedelta | None = None  # since it was revoked
    skipped: str | Promise = ""
    missing: tuple[str, ...] = ()

    @property
    def label(self) -> str | Promise:
        return LABELS[self.name]


@dataclass(frozen=True, slots=True)
class Clock:
    """How far a revocation has come, in the order in which it goes."""

    steps: tuple[Step, ...]
    epoch: int | None = None  # the first permission list without it

    @property
    def is_complete(self) -> bool:
        return all(step.at or step.skipped for step in self.steps)

    def step(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True, slots=True)
class _Delisting:
    """What the epochs say of one certificate; ``epoch`` None while no list without it is published."""

    listed: bool
    epoch: uuid.UUID | None
    number: int | None
    at: datetime | None


@dataclass(slots=True)
class _Application:
    """Who of an epoch's nodes has applied it."""

    at: datetime | None = None
    missing: tuple[str, ...] = ()


def revocation_clock(revocation: Revocation) -> Clock:
    """The clock of one revocation."""
    return revocation_clocks([revocation])[revocation.pk]


def revocation_clocks(revocations: Iterable[Revocation]) -> dict[uuid.UUID, Clock]:
    """Clocks by certificate id; five queries."""
    rows = list(revocations)
    crls = certs.crl_times(rows)
    delistings = _delistings(rows)
    applied = _applications({found.epoch for found in delistings.values() if found.epoch})
    return {row.pk: _clock(row, crls.get(row.pk), delistings.get(row.pk), applied) for row in rows}


def clocks_of_node(node: Node) -> list[tuple[Certificate, Clock]]:
    """The node's revoked certificates, the newest revocation first, each with its clock."""
    rows = Revocation.objects.filter(certificate__node=node).select_related("certificate")
    found = list(rows.order_by("-revoked_at"))
    clocks = revocation_clocks(found)
    return [(row.certificate, clocks[row.pk]) for row in found]


def _clock(
    row: Revocation,
    crl_at: datetime | None,
    delisting: _Delisting | None,
    applied: dict[uuid.UUID, _Application],
) -> Clock:
    start = row.revoked_at
    first = (Step(REVOKED, start, timedelta(0)), _step(CRL_PUBLISHED, start, crl_at))
    if delisting is None or not delisting.listed:
        why = _NO_NODE if delisting is None else _NOT_LISTED
        rest = (Step(LIST_PUBLISHED, None, skipped=why), Step(APPLIED, None, skipped=why))
        return Clock((*first, *rest))
    done = applied.get(delisting.epoch, _Application()) if delisting.epoch else _Application()
    listed = _step(LIST_PUBLISHED, start, delisting.at)
    everywhere = None if done.missing else (done.at or delisting.at)
    return Clock((*first, listed, _step(APPLIED, start, everywhere, done.missing)), epoch=delisting.number)


def _step(name: str, start: datetime, at: datetime | None, missing: tuple[str, ...] = ()) -> Step:
    return Step(name, at, at - start if at else None, missing=missing)


# ``named`` is the last list that names the certificate: the one in force when it was revoked, or the next,
# which may have been read before and written after. Files hold serial numbers in quotes.
_DELISTED = """
SELECT wanted.pk, named.number, gone.id, gone.number, gone.published_at
FROM unnest(%(pks)s::uuid[], %(networks)s::text[], %(times)s::timestamptz[], %(serials)s::text[])
     AS wanted (pk, network, at, serial)
LEFT JOIN LATERAL (
    SELECT coalesce(max(number), 0) AS number FROM permissions_epoch
    WHERE network_id = wanted.network AND compiled_at <= wanted.at
) AS force ON true
LEFT JOIN LATERAL (
    SELECT epoch.number FROM permissions_epoch AS epoch
    JOIN permissions_epochfile AS file ON file.epoch_id = epoch.id AND file.path = %(path)s
    WHERE epoch.network_id = wanted.network AND epoch.number IN (force.number, force.number + 1)
      AND position(convert_to('"' || wanted.serial || '"', 'UTF8') IN file.content) > 0
    ORDER BY epoch.number DESC LIMIT 1
) AS named ON true
LEFT JOIN LATERAL (
    SELECT epoch.id, epoch.number, epoch.published_at FROM permissions_epoch AS epoch
    JOIN permissions_epochfile AS file ON file.epoch_id = epoch.id AND file.path = %(path)s
    WHERE epoch.network_id = wanted.network AND epoch.number > named.number
      AND epoch.published_at IS NOT NULL
      AND position(convert_to('"' || wanted.serial || '"', 'UTF8') IN file.content) = 0
    ORDER BY epoch.number LIMIT 1
) AS gone ON true
"""


def _delistings(rows: Sequence[Revocation]) -> dict[uuid.UUID, _Delisting]:
    """By certificate id; those of nodes alone. Two queries."""
    nodes = Certificate.objects.filter(pk__in=[row.pk for row in rows], node__isnull=False)
    facts = list(nodes.values_list("pk", "node__network_id", "revocation__revoked_at", "serial_id"))
    if not facts:
        return {}
    pks, networks, times, serials = (list(column) for column in zip(*facts, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            _DELISTED,
            {"pks": pks, "networks": networks, "times": times, "serials": serials, "path": JSON_PATH},
        )
        return {
            pk: _Delisting(named is not None, epoch, number, at)
            for pk, named, epoch, number, at in cursor.fetchall()
        }


def _applications(epochs: set[uuid.UUID]) -> dict[uuid.UUID, _Application]:
    """By epoch: two queries.

    Asked are the nodes that it names, that are in service, and that the newest list still names: one that
    left since takes part no more, and one that came later began with a newer list.
    """
    found: dict[uuid.UUID, _Application] = defaultdict(_Application)
    members = _asked(epochs)
    for epoch, at in members.annotate(first=_first_report()).values_list("epoch").annotate(Max("first")):
        found[epoch].at = at
    late = Q(node__delivery__isnull=True) | Q(node__delivery__applied_epoch__lt=F("epoch__number"))
    names = defaultdict(list)
    for member in members.filter(late).select_related("node__institution").order_by("node__name"):
        names[member.epoch_id].append(str(member.node))
    for epoch, missing in names.items():
        found[epoch].missing = tuple(sorted(missing))
    return found


def _asked(epochs: set[uuid.UUID]) -> QuerySet[EpochMember]:
    published = Epoch.objects.filter(published_at__isnull=False)
    newest = published.order_by("network_id", "-number").distinct("network_id").values("pk")
    still = EpochMember.objects.filter(epoch__in=newest, node=OuterRef("node"))
    return EpochMember.objects.filter(Exists(still), epoch__in=epochs, node__retired_at__isnull=True)


def _first_report() -> Subquery:
    reports = Acknowledgement.objects.filter(
        node=OuterRef("node"), epoch__gte=OuterRef("epoch__number"), matches=True
    )
    return Subquery(reports.order_by("received_at").values("received_at")[:1])
