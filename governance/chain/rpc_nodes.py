"""The table of the ledger's nodes: what each showed last, and whether it is trusted."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class RpcNode(models.Model):
    """One address of a ledger's node. The address itself stays in the settings or in the table of governed
    ledgers: it may hold a password.
    """

    class Fault(models.TextChoices):
        SILENT = "silent", _("does not answer")
        SLOW = "slow", _("answers too slowly")
        FAILING = "failing", _("answers with errors")
        OTHER_LEDGER = "other_ledger", _("is another ledger's")
        BEHIND = "behind", _("is behind the others")
        LOGS_MISSING = "logs_missing", _("withholds events")

    key = models.CharField(primary_key=True, max_length=16)  # of the address, see endpoint.key_of
    ledger = models.CharField(_("ledger"), max_length=32, blank=True)  # empty: the alliance's own
    native = models.BooleanField(_("FISCO BCOS's own RPC"), default=False)
    address = models.CharField(_("address"), max_length=300)  # for people: no user, password or query
    head = models.PositiveBigIntegerField(_("newest block"), null=True)
    milliseconds = models.PositiveIntegerField(_("time to answer"), null=True)
    asked_at = models.DateTimeField(_("asked"), null=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    fault = models.CharField(_("fault"), max_length=16, choices=Fault, blank=True)  # empty: trusted
    detail = models.CharField(_("in its own words"), max_length=300, blank=True)
    evidence_block = models.PositiveBigIntegerField(null=True)  # where the fault can be seen again
    good_looks = models.PositiveSmallIntegerField(default=0)  # in a row, since it was left
    left_at = models.DateTimeField(pgettext_lazy("ledger node", "left"), null=True)
    taken_at = models.DateTimeField(_("taken again"), null=True)

    class Meta:
        verbose_name = _("ledger node")
        verbose_name_plural = _("ledger nodes")
        ordering = ["address"]
        constraints = [
            models.CheckConstraint(
                condition=Q(fault="", left_at__isnull=True) | (~Q(fault="") & Q(left_at__isnull=False)),
                name="left_for_a_reason",
            )
        ]

    def __str__(self) -> str:
        return self.address
