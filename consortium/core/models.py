"""The event log and the outbox: what every change leaves behind, and what it sets going."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Event(models.Model):
    """One change, as it will be read years later. Append-only: a database trigger refuses anything else.

    The actor and the institution are kept by value, not by foreign key: the record outlives the account,
    and this module stands below the one that defines them.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("time"), db_index=True)
    action = models.CharField(_("action"), max_length=80, db_index=True)
    subject_type = models.CharField(_("subject type"), max_length=60)
    subject_id = models.CharField(_("subject"), max_length=80)
    subject_label = models.CharField(_("subject"), max_length=200)
    institution_id = models.UUIDField(_("institution"), null=True, blank=True)
    node_id = models.UUIDField(_("node"), null=True, blank=True)
    actor_id = models.BigIntegerField(_("actor"), null=True, blank=True)
    actor_label = models.CharField(_("actor"), max_length=200)
    reason = models.TextField(_("reason"), blank=True)
    data = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-id"], name="event_subject"),
            models.Index(fields=["institution_id", "-id"], name="event_institution"),
            models.Index(fields=["node_id", "-id"], name="event_node"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_label}"


class OutboxMessage(models.Model):
    """Work that a committed change owes. Claimed under an advisory lock, finished by ``done_at``."""

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(_("topic"), max_length=80)
    queue = models.CharField(_("queue"), max_length=20)
    key = models.CharField(pgettext_lazy("outbox message", "key"), max_length=200)
    payload = models.JSONField(_("payload"), default=dict)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created"))
    due_at = models.DateTimeField(_("due"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    last_error = models.TextField(_("last error"), blank=True)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    dead_at = models.DateTimeField(_("given up"), null=True, blank=True)
    # Somebody owed the work of this dead letter again: it stays on record, but needs nobody any more.
    retried_at = models.DateTimeField(_("tried again"), null=True, blank=True)

    class Meta:
        verbose_name = _("outbox message")
        verbose_name_plural = _("outbox messages")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["topic", "key"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True),
                name="outbox_one_open_per_key",
            ),
        ]
        indexes = [
            models.Index(
                fields=["queue", "due_at", "id"],
                condition=Q(done_at__isnull=True, dead_at__isnull=True),
                name="outbox_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


def new_id() -> uuid.UUID:
    """Primary key of rows that people and certificates refer to: random, so it tells nothing."""
    return uuid.uuid4()
