"""The picture of a network's convergence, as the page's script and programs read it."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from consortium.web import wording
from governance.permissions.convergence import Latency, Picture

CELLS = 600  # nodes that are shown one by one; more are shown by institution
GROUPS = 300  # institutions that are shown, those with something left to do first

_PARTS: dict[str, str | Promise] = {
    "nodes": gettext_lazy("Nodes"),
    "accounts": gettext_lazy("Accounts"),
    "frozen": gettext_lazy("Frozen nodes"),
    "denied": gettext_lazy("Denied keys"),
    "role": gettext_lazy("role"),
    "host": gettext_lazy("address"),
    "port": gettext_lazy("port"),
    "addresses": gettext_lazy("further addresses"),
    "discovery_port": gettext_lazy("discovery port"),
    "raft_port": gettext_lazy("Raft port"),
    "is_bootnode": gettext_lazy("boot node"),
    "certificate_serial": gettext_lazy("certificate"),
    "certificate_not_after": gettext_lazy("certificate ends"),
    "tls_id": gettext_lazy("TLS id"),
    "further_tls_ids": gettext_lazy("further TLS ids"),
    "software": gettext_lazy("software"),
    "software_version": gettext_lazy("version"),
    "member": gettext_lazy("member"),
    "name": gettext_lazy("name"),
    "permission": pgettext_lazy("account", "permission"),
}


def list_part(name: str) -> str:
    """A part of ``permissions.json``, or a field of its entries, in words; else as it stands there."""
    return str(_PARTS.get(name, name))


def lasted(seconds: float | None) -> str:
    """How long something took, exact where it was short."""
    if seconds is None:
        return "–"
    return _("%(n).2f s") % {"n": seconds} if seconds < 10 else str(wording.span(round(seconds)))


def as_json(picture: Picture) -> dict[str, Any]:
    """Numbers, names and states; the words are the page's. ``cells`` or ``groups``, never both."""
    epoch = picture.epoch
    return {
        "network": picture.network.pk,
        "at": picture.at.isoformat(),
        "epoch": epoch.number if epoch else None,
        "published_at": epoch.published_at.isoformat() if epoch and epoch.published_at else None,
        "listed": len(picture.cells),
        "done": picture.done,
        "alarms": sum(1 for cell in picture.cells if cell.alarms),
        "counts": picture.counts,
        **_shapes(picture),
        "curve": picture.curve,
        "latency": latency_as_json(picture.latency),
    }


def _shapes(picture: Picture) -> dict[str, Any]:
    if len(picture.cells) <= CELLS:
        cells = [
            {
                "id": str(cell.node),
                "name": f"{cell.institution}/{cell.name}",
                "institution": cell.institution,
                "state": cell.state,
                "alarms": cell.alarms,
            }
            for cell in picture.cells
        ]
        return {"cells": cells, "groups": [], "groups_left_out": 0}
    groups = picture.by_institution()
    shown = [{"institution": name, "counts": counts} for name, counts in groups[:GROUPS]]
    return {"cells": [], "groups": shown, "groups_left_out": len(groups) - len(shown)}


def latency_as_json(latency: Latency) -> dict[str, Any]:
    return {
        "count": latency.count,
        "first_at": latency.first_at.isoformat() if latency.first_at else None,
        "last_at": latency.last_at.isoformat() if latency.last_at else None,
        "p50": latency.p50,
        "p99": latency.p99,
    }
