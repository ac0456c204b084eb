"""How new lists go out: each network's policy, and each epoch's rollout by its stages."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.core.models import new_id
from consortium.members.models import Network, User
from governance.permissions import rollouts
from governance.permissions.models.epochs import Epoch


def _everybody() -> list[int]:
    return [rollouts.EVERYBODY]


class RolloutPolicy(models.Model):
    """How a network's lists go out; one that has no row sends them to everybody at once."""

    class Mode(models.TextChoices):
        AT_ONCE = "at_once", _("to everybody at once")
        STAGED = "staged", _("in stages")

    network = models.OneToOneField(
        Network, models.PROTECT, primary_key=True, related_name="rollout_policy", verbose_name=_("network")
    )
    mode = models.CharField(_("way"), max_length=10, choices=Mode, default=Mode.AT_ONCE)
    canaries = models.JSONField(_("canaries"), default=list, blank=True)  # node ids, as text
    canary_count = models.PositiveIntegerField(_("number of canaries"), default=1)
    waves = models.JSONField(_("waves"), default=_everybody)  # shares in 1/10000, rising, the last is all
    soak_seconds = models.PositiveIntegerField(_("seconds to watch each stage"), default=600)
    silence_seconds = models.PositiveIntegerField(_("seconds until silence is a failure"), default=900)
    most_failures = models.PositiveIntegerField(_("failures borne"), default=0)
    most_failures_share = models.PositiveIntegerField(_("share of failures borne"), default=0)  # in 1/10000
    # After a rollback the network keeps its list: what would be compiled now is what went wrong.
    pinned_at = models.DateTimeField(_("pinned"), null=True, blank=True)
    pinned_by_label = models.CharField(_("pinned by"), max_length=200, blank=True)
    pinned_reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("rollout policy")
        verbose_name_plural = _("rollout policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(most_failures_share__lte=rollouts.EVERYBODY), name="rollout_policy_share"
            )
        ]

    def __str__(self) -> str:
        return str(self.network_id)


class Rollout(models.Model):
    """How one epoch went out. What the policy said then is kept here: changing it changes no rollout."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    network = models.ForeignKey(Network, models.PROTECT, related_name="rollouts", verbose_name=_("network"))
    epoch = models.OneToOneField(Epoch, models.PROTECT, related_name="rollout", verbose_name=_("epoch"))
    former = models.ForeignKey(  # the last epoch that was for everybody; those who wait stay with it
        Epoch, models.PROTECT, related_name="+", verbose_name=_("former epoch"), null=True
    )
    urgency = models.CharField(_("at once because"), max_length=20, blank=True)  # rollouts.Urgency
    canaries = models.JSONField(_("canaries"), default=list)
    shares = models.JSONField(_("shares"))
    salt = models.CharField(max_length=32)
    soak_seconds = models.PositiveIntegerField(_("seconds to watch each stage"))
    silence_seconds = models.PositiveIntegerField(_("seconds until silence is a failure"))
    most_failures = models.PositiveIntegerField(_("failures borne"))
    most_failures_share = models.PositiveIntegerField(_("share of failures borne"))
    stage = models.PositiveSmallIntegerField(_("stage"), default=0)
    begun_at = models.DateTimeField(_("begun"))
    halted_at = models.DateTimeField(_("halted"), null=True)
    halted_why = models.CharField(max_length=20, blank=True)  # the gate's reason (rollouts.Why), or none
    resumed_at = models.DateTimeField(_("resumed"), null=True)
    excused = models.JSONField(default=list)  # nodes that had failed when a person went on all the same
    completed_at = models.DateTimeField(_("complete"), null=True)
    superseded_at = models.DateTimeField(_("superseded"), null=True)
    rolled_back_at = models.DateTimeField(_("rolled back"), null=True)
    acted_by = models.ForeignKey(  # who halted, resumed or rolled back last; the gate is nobody
        User, models.PROTECT, related_name="+", verbose_name=_("by"), null=True
    )
    reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("rollout")
        verbose_name_plural = _("rollouts")
        ordering = ["-begun_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["network"],
                condition=Q(completed_at=None, superseded_at=None, rolled_back_at=None),
                name="rollout_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.network_id} {self.epoch.number}"

    @property
    def status(self) -> rollouts.Status:
        return rollouts.status(
            superseded_at=self.superseded_at,
            rolled_back_at=self.rolled_back_at,
            completed_at=self.completed_at,
            halted_at=self.halted_at,
        )

    @property
    def plan(self) -> rollouts.Plan:
        return rollouts.Plan(tuple(self.canaries), tuple(self.shares), self.salt)

    @property
    def share(self) -> int:
        return int(self.document()["share"])

    @property
    def was_halted_by_a_person(self) -> bool:
        """And nobody has resumed it or rolled it back."""
        return self.halted_at is not None and not self.halted_why and self.rolled_back_at is None

    @property
    def was_halted_by_the_gate(self) -> bool:
        """And no person has had a say in it since."""
        return self.status == rollouts.Status.HALTED and bool(self.halted_why)

    @property
    def was_halted_before(self) -> bool:
        """Did a person halt an earlier list, so that this one was not begun at all?"""
        return self.halted_at is not None and self.halted_at < self.begun_at

    @property
    def limits(self) -> rollouts.Limits:
        return rollouts.Limits(
            soak=timedelta(seconds=self.soak_seconds),
            silence=timedelta(seconds=self.silence_seconds),
            most=self.most_failures,
            most_share=self.most_failures_share,
        )

    def document(self) -> rollouts.Document:
        """What the agents are to read: of a rollout that was stopped, the last stage that they could read."""
        if self.status in {rollouts.Status.ROLLING, rollouts.Status.COMPLETE}:
            return self._document(self.stage, halted=False)
        return self.published_document()

    def published_document(self) -> rollouts.Document:
        """What the agents can read by now: a stage lets nobody in before it is signed."""
        reached = self.stages.filter(published_at__isnull=False).order_by("-number").first()
        halted = self.status != rollouts.Status.ROLLING and not self.completed_at
        return self._document(reached.number if reached else None, halted=halted)

    def _document(self, stage: int | None, *, halted: bool) -> rollouts.Document:
        plan = self.plan if stage is not None else rollouts.nobody(self.salt)
        former = self.former.number if self.former else 0
        number = self.epoch.number
        return rollouts.document(self.network_id, number, former, plan, stage or 0, halted=halted)

    def admits(self, node: uuid.UUID | str) -> bool:
        return rollouts.admits(self.document(), node)


class RolloutStage(models.Model):
    """A stage as it began and was published: from when on the nodes could take the epoch."""

    rollout = models.ForeignKey(Rollout, models.PROTECT, related_name="stages")
    number = models.PositiveSmallIntegerField(_("stage"))
    share = models.PositiveIntegerField(_("share"))  # in 1/10000, beside the canaries
    begun_at = models.DateTimeField(_("begun"))
    published_at = models.DateTimeField(_("published"), null=True)
    nodes = models.PositiveIntegerField(_("nodes"), default=0)  # let in so far, of those listed
    newly = models.PositiveIntegerField(_("newly let in"), default=0)
    verdict = models.JSONField(_("the gate's verdict"), default=dict)  # with which the next stage began

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering = ["rollout", "number"]
        constraints = [models.UniqueConstraint(fields=["rollout", "number"], name="rollout_stage_once")]

    def __str__(self) -> str:
        return f"{self.rollout} {self.number}"
