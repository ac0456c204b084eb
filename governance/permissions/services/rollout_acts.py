"""What people do about rollouts: say how lists go out, halt, resume, let everybody in, roll back, release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django.db import transaction
from django.db.models import Field

from consortium.core import clock, events, outbox
from consortium.core.errors import InvalidInput, NotAllowed, ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import Network, Node, User
from governance.permissions import rolling, rollouts, topics
from governance.permissions.errors import NothingToRollBack, NotPinned
from governance.permissions.models import Epoch, Rollout, RolloutPolicy
from governance.permissions.rollouts import Status, Urgency
from governance.permissions.services import compiling, holding
from governance.permissions.services.rollouts import begin_stage, check, record, write

_LONGEST = 30 * 24 * 3600  # seconds; a stage that is watched for longer is a list that nobody wants


def _person(actor: Actor, reason: str) -> User:
    """Who answers for it. Raises NotAllowed, ReasonRequired."""
    if not (isinstance(actor, User) and actor.is_secretariat):
        raise NotAllowed
    if not reason.strip():
        raise ReasonRequired
    return actor


# --- Policy ------------------------------------------------------------
def set_rollout_policy(
    network: Network,
    *,
    mode: str | None = None,
    canaries: Iterable[Node] | None = None,
    canary_count: int | None = None,
    waves: Sequence[int] | None = None,
    soak_seconds: int | None = None,
    silence_seconds: int | None = None,
    most_failures: int | None = None,
    most_failures_share: int | None = None,
    actor: Actor,
    reason: str,
) -> RolloutPolicy:
    """How the network's next lists go out; what is under way keeps to what it began with.

    None leaves a value as it is. Shares are in 1/10000. Raises NotAllowed, ReasonRequired, InvalidInput.
    """
    person = _person(actor, reason)
    given = {
        "mode": mode,
        "canaries": None if canaries is None else [str(node.pk) for node in canaries],
        "canary_count": canary_count,
        "waves": None if waves is None else list(waves),
        "soak_seconds": soak_seconds,
        "silence_seconds": silence_seconds,
        "most_failures": most_failures,
        "most_failures_share": most_failures_share,
    }
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        present = rolling.policy(network)
        before = {name: getattr(present, name) for name in given}
        wanted = before | {name: value for name, value in given.items() if value is not None}
        _check_values(network, wanted, canaries_given=canaries is not None)
        row, _made = RolloutPolicy.objects.update_or_create(network=network, defaults=wanted)
        events.record(
            "rollout.policy_changed",
            network,
            actor=person,
            reason=reason.strip(),
            before=before,
            after=wanted,
        )
    return row


def _check_values(network: Network, wanted: Mapping[str, Any], *, canaries_given: bool) -> None:
    if wanted["mode"] not in RolloutPolicy.Mode.values:
        raise _invalid("mode", ", ".join(RolloutPolicy.Mode.values))
    if not rollouts.is_policy(wanted["waves"]):
        raise _invalid("waves", "1 < … < 10000")
    limits = {
        "canary_count": (0, 1000),
        "soak_seconds": (0, _LONGEST),
        "silence_seconds": (1, _LONGEST),
        "most_failures": (0, 10_000),
        "most_failures_share": (0, rollouts.EVERYBODY),
    }
    for name, (least, most) in limits.items():
        if not least <= wanted[name] <= most:
            raise _invalid(name, f"{least}–{most}")
    if not canaries_given:
        return  # one that was retired since then is passed over, and is no reason to refuse the rest
    known = Node.objects.filter(network=network, pk__in=wanted["canaries"], retired_at__isnull=True)
    if known.count() != len(set(wanted["canaries"])):
        raise _invalid("canaries", str(network))


def _invalid(name: str, reason: str) -> InvalidInput:
    column = cast("Field[Any, Any]", RolloutPolicy._meta.get_field(name))
    return InvalidInput(field=str(column.verbose_name), reason=reason)


# --- One rollout ------------------------------------------------------------
def halt_rollout(rollout: Rollout, *, actor: Actor, reason: str) -> Rollout:
    """Stop at the present stage: nobody else is let in, and who is in stays in.

    A stage that was to begin, and is not published yet, has not begun. The next list stays halted, too:
    one that can't wait takes nothing of it along. What the gate has halted becomes a person's
    halt by it, which a newer list does not end. Raises NotAllowed, ReasonRequired, IllegalTransition.
    """
    person = _person(actor, reason)
    with transaction.atomic():
        row = _locked(rollout)
        if not row.was_halted_by_the_gate:
            check(row, Status.HALTED)
        _step_back(row)
        row.halted_at, row.halted_why = clock.now(), ""
        _acted(row, person, reason, "halted_at", "halted_why", "stage")
        record("rollout.halted", row, actor=person, reason=row.reason, stage=row.stage)
        outbox.enqueue(topics.PUBLISH, key="repository")
    return row


def _step_back(row: Rollout) -> None:
    """To the last stage that nodes could read of: its gate looks again when somebody resumes."""
    unread = row.stages.filter(published_at=None, number__gt=0)
    if unread.exists():
        unread.delete()
        row.stage = row.stages.latest("number").number
        row.stages.filter(number=row.stage).update(verdict={})


def resume_rollout(rollout: Rollout, *, actor: Actor, reason: str) -> Rollout:
    """Go on from the present stage. Nodes that have failed so far are not held against it any more.

    The stage is watched anew. Raises NotAllowed, ReasonRequired, IllegalTransition.
    """
    person = _person(actor, reason)
    with transaction.atomic():
        row = _locked(rollout)
        check(row, Status.ROLLING)
        row.excused = sorted({*row.excused, *_failing(row)})
        row.halted_at, row.halted_why, row.resumed_at = None, "", clock.now()
        _acted(row, person, reason, "halted_at", "halted_why", "resumed_at", "excused")
        record("rollout.resumed", row, actor=person, reason=row.reason, stage=row.stage, excused=row.excused)
        outbox.enqueue(topics.PUBLISH, key="repository")
    return row


def _failing(rollout: Rollout) -> set[str]:
    """All that has not confirmed, but for those whose time is not over."""
    fine = {rollouts.Answer.VERIFIED, rollouts.Answer.AWAITED}
    return {str(node) for node, answer in rolling.answers(rollout).items() if answer not in fine}


def finish_rollout(rollout: Rollout, *, actor: Actor, reason: str) -> Rollout:
    """Let everybody in now, past the stages that are left. Raises as :func:`halt_rollout`."""
    person = _person(actor, reason)
    with transaction.atomic():
        row = _locked(rollout)
        check(row, Status.COMPLETE)
        if row.stage < row.plan.last:
            begin_stage(row, row.plan.last, clock.now())
        _acted(row, person, reason)
        record("rollout.opened", row, actor=person, reason=row.reason, stage=row.stage)
        outbox.enqueue(topics.PUBLISH, key="repository")
    return row


def _locked(rollout: Rollout) -> Rollout:
    rows = Rollout.objects.select_for_update(of=("self",)).select_related("epoch", "former")
    return rows.get(pk=rollout.pk)


def _acted(row: Rollout, person: User, reason: str, *changed: str) -> None:
    row.acted_by, row.reason = person, reason.strip()
    row.save(update_fields=[*changed, "acted_by", "reason"])


# --- Back to an earlier list ------------------------------------------------------------
def roll_back(network: Network, *, to: int, actor: Actor, reason: str) -> Epoch:
    """A new epoch with the nodes and accounts of an earlier published one, for everybody at once.

    The network keeps it. It takes back what came since, and brings nobody back who went: one person can't
    undo what members voted, or let in a key that was taken back. The guards look at it as at any other.
    Raises NotAllowed, ReasonRequired, NothingToRollBack, NoLedger, ListMalformed.
    """
    person = _person(actor, reason)
    with transaction.atomic():
        network = Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        earlier = _earlier(network, to)
        newest = Epoch.objects.filter(network=network).latest("number")
        _end_rollout(network, person, reason)
        epoch, findings = compiling.compile_again(earlier, cause=f"rollout.rolled_back {earlier}")
        _pin(network, person, reason)
        write(epoch, earlier, rollouts.AT_ONCE, rolling.policy(network), Urgency.ROLLBACK, clock.now())
        events.record(
            "rollout.rolled_back", epoch, actor=person, reason=reason.strip(), network=network.pk,
            epoch=epoch.number, to=earlier.number, former=newest.number,
        )  # fmt: skip
        holding.hold(epoch, findings)
        outbox.enqueue(topics.PUBLISH, key="repository")
    return epoch


def _earlier(network: Network, number: int) -> Epoch:
    published = Epoch.objects.filter(network=network, published_at__isnull=False)
    newest = published.order_by("-number").first()
    found = published.filter(number=number).first()
    if found is None or newest is None or found.number >= newest.number:
        raise NothingToRollBack(network=network.pk, epoch=number)
    return found


def _end_rollout(network: Network, person: User, reason: str) -> None:
    rows = Rollout.objects.select_for_update(of=("self",)).select_related("epoch")
    for row in rows.filter(rolling.OPEN, network=network):
        check(row, Status.ROLLED_BACK)
        row.rolled_back_at = clock.now()
        _acted(row, person, reason, "rolled_back_at")
        record("rollout.ended", row, actor=person, reason=row.reason, stage=row.stage)


def _pin(network: Network, person: User, reason: str) -> None:
    RolloutPolicy.objects.update_or_create(
        network=network,
        defaults={
            "pinned_at": clock.now(),
            "pinned_by_label": person.get_username(),
            "pinned_reason": reason.strip(),
        },
    )


def release_network(network: Network, *, actor: Actor, reason: str) -> RolloutPolicy:
    """Let lists be compiled again after a rollback. Raises NotAllowed, ReasonRequired, NotPinned."""
    person = _person(actor, reason)
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        row = RolloutPolicy.objects.filter(network=network, pinned_at__isnull=False).first()
        if row is None:
            raise NotPinned(network=network.pk)
        row.pinned_at, row.pinned_by_label, row.pinned_reason = None, "", ""
        row.save(update_fields=["pinned_at", "pinned_by_label", "pinned_reason"])
        events.record("rollout.released", network, actor=person, reason=reason.strip(), network=network.pk)
        topics.want_compile(network.pk, f"rollout.released {network}")
    return row
