"""Telling a node once more because a person asked."""

from __future__ import annotations

from django.db import transaction

from consortium.core import events, outbox
from consortium.members.permissions import require_secretariat
from governance.permissions.errors import NothingToPush
from governance.permissions.models import Delivery
from governance.permissions.topics import PUSH


def push_again(delivery: Delivery, *, actor: events.Actor, reason: str = "") -> Delivery:
    """Tell the node of its wanted epoch at once, whatever earlier attempts came to.

    An attempt under way is left to its worker (``pushing_until``): a node is told by one at a time.
    Raises NotAllowed or NothingToPush.
    """
    require_secretariat(actor)
    with transaction.atomic():
        row = Delivery.objects.select_for_update(of=("self",)).select_related("node__institution")
        now = row.get(pk=delivery.pk)
        node = now.node
        if now.applied_epoch >= now.wanted_epoch or node.retired_at or not node.push_url:
            raise NothingToPush(node=str(node))
        now.told_epoch = now.applied_epoch
        now.attempts, now.next_attempt_at, now.last_error, now.dead_at = 0, None, "", None
        now.save(update_fields=["told_epoch", "attempts", "next_attempt_at", "last_error", "dead_at"])
        outbox.enqueue(PUSH, key=node.network_id, payload={"network": node.network_id})
        events.record(
            "node.push_requested",
            node,
            actor=actor,
            reason=reason,
            institution_id=node.institution_id,
            node_id=node.pk,
            epoch=now.wanted_epoch,
        )
    return now
