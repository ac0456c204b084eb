"""What each node was told and has applied."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Node
from governance.permissions.models.epochs import Format


class Delivery(models.Model):
    """What one node should have, was told, fetched and applied. One row for each node."""

    node = models.OneToOneField(
        Node, models.CASCADE, primary_key=True, related_name="delivery", verbose_name=_("node")
    )
    wanted_epoch = models.PositiveIntegerField(_("wanted"), default=0)
    wanted_at = models.DateTimeField(_("wanted since"), null=True)
    told_epoch = models.PositiveIntegerField(_("told"), default=0)
    told_at = models.DateTimeField(_("told at"), null=True)
    pulled_at = models.DateTimeField(_("last pull"), null=True)
    applied_epoch = models.PositiveIntegerField(_("applied"), default=0)
    applied_at = models.DateTimeField(_("applied at"), null=True)
    applied_sha256 = models.CharField(_("hash in force"), max_length=64, blank=True)
    refused_at = models.DateTimeField(_("last refused pull"), null=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    pushing_until = models.DateTimeField(_("being told until"), null=True)  # a worker's turn, while it tells
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(told_epoch__lt=models.F("wanted_epoch")),
                name="delivery_due",
            )
        ]

    def __str__(self) -> str:
        return str(self.node_id)


class Acknowledgement(models.Model):
    """What a node reported, as it reported it. Append-only."""

    node = models.ForeignKey(Node, models.PROTECT, related_name="acknowledgements", verbose_name=_("node"))
    certificate_serial = models.CharField(_("certificate"), max_length=40)
    epoch = models.PositiveIntegerField(_("epoch"))
    format = models.CharField(_("format"), max_length=12, choices=Format)
    sha256 = models.CharField(_("hash read back"), max_length=64)
    matches = models.BooleanField(_("matches"))
    agent_version = models.CharField(_("agent"), max_length=40, blank=True)
    applied_at = models.DateTimeField(_("applied"))
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("acknowledgement")
        verbose_name_plural = _("acknowledgements")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.node_id} {self.epoch}"
