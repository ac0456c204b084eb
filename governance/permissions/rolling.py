"""What is known of rollouts: who is let in, what the gate sees, which list is a node's own for now."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from consortium.core import clock
from consortium.members.models import Network, Node
from governance.permissions import holding, published, rollouts, rules
from governance.permissions.models import Epoch, Rollout, RolloutPolicy, RolloutStage
from governance.permissions.published import Target
from governance.permissions.rollouts import Answer, Status, Verdict

# What people call the states of a rollout.
WORDS: dict[str, str | Promise] = {
    Status.ROLLING: pgettext_lazy("rollout", "under way"),
    Status.HALTED: pgettext_lazy("rollout", "halted"),
    Status.COMPLETE: pgettext_lazy("rollout", "complete"),
    Status.SUPERSEDED: pgettext_lazy("rollout", "a newer list goes out"),
    Status.ROLLED_BACK: pgettext_lazy("rollout", "rolled back"),
}

OPEN = Q(completed_at=None, superseded_at=None, rolled_back_at=None)
HALTED = OPEN & Q(halted_at__isnull=False)


def policy(network: Network | str) -> RolloutPolicy:
    """The network's policy; the default, not stored, where it has none."""
    found = RolloutPolicy.objects.filter(network=network).first()
    if found is not None:
        return found
    pk = network if isinstance(network, str) else network.pk
    return RolloutPolicy(network_id=pk)


def is_pinned(network: Network | str) -> bool:
    """Does the network keep the list that a person rolled it back to?"""
    return RolloutPolicy.objects.filter(network=network, pinned_at__isnull=False).exists()


def current(network: Network | str) -> Rollout | None:
    """The rollout of the newest epoch that nothing holds; None where that has none."""
    pk = network if isinstance(network, str) else network.pk
    epoch = holding.publishable(pk).first()
    found = Rollout.objects.filter(epoch=epoch) if epoch else Rollout.objects.none()
    return found.select_related("epoch", "former").first()


def halted_by_a_person(network: Network | str) -> Rollout | None:
    """What a person halted, and nobody has resumed or rolled back; urgent lists since then don't count."""
    rows = Rollout.objects.filter(network=network).exclude(urgency__in=rollouts.AT_ALL_TIMES)
    row = rows.select_related("epoch", "former", "acted_by").order_by("-epoch__number").first()
    return row if row is not None and row.was_halted_by_a_person else None


def stage(rollout: Rollout) -> RolloutStage:
    return rollout.stages.get(number=rollout.stage)


def epoch_for(node: Node) -> Epoch | None:
    """The newest published epoch that is for this node: the former one while it waits for its wave."""
    newest = Epoch.objects.filter(network=node.network_id, published_at__isnull=False).order_by("-number")
    found = newest.select_related("rollout__former").first()
    rollout = getattr(found, "rollout", None)
    if rollout is None or rollout.completed_at:
        return found
    return found if rollouts.admits(rollout.published_document(), node.pk) else rollout.former


@published.add
def targets(network: str, epoch: Epoch) -> Mapping[str, Target]:
    """What the agents read of a rollout, and the former files while somebody is to stay with them."""
    rollout = Rollout.objects.filter(epoch=epoch).select_related("epoch", "former").first()
    if rollout is None:
        return {}
    document = rollout.document()
    is_for_everybody = document["share"] >= rollouts.EVERYBODY
    if is_for_everybody and len(rollout.shares) == 1:
        return {}
    found = {rollouts.PATH: Target(rollouts.as_bytes(document), _custom(epoch))}
    if rollout.former is not None and not is_for_everybody:
        custom = _custom(rollout.former)
        for file in rollout.former.files.all():
            found[rollouts.PREVIOUS + file.path] = Target(bytes(file.content), custom)
    return found


def _custom(epoch: Epoch) -> Mapping[str, Any]:
    header = rules.Header(epoch.network_id, epoch.number, epoch.block, epoch.tx_hash, epoch.effective_at)
    return header.custom()


# --- the gate ------------------------------------------------------------
def answers(rollout: Rollout) -> dict[uuid.UUID, Answer]:
    """What each listed node made of the epoch, of those that are let in and in service."""
    document, now = rollout.document(), clock.now()
    reached, excused = stage(rollout), set(rollout.excused)
    former = rollout.former.number if rollout.former else 0
    found = {}
    for pk, applied, declined, reported, matches, wanted, wanted_at in _rows(rollout):
        if not rollouts.admits(document, pk):
            continue
        number = rollout.epoch.number
        facts = rollouts.NodeFacts(
            applied=applied or 0,
            failed=declined == number or (reported == number and matches is False),
            admitted_at=_admitted_at(rollout, wanted_at if wanted == number else None, reached),
            excused=str(pk) in excused,
        )
        found[pk] = rollouts.answer(
            facts, epoch=number, former=former, silence=rollout.limits.silence, now=now
        )
    return found


_COLUMNS = (
    "node_id",
    *(
        f"node__delivery__{name}"
        for name in (
            "applied_epoch", "declined_epoch", "reported_epoch", "reported_matches", "wanted_epoch",
            "wanted_at",
        )
    ),
)  # fmt: skip


def _rows(rollout: Rollout) -> QuerySet[Any, Any]:
    members = rollout.epoch.members.filter(node__retired_at__isnull=True)
    return members.values_list(*_COLUMNS).order_by("node_id")


def _admitted_at(rollout: Rollout, wanted_at: datetime | None, reached: RolloutStage) -> datetime:
    since = wanted_at or reached.published_at or clock.now()
    return max(since, rollout.resumed_at) if rollout.resumed_at else since


def verdict(rollout: Rollout, found: Mapping[uuid.UUID, Answer] | None = None) -> Verdict:
    """The gate's answer now: may the next stage begin?"""
    reached = stage(rollout)
    since = reached.published_at
    if since is not None and rollout.resumed_at is not None:
        since = max(since, rollout.resumed_at)
    return rollouts.gate(
        (answers(rollout) if found is None else found).values(),
        rollout.limits,
        since=since,
        alone=not reached.newly,
        now=clock.now(),
    )


def wave_of(rollout: Rollout, node: uuid.UUID) -> int:
    """The stage that lets the node in, counted from 0."""
    return rollouts.stage_of(rollout.plan, node)
