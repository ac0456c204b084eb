"""What each node was told and has applied."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Node
from governance.permissions.models.epochs import Format


class ReadBack(models.TextChoices):
    """Where the agent read what it reports: the node's own answer proves more than a file beside it."""

    NODE = "node", _("from the node itself")
    FILE = "file", _("from the file")


class Delivery(models.Model):
    """What one node should have, was told, fetched and applied. One row for each node.

    All that pages and alarms ask of the newest report stands here, so that nobody searches the reports.
    """

    node = models.OneToOneField(
        Node, models.CASCADE, primary_key=True, related_name="delivery", verbose_name=_("node")
    )
    wanted_epoch = models.PositiveIntegerField(_("wanted"), default=0)
    wanted_at = models.DateTimeField(_("wanted since"), null=True)
    told_epoch = models.PositiveIntegerField(_("told"), default=0)
    told_at = models.DateTimeField(_("told at"), null=True)
    pulled_at = models.DateTimeField(_("last pull"), null=True)
    pulled_epoch = models.PositiveIntegerField(_("pulled"), default=0)
    pulled_epoch_at = models.DateTimeField(_("pulled at"), null=True)
    applied_epoch = models.PositiveIntegerField(_("applied"), default=0)
    applied_at = models.DateTimeField(_("applied at"), null=True)
    applied_sha256 = models.CharField(_("hash in force"), max_length=64, blank=True)
    verified_epoch = models.PositiveIntegerField(_("read back from the node"), default=0)
    verified_at = models.DateTimeField(_("read back at"), null=True)
    read_back = models.CharField(_("read back"), max_length=4, choices=ReadBack, blank=True)
    declined_epoch = models.PositiveIntegerField(_("refused by the node"), default=0)  # 0: none
    declined_at = models.DateTimeField(_("refused by the node at"), null=True)
    declined_reason = models.CharField(_("why the node refused"), max_length=500, blank=True)
    held_epoch = models.PositiveIntegerField(_("waiting for its wave"), default=0)  # 0: none
    held_at = models.DateTimeField(_("waiting for its wave since"), null=True)
    heard_at = models.DateTimeField(_("last report"), null=True)
    reported_epoch = models.PositiveIntegerField(_("reported"), null=True)  # by the last report, right or not
    reported_matches = models.BooleanField(_("reported what was signed"), null=True)
    sent_at = models.DateTimeField(_("sent at, by the node's clock"), null=True)
    clock_offset_ms = models.BigIntegerField(_("clock ahead of ours"), null=True)  # milliseconds
    node_software = models.CharField(_("node software, as reported"), max_length=40, blank=True)
    node_version = models.CharField(_("node version, as reported"), max_length=80, blank=True)
    agent_version = models.CharField(_("agent"), max_length=40, blank=True)
    log_size = models.PositiveIntegerField(_("size of the log it knows"), null=True)
    log_head = models.CharField(_("head of the log it knows"), max_length=64, blank=True)
    # of a longer log that the node's ledger knows, and the node was not given for long; 0: none
    withheld_size = models.PositiveIntegerField(_("size of the log it is kept from"), default=0)
    alarms = models.JSONField(_("open alarms"), default=list, blank=True)  # their kinds, as in its Alarm rows
    refused_at = models.DateTimeField(_("last refused pull"), null=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    pushing_until = models.DateTimeField(_("being told until"), null=True)  # a worker's turn, while it tells
    last_error = models.TextField(_("last error"), blank=True)
    # Nobody tells it any more, until it is heard of again or the secretariat asks.
    dead_at = models.DateTimeField(_("given up"), null=True)

    # Given up, and not heard of since: whoever comes for its list or reports is told again.
    GIVEN_UP: ClassVar[Q] = Q(dead_at__isnull=False) & ~(
        Q(pulled_at__isnull=False, pulled_at__gt=models.F("dead_at"))
        | Q(heard_at__isnull=False, heard_at__gt=models.F("dead_at"))
        | Q(applied_at__isnull=False, applied_at__gt=models.F("dead_at"))
    )

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
        return f"{self.node} · {self.node.network_id}"


class Acknowledgement(models.Model):
    """What a node reported, as it reported it. Append-only."""

    node = models.ForeignKey(Node, models.PROTECT, related_name="acknowledgements", verbose_name=_("node"))
    certificate_serial = models.CharField(_("certificate"), max_length=40)
    epoch = models.PositiveIntegerField(_("epoch"))
    format = models.CharField(_("format"), max_length=12, choices=Format)
    sha256 = models.CharField(_("hash read back"), max_length=64)
    matches = models.BooleanField(_("matches"))
    agent_version = models.CharField(_("agent"), max_length=40, blank=True)
    read_back = models.CharField(_("read back"), max_length=4, choices=ReadBack, blank=True)
    node_software = models.CharField(_("node software, as reported"), max_length=40, blank=True)
    node_version = models.CharField(_("node version, as reported"), max_length=80, blank=True)
    clock_offset_ms = models.BigIntegerField(_("clock ahead of ours"), null=True)  # milliseconds
    applied_at = models.DateTimeField(_("applied"))
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("acknowledgement")
        verbose_name_plural = _("acknowledgements")
        ordering = ["-id"]
        indexes = [models.Index(fields=["epoch", "node"], name="acknowledged_epoch")]

    def __str__(self) -> str:
        return f"{self.node} · {self.node.network_id} {self.epoch}"
