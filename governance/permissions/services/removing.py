"""Ordering that a node leaves, and doing last what comes last."""

from __future__ import annotations

import logging

from django.db import transaction

from certs import services as certificates
from certs.choices import RevocationReason
from certs.errors import AlreadyRevoked, UnknownReason
from certs.models import Certificate
from consortium.core import clock, events
from consortium.core.errors import ConsoleError, NotAllowed, ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import Institution, Node, User
from governance.permissions import removal, removals
from governance.permissions.errors import OutOfOrder, RemovalOver, RemovalUnderWay
from governance.permissions.models import Removal

logger = logging.getLogger(__name__)


def order_removal(
    node: Node,
    *,
    actor: Actor,
    reason: str,
    revocation_reason: RevocationReason | str = RevocationReason.CESSATION_OF_OPERATION,
) -> Removal:
    """Have a node leave in order; with ``keyCompromise`` at once, its certificates first.

    A planned removal that is under way gives way to that. Raises NotAllowed, ReasonRequired, RemovalUnderWay,
    and what revoking raises.
    """
    person = _person(actor)
    if not reason.strip():
        raise ReasonRequired
    if revocation_reason not in RevocationReason.values:
        raise UnknownReason(reason=str(revocation_reason))
    known = RevocationReason(revocation_reason)
    with transaction.atomic():
        node = Node.objects.select_for_update(no_key=True).select_related("institution").get(pk=node.pk)
        _give_way(node, known, person)
        row = Removal.objects.create(
            node=node,
            revocation_reason=known,
            reason=reason.strip(),
            ordered_by=person,
            ordered_by_label=person.get_username(),
            ordered_at=clock.now(),
        )
        _record("removal.ordered", row, actor=person, reason=row.reason, because=known.value)
        if row.is_compromised:
            _revoke(row, person)
    return row


def order_removals(
    institution: Institution,
    *,
    actor: Actor,
    reason: str,
    revocation_reason: RevocationReason | str = RevocationReason.PRIVILEGE_WITHDRAWN,
) -> list[Removal]:
    """Likewise of all nodes of a member that is expelled: those in service that are not on their way yet."""
    nodes = Node.objects.filter(institution=institution, retired_at__isnull=True)
    waiting = nodes.exclude(pk__in=removals.unfinished().values("node")).order_by("network", "name")
    with transaction.atomic():
        return [
            order_removal(node, actor=actor, reason=reason, revocation_reason=revocation_reason)
            for node in waiting
        ]


def withdraw_removal(row: Removal, *, actor: Actor, reason: str) -> Removal:
    """The node stays, and what has happened already is not undone.

    Raises NotAllowed, ReasonRequired, RemovalOver.
    """
    person = _person(actor)
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        row = _locked(row)
        row.withdrawn_at = clock.now()
        row.save(update_fields=["withdrawn_at"])
        _record("removal.withdrawn", row, actor=person, reason=reason.strip())
    return row


def finish_removal(row: Removal, *, actor: Actor, reason: str) -> Removal:
    """Revoke now, whichever nodes have still not applied the list without it: they may be off for good.

    Raises NotAllowed, ReasonRequired, RemovalOver, OutOfOrder where it seals or is listed still.
    """
    person = _person(actor)
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        row = _locked(row)
        first = removal.blocks_revocation(removals.facts(row))
        if first is not None and first.name is not removal.Name.APPLIED:
            raise OutOfOrder(node=str(row.node), step=removals.STEPS[first.name])
        missing = list(first.missing) if first else []
        _record("removal.hastened", row, actor=person, reason=reason.strip(), missing=missing)
        _revoke(row, person)
        _complete(row)
    return row


def advance_removals() -> int:
    """Revoke where that is the step whose turn has come, and close what is done; how many were moved on.

    In the name of who ordered it: that person decided, the console only waited for them. One removal's
    trouble is not another's.
    """
    moved = 0
    for found in removals.unfinished():
        try:
            moved += _advance(found)
        except ConsoleError:
            logger.exception("removal of %s does not go on", found)
    return moved


def _advance(found: Removal) -> bool:
    with transaction.atomic():
        Node.objects.select_for_update(no_key=True).get(pk=found.node_id)
        row = removals.unfinished().filter(pk=found.pk).first()
        if row is None:
            return False
        step = removal.due(removals.steps(row))
        if step is not None and step.waits_for is removal.Wait.CONSOLE:
            _revoke(row, row.ordered_by)
            step = removal.due(removals.steps(row))
        return _complete(row) if step is None else False


def _complete(row: Removal) -> bool:
    """Is nothing left to do? Then keep when that was."""
    known = removals.facts(row)
    if removal.due(removal.steps(known)) is not None and (row.is_compromised or known.has_certificate):
        return False
    row.completed_at = clock.now()
    row.save(update_fields=["completed_at"])
    _record("removal.completed", row, actor=events.CLOCK)
    return True


def _revoke(row: Removal, person: User) -> None:
    """All that could still be used of it."""
    valid = Certificate.objects.filter(
        node=row.node, revocation__isnull=True, not_after__gte=clock.now()
    ).order_by("issued_at")
    for certificate in valid:
        try:
            certificates.revoke(certificate, reason=row.revocation_reason, comment=row.reason, actor=person)
        except AlreadyRevoked:  # with the one before it: they share a key that is in other hands
            continue


def _person(actor: Actor) -> User:
    if not (isinstance(actor, User) and actor.is_secretariat):
        raise NotAllowed
    return actor


def _give_way(node: Node, wanted: RevocationReason, person: User) -> None:
    row = Removal.objects.filter(node=node, completed_at__isnull=True, withdrawn_at__isnull=True).first()
    if row is None:
        return
    if row.is_compromised or wanted != RevocationReason.KEY_COMPROMISE:
        raise RemovalUnderWay(node=str(node))
    row.withdrawn_at = clock.now()
    row.save(update_fields=["withdrawn_at"])
    _record("removal.withdrawn", row, actor=person, reason=wanted.value)


def _locked(row: Removal) -> Removal:
    Node.objects.select_for_update(no_key=True).get(pk=row.node_id)
    found = removals.unfinished().filter(pk=row.pk).first()
    if found is None:
        raise RemovalOver(node=str(row.node))
    return found


def _record(action: str, row: Removal, *, actor: Actor, reason: str = "", **data: object) -> None:
    events.record(
        action,
        row,
        actor=actor,
        reason=reason,
        institution_id=row.node.institution_id,
        node_id=row.node_id,
        network=row.node.network_id,
        **data,
    )
