"""Who may take a new list when: canaries first, then waves, each let through by a gate. Pure.

The document is what the agents read, signed with the list (``<network>/rollout.json``): each finds out by
itself, from its own node id, whether the new epoch is for it yet.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

PATH = "rollout.json"
PREVIOUS = "previous/"  # the former epoch's files, while some nodes are to stay with it
EVERYBODY = 10_000  # a share in hundredths of a percent


class Status(StrEnum):
    """Where a rollout stands. Derived from its facts by :func:`status`."""

    ROLLING = "rolling"
    HALTED = "halted"
    COMPLETE = "complete"
    SUPERSEDED = "superseded"  # a newer epoch goes out instead
    ROLLED_BACK = "rolled_back"  # a person had an earlier list published again


TRANSITIONS: Mapping[str, frozenset[str]] = {
    Status.ROLLING: frozenset({Status.HALTED, Status.COMPLETE, Status.SUPERSEDED, Status.ROLLED_BACK}),
    Status.HALTED: frozenset({Status.ROLLING, Status.SUPERSEDED, Status.ROLLED_BACK}),
    Status.COMPLETE: frozenset(),
    Status.SUPERSEDED: frozenset(),
    Status.ROLLED_BACK: frozenset({Status.SUPERSEDED}),
}


def status(
    *,
    superseded_at: datetime | None,
    rolled_back_at: datetime | None,
    completed_at: datetime | None,
    halted_at: datetime | None,
) -> Status:
    if superseded_at:
        return Status.SUPERSEDED
    if rolled_back_at:
        return Status.ROLLED_BACK
    if completed_at:
        return Status.COMPLETE
    return Status.HALTED if halted_at else Status.ROLLING


# --- the plan ------------------------------------------------------------
@dataclass(frozen=True)
class Plan:
    """The stages of one rollout: each admits the canaries and ``shares[stage]`` of all nodes."""

    canaries: tuple[str, ...]  # node ids
    shares: tuple[int, ...]  # strictly rising, the last is EVERYBODY
    salt: str

    @property
    def last(self) -> int:
        return len(self.shares) - 1


AT_ONCE = Plan((), (EVERYBODY,), "")


def nobody(salt: str) -> Plan:
    """As a rollout stands that was halted before its first stage reached anybody."""
    return Plan((), (0,), salt)


def plan(
    nodes: Collection[str],
    *,
    canaries: Iterable[str],
    canary_count: int,
    waves: Iterable[int],
    salt: str,
) -> Plan:
    """The stages for these ``nodes``: chosen canaries that are among them, filled up to ``canary_count``.

    Who fills up follows from the salt, so that it is not always the same node that goes first.
    """
    known = set(nodes)
    chosen = [node for node in dict.fromkeys(canaries) if node in known]
    others = sorted(known.difference(chosen), key=lambda node: (position(salt, node), node))
    chosen += others[: max(0, canary_count - len(chosen))]
    shares = sorted({share for share in waves if 0 < share < EVERYBODY} | {EVERYBODY})
    return Plan(tuple(sorted(chosen)), (*([0] if chosen else []), *shares), salt)


def salt(secret: str, network: str, epoch: int, content_sha256: str) -> str:
    """Hex, the same at each attempt to publish the epoch: a node once let in is not sent away again.

    Members write some of a list's content. Without the secret one could try what puts its node first.
    """
    said = f"rollout salt {network} {epoch} {content_sha256}"
    return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()[:32]


def position(salt: str, node: str) -> int:
    """Where in 0..9999 the node stands in the row of those who wait."""
    return int(hashlib.sha256((salt + node).encode()).hexdigest()[:8], 16) % EVERYBODY


class Urgency(StrEnum):
    """Why an epoch goes to everybody at once in spite of the policy."""

    FIRST = "first"  # nobody has a list that could be kept meanwhile
    COMPROMISE = "compromise"  # it takes away a node or a certificate whose key is not its own any more
    FREEZE = "freeze"  # the guardians froze a node
    ROLLBACK = "rollback"


AT_ALL_TIMES = frozenset({Urgency.COMPROMISE, Urgency.FREEZE})  # these heed no halt, and leave it as it is

# --- the document ------------------------------------------------------------
Document = Mapping[str, Any]


def document(network: str, epoch: int, former: int, plan: Plan, stage: int, *, halted: bool) -> Document:
    return {
        "network": network,
        "epoch": epoch,
        "from": former,
        "canaries": list(plan.canaries),
        "share": plan.shares[stage],
        "salt": plan.salt,
        "halted": halted,
    }


def as_bytes(document: Document) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()


def admits(document: Document, node: uuid.UUID | str) -> bool:
    """May the node take the document's epoch? Else it stays with the former one."""
    name = str(node)
    if document["share"] >= EVERYBODY or name in document["canaries"]:
        return True
    return position(document["salt"], name) < document["share"]


