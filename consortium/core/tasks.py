"""Celery's side of the outbox."""

from __future__ import annotations

from celery import shared_task

from consortium.core import outbox


@shared_task(name="core.drain_queue", ignore_result=True)
def drain_queue(queue: str) -> None:
    """Handle what is due on ``queue``. Sent on commit as a nudge and by beat as the guarantee."""
    outbox.drain(queue)
