"""An institution's life as a table, and the roles people have. No models here."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Status(models.TextChoices):
    APPLIED = "applied", pgettext_lazy("institution", "applied")
    IN_REVIEW = "in_review", _("in review")
    MORE_INFORMATION_NEEDED = "more_information_needed", _("more information needed")
    DECLINED = "declined", _("declined")
    ADMITTED = (
        "admitted",
        _("admitted"),
    )  # the vote (or the founding act) is on the ledger, the seat not yet seen
    ACTIVE = "active", pgettext_lazy("institution", "active")  # a seat is on the ledger
    SUSPENDED = "suspended", _("suspended")
    EXITED = "exited", _("exited")


TRANSITIONS: dict[str, frozenset[str]] = {
    Status.APPLIED: frozenset({Status.IN_REVIEW, Status.DECLINED}),
    Status.IN_REVIEW: frozenset({Status.MORE_INFORMATION_NEEDED, Status.DECLINED, Status.ADMITTED}),
    Status.MORE_INFORMATION_NEEDED: frozenset({Status.IN_REVIEW, Status.DECLINED}),
    Status.DECLINED: frozenset(),
    Status.ADMITTED: frozenset({Status.ACTIVE}),
    Status.ACTIVE: frozenset({Status.SUSPENDED, Status.EXITED}),
    Status.SUSPENDED: frozenset({Status.ACTIVE, Status.EXITED}),
    Status.EXITED: frozenset(),
}

# These follow from the ledger alone; no person can set them.
BY_VOTE_ONLY = frozenset({Status.ADMITTED, Status.ACTIVE, Status.SUSPENDED, Status.EXITED})


class Role(models.TextChoices):
    SECRETARIAT = "secretariat", _("secretariat")
    MEMBER = "member", _("member institution")
    REGULATOR = "regulator", _("regulator")


class NodeSoftware(models.TextChoices):
    BESU = "besu", "Besu"
    GOQUORUM = "goquorum", "GoQuorum"
    GETH = "geth", "geth"
    FISCO_BCOS = "fisco-bcos", "FISCO BCOS"
    OTHER = "other", _("other")
