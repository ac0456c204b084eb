"""What somebody wants the committee to decide, and whose turn it is.

The chain has room for one open proposal of a type and resource; of type 51 that is one at all. What else is
wished waits here, first come first served, and is offered to the governors when its turn comes. Where one of
them has signed ahead, the console sends that then.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.core import clock, events, outbox
from consortium.core.errors import ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import Institution, Node
from consortium.members.permissions import require_secretariat
from governance.chain.ledgers import steps, topics
from governance.chain.ledgers.base import Action
from governance.chain.ledgers.committee import CommitteeLedger, checked
from governance.chain.ledgers.errors import InvalidAction, LedgerCannot, WishClosed
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeTransaction,
    CommitteeWish,
    GovernedLedger,
    LedgerNode,
)
from governance.contracts import fisco

QUEUE = events.AutomaticActor("committee queue")
TxStatus = CommitteeTransaction.Status


class WishState(Enum):
    """Derived; see :func:`state`."""

    WAITING = "waiting"  # others are before it, or its first step is not done
    READY = "ready"  # a governor may sign it now
    SENT = "sent"
    OPEN = "open"
    APPLIED = "applied"
    PASSED = "passed"  # and nobody can tell whether it was applied
    FAILED = "failed"  # denied, revoked, outdated, or passed and not applied: wish for it anew
    BLOCKED = "blocked"  # the step before it failed
    CANCELLED = "cancelled"


LABELS: dict[WishState, str | Promise] = {
    WishState.WAITING: _("waiting for its turn"),
    WishState.READY: _("ready to be signed by a governor"),
    WishState.SENT: _("signed and sent"),
    WishState.OPEN: _("being voted on"),
    WishState.APPLIED: _("passed and applied"),
    WishState.PASSED: _("passed"),
    WishState.FAILED: _("did not come about"),
    WishState.BLOCKED: _("blocked: the step before it did not come about"),
    WishState.CANCELLED: _("cancelled"),
}


# --- Wishing --------------------------------------------------------------------------------------------
def wish(
    ledger: GovernedLedger,
    actions: Sequence[Action],
    *,
    actor: Actor,
    reason: str,
    interval: int = fisco.DEFAULT_INTERVAL,
    institution: Institution | None = None,
    node_id: uuid.UUID | None = None,
    after: CommitteeWish | None = None,
) -> list[CommitteeWish]:
    """Queue one or more steps, each after the one before, the first after ``after``.

    ``interval``: blocks that each may be voted on, from the one that it is opened in.

    Raises NotAllowed, ReasonRequired, LedgerCannot, InvalidAction, WeightsTooLarge.
    """
    require_secretariat(actor)
    if not reason.strip():
        raise ReasonRequired
    _check_ledger(ledger)
    if not 1 <= interval < 2**62:
        raise InvalidAction(reason=_("a vote takes between 1 and 2^62 blocks"))
    contents = [checked(action) for action in actions]
    if not contents:
        raise InvalidAction(reason=_("it is so already"))
    committee = CommitteeLedger(ledger)
    manager = committee.addresses().proposals
    for type_, arguments in contents:
        if type_ == 11:
            committee.check_weights(arguments["account"], arguments["weight"])
    made: list[CommitteeWish] = []
    with transaction.atomic():
        locked(ledger)
        for type_, arguments in contents:
            row = CommitteeWish.objects.create(
                ledger=ledger,
                type=type_,
                arguments=arguments,
                resource=fisco.resource(type_, arguments, manager),
                interval=interval,
                after=made[-1] if made else after,
                reason=reason.strip(),
                institution=institution,
                node_id=node_id,
                created_at=clock.now(),
                created_by=actor.get_username(),
            )
            _record("committee.wished", row, actor=actor, reason=row.reason)
            made.append(row)
        _advance(ledger)
    for row in made:
        row.refresh_from_db()
    return made


def wish_node_role(
    ledger: GovernedLedger,
    *,
    consensus_id: str,
    role: int,
    actor: Actor,
    reason: str,
    weight: int | None = None,
    interval: int = fisco.DEFAULT_INTERVAL,
    institution: Institution | None = None,
    node_id: uuid.UUID | None = None,
) -> list[CommitteeWish]:
    """A node's role on this ledger, as proposals of types 51 and 52: 0 none, 1 observer, 2 sealer.

    ``weight`` is a sealer's; without one a sealer keeps its own, and a new one has 1.
    """
    current = role_of(ledger, consensus_id)
    node = Node.objects.filter(pk=node_id).first() if node_id else None
    if node is not None and ledger.network_id not in {None, node.network_id}:
        raise InvalidAction(reason=_("the node belongs to another network"))
    actions = steps.for_node(consensus_id, current=current, wanted=role, weight=weight or 1)
    if role == current == steps.SEALER and weight not in {None, _weight(ledger, consensus_id)}:
        actions = steps.for_weight(consensus_id, weight or 1)
    first = _wished(ledger, actions[0]) if len(actions) > 1 else None
    if first is not None:
        actions = actions[1:]  # somebody wished for that step before
    return wish(
        ledger,
        actions,
        after=first,
        actor=actor,
        reason=reason,
        interval=interval,
        institution=institution,
        node_id=node_id,
    )


def role_of(ledger: GovernedLedger, consensus_id: str) -> int | None:
    """A node's role as the ledger itself lists it; None where nobody has been able to read its lists."""
    known = LedgerNode.objects.filter(ledger=ledger, consensus_id=consensus_id).first()
    if known is not None:
        return known.role
    return steps.NONE if LedgerNode.objects.filter(ledger=ledger).exists() else None


