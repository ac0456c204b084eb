"""How an epoch goes out stage by stage: begun by publishing, moved on by the gate, shown by publishing again.

A stage counts from when it is published: only then can a node take the epoch. So a change of stage is a row
first, then the document that the nodes read, then what each node is to have; a process killed in between
leaves what the next one finishes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from consortium.core import bulk, clock, events, outbox, transitions
from governance.permissions import rolling, rollouts, topics
from governance.permissions.models import (
    Delivery,
    Epoch,
    Rollout,
    RolloutPolicy,
    RolloutStage,
)
from governance.permissions.rolling import WORDS
from governance.permissions.rollouts import AT_ALL_TIMES, Status, Verdict
from governance.permissions.services import urgency


# --- Beginning, by the publisher ------------------------------------------------------------
def begin(epochs: Iterable[Epoch], now: datetime) -> None:
    """Plan the rollout of each epoch that is to be published for the first time.

    Takes the lock on what is rolling out: until the publisher commits, no stage moves on.
    """
    epochs = list(epochs)
    known = {row.epoch_id: row for row in Rollout.objects.select_for_update().filter(epoch__in=epochs)}
    for epoch in epochs:
        if epoch.pk not in known and epoch.published_at is None:
            _begin(epoch, now)
        elif epoch.published_at is None:
            _supersede(epoch, now)


def _begin(epoch: Epoch, now: datetime) -> None:
    before = _supersede(epoch, now)
    salt = before.salt if before else ""
    former = urgency.for_everybody(epoch.network, before=epoch.number)
    policy = rolling.policy(epoch.network_id)
    is_staged = policy.mode == RolloutPolicy.Mode.STAGED
    halted = rolling.halted_by_a_person(epoch.network)
    why = urgency.of(former, epoch) if is_staged or halted else ""
    plan = rollouts.AT_ONCE
    if is_staged and not why:
        plan = rollouts.plan(
            [str(pk) for pk in epoch.members.values_list("node_id", flat=True)],
            canaries=policy.canaries,
            canary_count=policy.canary_count,
            waves=policy.waves,
            salt=salt or _salt(epoch),
        )
    rollout = write(epoch, former, plan, policy, why, now)
    if halted and former and not why:
        _stay_halted(rollout, halted, former)


def _salt(epoch: Epoch) -> str:
    return rollouts.salt(settings.SECRET_KEY, epoch.network_id, epoch.number, epoch.content_sha256)


def _stay_halted(rollout: Rollout, before: Rollout, former: Epoch) -> None:
    """A person's halt is theirs to end: a list that comes of itself does not begin in spite of it.

    Who was let in before and has not taken that list can't any more: it is owed the former one, like others.
    """
    rollout.halted_at, rollout.acted_by, rollout.reason = before.halted_at, before.acted_by, before.reason
    rollout.save(update_fields=["halted_at", "acted_by", "reason"])
    record(
        "rollout.halted", rollout, actor=events.SIGNER, reason=before.reason, before=before.epoch.number,
        by=before.acted_by.get_username() if before.acted_by else "",
    )  # fmt: skip
    owed = Delivery.objects.filter(
        node__network=rollout.network_id,
        wanted_epoch__gt=former.number,
        applied_epoch__lt=F("wanted_epoch"),
    )
    owed.update(wanted_epoch=Greatest("applied_epoch", former.number))


def write(
    epoch: Epoch,
    former: Epoch | None,
    plan: rollouts.Plan,
    policy: RolloutPolicy,
    urgency: str,
    now: datetime,
) -> Rollout:
    """The rows of a rollout that begins."""
    rollout = Rollout.objects.create(
        network_id=epoch.network_id,
        epoch=epoch,
        former=former,
        urgency=urgency,
        canaries=list(plan.canaries),
        shares=list(plan.shares),
        salt=plan.salt,
        soak_seconds=policy.soak_seconds,
        silence_seconds=policy.silence_seconds,
        most_failures=policy.most_failures,
        most_failures_share=policy.most_failures_share,
        begun_at=now,
    )
    begin_stage(rollout, 0, now)
    return rollout


def _supersede(epoch: Epoch, now: datetime) -> Rollout | None:
    """End earlier rollouts of the network; the newest of them: who went first there goes first again.

    They have the superseded epoch in force, and what is wrong with it is mended there first.
    """
    older = Rollout.objects.select_for_update(of=("self",)).filter(
        network=epoch.network_id, epoch__number__lt=epoch.number, superseded_at=None, completed_at=None
    )
    row = None
    for row in older.select_related("epoch", "former", "acted_by").order_by("epoch__number"):
        row.superseded_at = now
        row.save(update_fields=["superseded_at"])
        record("rollout.superseded", row, actor=events.SIGNER, by=epoch.number)
    return row


def begin_stage(rollout: Rollout, number: int, now: datetime) -> None:
    rollout.stage = number
    rollout.save(update_fields=["stage"])
    members = list(rollout.epoch.members.values_list("node_id", flat=True))
    reached = rollout.stages.filter(published_at__isnull=False).order_by("-number").first()
    admitted = len(rollouts.admitted(rollout.document(), members))
    RolloutStage.objects.create(
        rollout=rollout,
        number=number,
        share=rollout.share,
        begun_at=now,
        nodes=admitted,
        newly=admitted - (reached.nodes if reached else 0),
    )


# --- Reaching the nodes, by the publisher ------------------------------------------------------------
def reached(epochs: Iterable[Epoch], now: datetime) -> None:
    """The documents are out: whom a stage lets in should have the epoch from now on, and is told."""
    under_way = Rollout.objects.filter(rolling.OPEN, halted_at=None, epoch__in=list(epochs))
    stages = RolloutStage.objects.filter(rollout__in=under_way, number=F("rollout__stage"), published_at=None)
    for stage in stages.select_related("rollout__epoch", "rollout__former"):
        _reached(stage, now)


def _reached(stage: RolloutStage, now: datetime) -> None:
    rollout = stage.rollout
    stage.published_at = now
    stage.save(update_fields=["published_at"])
    _want(rollout, now)
    if len(rollout.shares) == 1:
        rollout.completed_at = now
        rollout.save(update_fields=["completed_at"])
    else:
        record("rollout.stage_reached", rollout, actor=events.SIGNER, stage=stage.number, nodes=stage.nodes)
    network = rollout.network_id
    outbox.enqueue(topics.PUSH, key=network, payload={"network": network})
    if rollout.urgency in AT_ALL_TIMES:  # it took nothing along: what waits is due now
        topics.want_compile(network, topics.AFTER_AN_URGENT_LIST)


def _want(rollout: Rollout, now: datetime) -> None:
    """Every listed node that is let in should have the epoch, and no other such node anything it has not.

    Who was let in before keeps its time. A back-off under way is left to run out.
    """
    epoch, document = rollout.epoch, rollout.document()
    owed = Delivery.objects.filter(node__network=epoch.network_id, applied_epoch__lt=F("wanted_epoch"))
    leaving = owed.exclude(node__in=epoch.members.values("node")).values_list("pk", flat=True)
    gone = rollouts.admitted(document, leaving)
    Delivery.objects.filter(pk__in=gone).update(wanted_epoch=F("applied_epoch"))
    members = epoch.members.order_by("node_id").values_list("node_id", flat=True)
    known = set(
        Delivery.objects.filter(node__in=members, wanted_epoch__gte=epoch.number).values_list("pk", flat=True)
    )
    let_in = [node_id for node_id in rollouts.admitted(document, members) if node_id not in known]
    bulk.ensure(
        Delivery(wanted_epoch=epoch.number, wanted_at=now), let_in, fields=("wanted_epoch", "wanted_at")
    )


# --- Moving on, by the gate ------------------------------------------------------------
def advance_rollouts(network: str | None = None) -> int:
    """Let the gate look at what is rolling out (in ``network``, or anywhere); how many moved or halted."""
    rows = Rollout.objects.filter(rolling.OPEN, halted_at=None)
    if network is not None:
        rows = rows.filter(network=network)
    return sum(_advance(pk) for pk in list(rows.values_list("pk", flat=True)))


@transaction.atomic
def _advance(pk: uuid.UUID) -> bool:
    rows = Rollout.objects.select_for_update(of=("self",), skip_locked=True).select_related("epoch", "former")
    rollout = rows.filter(rolling.OPEN, pk=pk, halted_at=None).first()
    if rollout is None:  # somebody else has it, or ended it
        return False
    now = clock.now()
    verdict = rolling.verdict(rollout)
    status, stage = rollouts.step(rollout.plan, rollout.stage, verdict)
    if (status, stage) == (Status.ROLLING, rollout.stage):
        return False
    rollout.stages.filter(number=rollout.stage).update(verdict=_kept(verdict))
    if status == Status.HALTED:
        _halt_by_gate(rollout, verdict, now)
    elif status == Status.COMPLETE:
        _complete(rollout, now)
    else:
        begin_stage(rollout, stage, now)
        record("rollout.stage_begun", rollout, actor=events.CLOCK, stage=rollout.stage, share=rollout.share)
        outbox.enqueue(topics.PUBLISH, key="repository")
    return True


def _kept(verdict: Verdict) -> dict[str, Any]:
    until = verdict.soaks_until
    return {**asdict(verdict), "soaks_until": until.isoformat() if until else None}


def _halt_by_gate(rollout: Rollout, verdict: Verdict, now: datetime) -> None:
    check(rollout, Status.HALTED)
    rollout.halted_at, rollout.halted_why, rollout.acted_by, rollout.reason = now, verdict.why, None, ""
    rollout.save(update_fields=["halted_at", "halted_why", "acted_by", "reason"])
    record(
        "rollout.halted",
        rollout,
        actor=events.CLOCK,
        why=verdict.why,
        failed=verdict.failed,
        silent=verdict.silent,
        allowed=verdict.allowed,
    )
    outbox.enqueue(topics.PUBLISH, key="repository")


def _complete(rollout: Rollout, now: datetime) -> None:
    check(rollout, Status.COMPLETE)
    rollout.completed_at = now
    rollout.save(update_fields=["completed_at"])
    record("rollout.completed", rollout, actor=events.CLOCK)


def check(rollout: Rollout, wanted: Status) -> None:
    """Raises IllegalTransition."""
    transitions.check(
        rollouts.TRANSITIONS, subject=str(rollout), current=rollout.status, wanted=wanted, labels=WORDS
    )


def record(action: str, rollout: Rollout, *, actor: events.Actor, reason: str = "", **data: Any) -> None:
    events.record(
        action,
        rollout,
        actor=actor,
        reason=reason,
        network=rollout.network_id,
        epoch=rollout.epoch.number,
        **data,
    )
