"""What the guards found in an epoch, who let it out in spite of that, and what they look for."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Network, User
from governance.permissions.models.epochs import Epoch


class GuardPolicy(models.Model):
    """What counts as many nodes dropped at once; one row for a network that has other values than usual."""

    network = models.OneToOneField(
        Network, models.CASCADE, primary_key=True, related_name="guard_policy", verbose_name=_("network")
    )
    # Whole percent of the list: more than this needs two people.
    dropped_percent = models.PositiveSmallIntegerField(
        _("share of nodes (%)"), default=33, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    # Fewer never do: of three nodes one is a third.
    dropped_least = models.PositiveSmallIntegerField(
        _("number of nodes"), default=3, validators=[MinValueValidator(1)]
    )
    # Lists that were in force within this time count together.
    window_minutes = models.PositiveIntegerField(
        _("counted together (minutes)"), default=60, validators=[MaxValueValidator(7 * 24 * 60)]
    )

    class Meta:
        verbose_name = _("guards of a network")
        verbose_name_plural = _("guards of networks")
        constraints = [
            models.CheckConstraint(
                condition=Q(dropped_percent__gte=1, dropped_percent__lte=100), name="guard_share_is_percent"
            ),
            models.CheckConstraint(condition=Q(dropped_least__gte=1), name="guard_drops_at_least_one"),
        ]

    def __str__(self) -> str:
        return self.network_id


class EpochFinding(models.Model):
    """Something dangerous about publishing an epoch, as the guards saw it when it was compiled.

    Append-only. ``code`` and ``params`` as in :class:`governance.permissions.guards.Finding`.
    """

    epoch = models.ForeignKey(Epoch, models.PROTECT, related_name="findings", verbose_name=_("epoch"))
    code = models.CharField(_("finding"), max_length=40)
    params = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["epoch", "code"], name="epoch_finding_once")]

    def __str__(self) -> str:
        return f"{self.epoch} {self.code}"


class EpochOverride(models.Model):
    """A person of the secretariat wants an epoch published in spite of its findings. Append-only."""

    epoch = models.ForeignKey(Epoch, models.PROTECT, related_name="overrides", verbose_name=_("epoch"))
    person = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("person"))
    person_label = models.CharField(_("name"), max_length=200)  # as the account was called then
    reason = models.TextField(_("reason"))
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("override")
        verbose_name_plural = _("overrides")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["epoch", "person"], name="epoch_override_once")]

    def __str__(self) -> str:
        return f"{self.epoch} {self.person_label}"