def wish_account_permission(
    ledger: GovernedLedger,
    *,
    account: str,
    permission: int,
    actor: Actor,
    reason: str,
    interval: int = fisco.DEFAULT_INTERVAL,
    institution: Institution | None = None,
) -> list[CommitteeWish]:
    """An account's permission, as proposals of types 21 and 22: 0 none, 1 may transact, 2 may deploy.

    The committee decides about deploying alone, so 0 and 1 come to the same.
    """
    _check_ledger(ledger)
    deploy_type = CommitteeLedger(ledger).deploy_type()
    actions = steps.for_account(account, permission=permission, deploy_type=deploy_type)
    first = _wished(ledger, actions[0], also_done=True) if len(actions) > 1 else None
    if first is not None:
        actions = actions[1:]  # somebody wished for the list before
    return wish(
        ledger, actions, actor=actor, reason=reason, interval=interval, institution=institution, after=first
    )


def cancel(row: CommitteeWish, *, actor: Actor, reason: str) -> CommitteeWish:
    """Take a wish back that is not on the ledger. What was signed ahead for it is never sent.

    Raises NotAllowed, ReasonRequired, WishClosed.
    """
    require_secretariat(actor)
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        ledger = locked(row.ledger)
        row = CommitteeWish.objects.select_for_update().get(pk=row.pk)
        current = state(row)
        if current not in {WishState.WAITING, WishState.READY, WishState.BLOCKED}:
            raise WishClosed(state=str(LABELS[current]))
        row.cancelled_at = clock.now()
        row.save(update_fields=["cancelled_at"])
        held = row.transactions.filter(status=TxStatus.HELD)
        held.update(status=TxStatus.WITHDRAWN, settled_at=clock.now())
        _record("committee.wish_cancelled", row, actor=actor, reason=reason.strip())
        _advance(ledger)
    return row


# --- Whose turn it is -----------------------------------------------------------------------------------
def advance(ledger: GovernedLedger) -> None:
    """Link wishes with their proposals, and offer the next ones. The chain worker calls it after indexing."""
    with transaction.atomic():
        locked(ledger)
        _link(ledger)
        _advance(ledger)


def state(row: CommitteeWish) -> WishState:
    """Where a wish stands, from what is stored."""
    return states([row])[row.pk]


def states(rows: Sequence[CommitteeWish]) -> dict[int, WishState]:
    """As :func:`state`, of many by their keys, without queries for each."""
    known = _with_earlier_steps(rows)
    sent = CommitteeTransaction.objects.filter(
        wish__in=known, status__in=[TxStatus.SIGNED, TxStatus.MINED]
    ).values_list("wish_id", flat=True)
    proposals = CommitteeProposal.objects.filter(
        ledger__in={row.ledger_id for row in known.values()},
        number__in=[row.number for row in known.values() if row.number is not None],
    )
    facts = _Facts(known, set(sent), {(each.ledger_id, each.number): each for each in proposals})
    return {row.pk: facts.state(row) for row in rows}


@dataclass(frozen=True, slots=True)
class _Facts:
    """What wishes' states follow from: wishes by key, which were sent, proposals by ledger and number."""

    wishes: dict[int, CommitteeWish]
    sent: set[int | None]
    proposals: dict[tuple[str, int], CommitteeProposal]

    def state(self, row: CommitteeWish) -> WishState:
        if row.cancelled_at is not None:
            return WishState.CANCELLED
        if row.number is not None:
            return _state_of_proposal(self.proposals.get((row.ledger_id, row.number)))
        if row.pk in self.sent:
            return WishState.SENT
        if row.after_id is not None:
            before = self.state(self.wishes[row.after_id])
            if before in {WishState.FAILED, WishState.BLOCKED, WishState.CANCELLED}:
                return WishState.BLOCKED
            if before is not WishState.APPLIED:
                return WishState.WAITING
        return WishState.READY if row.offered_at is not None else WishState.WAITING


