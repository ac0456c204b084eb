"""Nodes that are to leave. Where each stands is derived: see :mod:`governance.permissions.removal`."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from certs.choices import RevocationReason
from consortium.core.models import new_id
from consortium.members.models import Node, User


class Removal(models.Model):
    """Somebody of the secretariat wants a node out, in the order that harms nobody.

    ``completed_at`` is when the console saw that nothing was left to do: what happens to the node afterwards,
    if members admit it again, is no part of it. ``withdrawn_at``: it stays, or goes by another order.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    node = models.ForeignKey(Node, models.PROTECT, related_name="removals", verbose_name=_("node"))
    revocation_reason = models.CharField(
        _("reason of the revocation"), max_length=30, choices=RevocationReason
    )
    reason = models.TextField(_("reason"))
    ordered_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("ordered by"))
    ordered_by_label = models.CharField(_("ordered by"), max_length=200)
    ordered_at = models.DateTimeField(_("ordered"))
    completed_at = models.DateTimeField(_("completed"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)

    class Meta:
        verbose_name = _("removal of a node")
        verbose_name_plural = _("removals of nodes")
        ordering = ["-ordered_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["node"],
                condition=Q(completed_at__isnull=True, withdrawn_at__isnull=True),
                name="removal_one_open_per_node",
            ),
        ]

    def __str__(self) -> str:
        return str(self.node)

    @property
    def is_open(self) -> bool:
        return self.completed_at is None and self.withdrawn_at is None

    @property
    def is_compromised(self) -> bool:
        return self.revocation_reason == RevocationReason.KEY_COMPROMISE
