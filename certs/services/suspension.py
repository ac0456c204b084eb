"""Suspending (RFC 5280 certificateHold) and releasing: the one entry of a list that can be taken back."""

from __future__ import annotations

from django.db import transaction

from certs import life
from certs.errors import HeldBySecretariat
from certs.models import Certificate, Suspension
from certs.services import standing
from certs.status.entries import HOLD
from consortium.core import clock
from consortium.core.errors import ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import User


def suspend(certificate: Certificate, *, comment: str = "", actor: Actor) -> Suspension:
    """Take the certificate out of force until it is released or revoked. Members their own, at any hour.

    Lists and status answers say "on hold", the gateway refuses it, its node leaves the permission list.
    Raises AlreadyRevoked, IllegalTransition (suspended already, or run out), NotAllowed, NotFound.
    """
    standing.check_actor(certificate, actor)
    with transaction.atomic():
        certificate = standing.locked(certificate)
        earlier, hold = standing.revocation_of(certificate), standing.hold_of(certificate)
        standing.check_move(certificate, life.SUSPENDED, revocation=earlier, hold=hold)
        return put_on_hold(certificate, comment=comment, actor=actor)


def put_on_hold(certificate: Certificate, *, comment: str, actor: Actor) -> Suspension:
    """Suspend what is valid and locked: in the caller's transaction, after its guards."""
    now = clock.now()
    suspension = Suspension.objects.create(
        certificate=certificate,
        authority_id=certificate.authority_id,
        comment=comment,
        held_by_label=actor.get_username(),
        held_by_secretariat=not _is_member(actor),
        held_at=now,
        shard=certificate.crl_shard,
        crl_entry=standing.entry(certificate, now, HOLD),
        revision=standing.next_revision(certificate),
    )
    standing.announce("certificate.suspended", certificate, actor=actor, reason=comment)
    return suspension


def release(certificate: Certificate, *, comment: str, actor: Actor) -> Suspension:
    """End the suspension: the next list no longer has it, its node comes back on the permission list.

    A member releases what it suspended itself; what the secretariat suspended, the secretariat releases.
    Raises ReasonRequired, HeldBySecretariat, AlreadyRevoked, IllegalTransition, NotAllowed, NotFound.
    """
    standing.check_actor(certificate, actor)
    if not comment.strip():
        raise ReasonRequired
    with transaction.atomic():
        certificate = standing.locked(certificate)
        earlier, hold = standing.revocation_of(certificate), standing.hold_of(certificate)
        standing.check_move(certificate, life.VALID, revocation=earlier, hold=hold)
        suspension = _release(hold, certificate, actor)
        standing.announce("certificate.released", certificate, actor=actor, reason=comment)
    return suspension


def _release(hold: Suspension | None, certificate: Certificate, actor: Actor) -> Suspension:
    assert hold is not None  # noqa: S101  the table lets nothing but a suspended one become valid
    if hold.held_by_secretariat and _is_member(actor):
        raise HeldBySecretariat
    hold.released_at, hold.released_by_label = clock.now(), actor.get_username()
    hold.revision = standing.next_revision(certificate)
    hold.save(update_fields=["released_at", "released_by_label", "revision"])
    return hold


def _is_member(actor: Actor) -> bool:
    return isinstance(actor, User) and actor.is_member
