"""What revoking, suspending and releasing have in common: the lock, the guard, the order, the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from certs import life, topics
from certs.errors import AlreadyRevoked
from certs.models import Authority, Certificate, Revocation, Suspension
from certs.status.entries import encode
from certs.words import STATES
from consortium.core import clock, events, outbox, transitions
from consortium.core.events import Actor
from consortium.members.permissions import require_officer_or_secretariat, require_secretariat


def check_actor(certificate: Certificate, actor: Actor) -> None:
    """Officers of its institution and the secretariat; the console's own, the secretariat alone.

    Raises NotAllowed, NotFound.
    """
    if certificate.institution is None:  # of a service of the console
        require_secretariat(actor)
    else:
        require_officer_or_secretariat(actor, certificate.institution)


def locked(certificate: Certificate) -> Certificate:
    """The row under lock: whoever changes its standing waits here for whoever is at it."""
    return _for_update().get(pk=certificate.pk)


def locked_with_key(certificate: Certificate) -> list[Certificate]:
    """It and, after it, all others of the same key; always locked in one order, so nobody waits in a ring."""
    rows = list(_for_update().filter(spki_sha256=certificate.spki_sha256).order_by("pk"))
    return sorted(rows, key=lambda row: row.pk != certificate.pk)


def _for_update() -> QuerySet[Certificate]:
    return Certificate.objects.select_for_update(of=("self",)).select_related("node")


def revocation_of(certificate: Certificate) -> Revocation | None:
    return Revocation.objects.filter(certificate=certificate).first()


def hold_of(certificate: Certificate) -> Suspension | None:
    """The suspension that is in force."""
    return Suspension.objects.filter(certificate=certificate, released_at__isnull=True).first()


def state(certificate: Certificate) -> str:
    """One of :data:`certs.life.STATES`, as the rows say it now: for a certificate under lock."""
    revoked = revocation_of(certificate) is not None
    held = hold_of(certificate) is not None
    return life.state(clock.now(), certificate.not_after, revoked=revoked, held=held)


def check_move(
    certificate: Certificate, wanted: str, *, revocation: Revocation | None, hold: Suspension | None
) -> None:
    """May ``wanted`` follow its state? Raises AlreadyRevoked, IllegalTransition."""
    if revocation is not None:
        at = revocation.revoked_at.isoformat("T", "seconds")
        raise AlreadyRevoked(serial=certificate.serial_id, at=at)
    current = life.state(clock.now(), certificate.not_after, revoked=False, held=hold is not None)
    transitions.check(
        life.TRANSITIONS,
        subject=certificate.serial_id,
        current=current,
        wanted=wanted,
        labels=STATES,
    )


def next_revision(certificate: Certificate) -> int:
    """The authority's next revision. Its row stays locked to the end of the transaction.

    So revisions commit in their order: a list that was signed at one has everything up to it.
    """
    row = Authority.objects.filter(pk=certificate.authority_id)
    row.update(revision=F("revision") + 1)
    return row.values_list("revision", flat=True).get()


def entry(certificate: Certificate, at: datetime, reason: str) -> bytes:
    """The certificate's entry in every list, DER."""
    return encode(int(certificate.serial_id, 16), at, reason)


def announce(action: str, certificate: Certificate, *, actor: Actor, reason: str = "", **data: Any) -> None:
    """Record the event and owe new lists, in the change's own transaction."""
    events.record(
        action,
        certificate,
        actor=actor,
        reason=reason,
        institution_id=certificate.institution_id,
        node_id=certificate.node_id,
        network=certificate.node.network_id if certificate.node else None,
        serial=certificate.serial_id,
        **data,
    )
    authority = str(certificate.authority_id)
    outbox.enqueue(topics.PUBLISH_CRL, key=authority, payload={"authority": authority})