def _with_earlier_steps(rows: Sequence[CommitteeWish]) -> dict[int, CommitteeWish]:
    """By key, with those that they come after: a query a step, and a wish has two or three."""
    known = {row.pk: row for row in rows}
    while earlier := {row.after_id for row in known.values() if row.after_id is not None} - known.keys():
        known |= CommitteeWish.objects.in_bulk(list(earlier))
    return known


def locked(ledger: GovernedLedger) -> GovernedLedger:
    """The ledger's row, locked: one change of its queue and numbers at a time."""
    return GovernedLedger.objects.select_for_update(no_key=True).get(pk=ledger.pk)


def _link(ledger: GovernedLedger) -> None:
    """A wish whose transaction made a proposal is that proposal; after a reorganisation it is none."""
    numbers = dict(
        CommitteeProposal.objects.filter(ledger=ledger)
        .exclude(created_tx="")
        .values_list("created_tx", "number")
    )
    for row in CommitteeWish.objects.filter(ledger=ledger, cancelled_at=None):
        found = next(
            (numbers[sent] for sent in row.transactions.values_list("tx_hash", flat=True) if sent in numbers),
            None,
        )
        if found != row.number:
            row.number = found
            row.save(update_fields=["number"])


def _advance(ledger: GovernedLedger) -> None:
    """Offer the first wish of each type and resource that the chain has room for."""
    taken = set(
        CommitteeProposal.objects.filter(ledger=ledger, status=fisco.OPEN).values_list("type", "resource")
    )
    for row in CommitteeWish.objects.filter(ledger=ledger, cancelled_at=None, number=None).order_by("id"):
        key = (row.type, row.resource)
        current = state(row)
        if current is WishState.BLOCKED or key in taken:
            continue
        if current is WishState.WAITING and _first_step_done(row):
            row.offered_at = clock.now()
            row.save(update_fields=["offered_at"])
            _record("committee.wish_offered", row, actor=QUEUE)
            current = WishState.READY
        if current is WishState.READY:
            release(row)
        if current is not WishState.WAITING:
            taken.add(key)


def release(row: CommitteeWish) -> None:
    """Send what was signed ahead for a wish whose turn it is."""
    held = row.transactions.filter(status=TxStatus.HELD).order_by("nonce").first()
    if held is not None:
        held.status = TxStatus.SIGNED
        held.save(update_fields=["status"])
        outbox.enqueue(topics.SEND, key=str(held.pk), payload={"transaction": held.pk})


def _first_step_done(row: CommitteeWish) -> bool:
    return row.after is None or state(row.after) is WishState.APPLIED


def _state_of_proposal(found: CommitteeProposal | None) -> WishState:
    if found is None or found.status == fisco.OPEN:
        return WishState.OPEN
    if found.status != fisco.PASSED or found.applied is False:
        return WishState.FAILED
    return WishState.APPLIED if found.applied else WishState.PASSED


def _wished(ledger: GovernedLedger, action: Action, *, also_done: bool = False) -> CommitteeWish | None:
    """The newest wish for that very step that may still come about, or (``also_done``) has."""
    type_, arguments = checked(action)
    wanted = CommitteeWish.objects.filter(ledger=ledger, type=type_, arguments=arguments, cancelled_at=None)
    out = {WishState.FAILED, WishState.BLOCKED, *(() if also_done else (WishState.APPLIED,))}
    return next((row for row in wanted.order_by("-id") if state(row) not in out), None)


def _weight(ledger: GovernedLedger, consensus_id: str) -> int | None:
    """A sealer's weight as the ledger lists it."""
    rows = LedgerNode.objects.filter(ledger=ledger, consensus_id=consensus_id)
    return rows.values_list("weight", flat=True).first()


def _check_ledger(ledger: GovernedLedger) -> None:
    if ledger.kind != GovernedLedger.Kind.COMMITTEE:
        raise LedgerCannot(ledger=ledger.slug, what=str(_("it has no committee")))


def _record(action: str, row: CommitteeWish, *, actor: Actor, reason: str = "") -> None:
    events.record(
        action,
        row,
        actor=actor,
        reason=reason,
        institution_id=row.institution_id,
        node_id=row.node_id,
        ledger=row.ledger_id,
        type=row.type,
        arguments=row.arguments,
    )