def admitted(document: Document, nodes: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    return [node for node in nodes if admits(document, node)]


def stage_of(plan: Plan, node: uuid.UUID | str) -> int:
    """The first stage that lets the node in."""
    name = str(node)
    if name in plan.canaries:
        return 0
    place = position(plan.salt, name)
    return next(stage for stage, share in enumerate(plan.shares) if place < share)


# --- the gate ------------------------------------------------------------
class Answer(StrEnum):
    """What an admitted node made of the epoch."""

    VERIFIED = "verified"  # in force, as it was signed
    FAILED = "failed"  # refused it, or has something else in force
    SILENT = "silent"  # had the former list, and says nothing for too long
    AWAITED = "awaited"
    UNREACHABLE = "unreachable"  # lacked the former list already: it proves nothing either way
    EXCUSED = "excused"  # a person went on in spite of it


@dataclass(frozen=True)
class NodeFacts:
    """What is known of one admitted node; epochs are numbers, 0 for none."""

    applied: int
    failed: bool
    admitted_at: datetime
    excused: bool = False


def answer(facts: NodeFacts, *, epoch: int, former: int, silence: timedelta, now: datetime) -> Answer:
    if facts.applied >= epoch and not facts.failed:
        return Answer.VERIFIED
    if facts.excused:
        return Answer.EXCUSED
    if facts.failed:
        return Answer.FAILED
    if facts.applied < former:
        return Answer.UNREACHABLE
    return Answer.AWAITED if now - facts.admitted_at < silence else Answer.SILENT


class Decision(StrEnum):
    NEXT = "next"
    WAIT = "wait"
    HALT = "halt"


class Why(StrEnum):
    """The gate's reason, in the order in which it is looked for."""

    NOT_PUBLISHED = "not_published"  # the stage is not signed yet
    TOO_MANY_FAILED = "too_many_failed"
    AWAITED = "awaited"
    SOAKING = "soaking"
    NOBODY = "nobody"  # there were nodes to ask, and none of them has confirmed
    PASSED = "passed"


@dataclass(frozen=True)
class Limits:
    """``most`` failures are borne, or ``most_share`` (in 1/10000) of the nodes that answer: what is more."""

    soak: timedelta
    silence: timedelta
    most: int = 0
    most_share: int = 0

    def allowed(self, asked: int) -> int:
        return max(self.most, asked * self.most_share // EVERYBODY)


@dataclass(frozen=True)
class Verdict:
    decision: Decision
    why: Why
    verified: int = 0
    failed: int = 0
    silent: int = 0
    awaited: int = 0
    unreachable: int = 0
    excused: int = 0
    allowed: int = 0
    soaks_until: datetime | None = None


def gate(
    answers: Iterable[Answer], limits: Limits, *, since: datetime | None, alone: bool, now: datetime
) -> Verdict:
    """May the next stage begin?

    ``since``: when this stage reached the nodes (or a person resumed), None while it is not published.
    ``alone``: did this stage let in nobody new? Then there is nothing to soak.
    """
    if since is None:
        return Verdict(Decision.WAIT, Why.NOT_PUBLISHED)
    found = dict.fromkeys(Answer, 0)
    for each in answers:
        found[each] += 1
    bad = found[Answer.FAILED] + found[Answer.SILENT]
    asked = bad + found[Answer.VERIFIED] + found[Answer.AWAITED]
    soaks_until = since if alone else since + limits.soak
    decision, why = _decide(found, bad > limits.allowed(asked), soaks_until, since + limits.silence, now)
    return Verdict(
        decision,
        why,
        verified=found[Answer.VERIFIED],
        failed=found[Answer.FAILED],
        silent=found[Answer.SILENT],
        awaited=found[Answer.AWAITED],
        unreachable=found[Answer.UNREACHABLE],
        excused=found[Answer.EXCUSED],
        allowed=limits.allowed(asked),
        soaks_until=soaks_until,
    )


def _decide(
    found: Mapping[Answer, int], too_many: bool, soaks_until: datetime, patience: datetime, now: datetime
) -> tuple[Decision, Why]:
    if too_many:
        return Decision.HALT, Why.TOO_MANY_FAILED
    if found[Answer.AWAITED]:
        return Decision.WAIT, Why.AWAITED
    if found[Answer.UNREACHABLE] and not found[Answer.VERIFIED] and not found[Answer.EXCUSED]:
        # Going on by nobody's word would let a bad list through exactly where nobody watches.
        return (Decision.WAIT if now < patience else Decision.HALT), Why.NOBODY
    if now < soaks_until:
        return Decision.WAIT, Why.SOAKING
    return Decision.NEXT, Why.PASSED


def step(plan: Plan, stage: int, verdict: Verdict) -> tuple[Status, int]:
    """What a rollout under way becomes by the gate's verdict: its status, and its stage."""
    if verdict.decision == Decision.HALT:
        return Status.HALTED, stage
    if verdict.decision == Decision.WAIT:
        return Status.ROLLING, stage
    return (Status.COMPLETE, stage) if stage >= plan.last else (Status.ROLLING, stage + 1)


def is_policy(waves: Sequence[int]) -> bool:
    """Do the shares rise, and end with everybody?"""
    rising = all(a < b for a, b in pairwise(waves))
    return bool(waves) and waves[0] > 0 and rising and waves[-1] == EVERYBODY
