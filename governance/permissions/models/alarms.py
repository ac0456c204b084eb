"""What is wrong with a node's list, clock, software or certificate, since when, until when."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Node


class Alarm(models.Model):
    """One drift of one node, from when it was noticed to when it was over. At most one of a kind is open."""

    class Kind(models.TextChoices):
        """The answers of permissions.drift."""

        LIST = "list", _("has another list in force than was signed")
        DECLINED = "declined", _("the node refuses its list")
        LOG = "log", _("was given another history of lists")
        WITHHELD = "withheld", _("is kept from newer lists")
        SILENT = "silent", _("nothing heard")
        CLOCK = "clock", _("clock is off")
        OLD_NODE = "old-node", _("node software is too old")
        OTHER_NODE = "other-node", _("node software is another than recorded")
        OLD_AGENT = "old-agent", _("agent is too old")
        CERTIFICATE = "certificate", _("certificate ends, no renewal")

    node = models.ForeignKey(Node, models.PROTECT, related_name="alarms", verbose_name=_("node"))
    kind = models.CharField(_("alarm"), max_length=12, choices=Kind)
    params = models.JSONField(_("details"), default=dict)  # what its sentence names; text and numbers
    since = models.DateTimeField(_("since"))
    cleared_at = models.DateTimeField(_("cleared"), null=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "kind"], condition=Q(cleared_at__isnull=True), name="alarm_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.node} · {self.get_kind_display()}"
