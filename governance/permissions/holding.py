"""Which epochs wait for people, and which one of a network may be published.

An epoch that the guards found something dangerous in is held until two people of the secretariat have said
that it is to go out all the same. A newer epoch takes its place, held or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.members.states import Role
from governance.permissions import guards
from governance.permissions.models import Epoch, EpochFinding, EpochOverride

PEOPLE = 2  # different ones; one alone may err, or be somebody else

# What one person may set the guards of a network to: from, to.
POLICY_LIMITS: Mapping[str, tuple[int, int]] = {
    "dropped_percent": (1, 50),
    "dropped_least": (1, 10),
    "window_minutes": (10, 7 * 24 * 60),
}

_SENTENCES: dict[str, str | Promise] = {
    guards.EMPTY_LIST: _("The list is empty: all %(count)s nodes would be shut out."),
    guards.EMPTY_WHITE_LIST: _(
        "The white list of FISCO BCOS names nobody: its nodes (%(nodes)s) could not meet each other."
    ),
    guards.MISSING_BOOTNODE: _(
        "Boot nodes that the members admitted are not on the list: %(nodes)s. Nodes that start anew may find "
        "nobody."
    ),
    guards.NO_BOOTNODE: _("No boot node is left: the last was %(nodes)s."),
    guards.TOO_FEW_VALIDATORS: _(
        "Too few sealers could take part: %(taking_part)s of %(registered)s, and %(needed)s are needed. The "
        "network would stop. These would leave: %(nodes)s."
    ),
    guards.TOO_MANY_DROPPED: _(
        "%(count)s of %(of)s nodes would be dropped at once, more than %(percent)s %%: %(nodes)s."
    ),
    guards.CUT_OFF: _("These nodes stay on the list and could reach none of the others: %(nodes)s."),
    guards.ROLE_NOT_CONFIRMED: _("The ledger does not confirm the roles of these nodes: %(nodes)s."),
    guards.STILL_SEALS: _(
        "These nodes would leave the list while their ledger still waits for their votes in consensus: "
        "%(nodes)s."
    ),
}


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """A finding in the reader's language."""
    return str(_SENTENCES[code]) % params


def held(rows: QuerySet[Epoch] | None = None) -> QuerySet[Epoch]:
    """Those of ``rows`` (or of all) that wait for people and that no newer epoch has taken the place of."""
    rows = Epoch.objects.all() if rows is None else rows
    newer = Epoch.objects.filter(network=OuterRef("network"), number__gt=OuterRef("number"))
    return rows.filter(_is_held(), ~Exists(newer))


def publishable(network: str | None = None) -> QuerySet[Epoch]:
    """The newest epoch of each network (or of ``network``) that nothing holds."""
    rows = Epoch.objects.all() if network is None else Epoch.objects.filter(network=network)
    return rows.exclude(_is_held()).order_by("network_id", "-number").distinct("network_id")


def let_out(rows: QuerySet[Epoch]) -> QuerySet[Epoch]:
    """Those of ``rows`` that the guards found something in, and two people let out."""
    return rows.exclude(_is_held()).filter(overrides__isnull=False)


def is_held(epoch: Epoch) -> bool:
    """Does it wait for people? True of one that a newer epoch has taken the place of, too."""
    return Epoch.objects.filter(_is_held(), pk=epoch.pk).exists()


def is_superseded(epoch: Epoch) -> bool:
    """Is there a newer one?"""
    return Epoch.objects.filter(network=epoch.network_id, number__gt=epoch.number).exists()


def with_state(rows: QuerySet[Epoch]) -> QuerySet[Any]:
    """``rows`` with ``held`` and ``superseded`` (both may be true) and ``people``: how many have spoken."""
    newer = Epoch.objects.filter(network=OuterRef("network"), number__gt=OuterRef("number"))
    return rows.annotate(
        held=Case(When(_is_held(), then=Value(True)), default=Value(False)),
        superseded=Exists(newer),
        people=Coalesce(Subquery(_people().values("people")), 0),
    )


def _people() -> QuerySet[Any]:
    in_office = Q(person__is_active=True, person__role=Role.SECRETARIAT)
    rows = EpochOverride.objects.filter(in_office, epoch=OuterRef("pk")).order_by().values("epoch")
    return rows.annotate(people=Count("person", distinct=True))


def _is_held() -> Q:
    """Whoever is not of the secretariat any more does not count; a list that went out stays out, though."""
    found = EpochFinding.objects.filter(epoch=OuterRef("pk"))
    enough = Q(Exists(_people().filter(people__gte=PEOPLE)))
    return Q(Exists(found)) & Q(published_at__isnull=True) & ~enough
