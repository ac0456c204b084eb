"""Revoking: final, and in every list from the next one on."""

from __future__ import annotations

from django.db import transaction

from certs import rules, topics
from certs.errors import AlreadyRevoked, ReasonNotForMembers, UnknownReason
from certs.models import Certificate, Revocation, RevocationReason
from consortium.core import clock, events, outbox
from consortium.core.events import Actor
from consortium.members.models import User
from consortium.members.permissions import require_officer_or_secretariat, require_secretariat

SECRETARIAT_REASONS = frozenset({RevocationReason.PRIVILEGE_WITHDRAWN})


def revoke(
    certificate: Certificate, *, reason: RevocationReason | str, comment: str = "", actor: Actor
) -> Revocation:
    """Revoke for good, and owe a new CRL at once. Members revoke their own, the secretariat any.

    Raises AlreadyRevoked, UnknownReason, ReasonNotForMembers, NotAllowed, NotFound.
    """
    if certificate.institution is None:  # of a service of the console
        require_secretariat(actor)
    else:
        require_officer_or_secretariat(actor, certificate.institution)
    known = _reason(reason, actor)
    with transaction.atomic():
        locked = Certificate.objects.select_for_update(of=("self",)).select_related("node")
        certificate = locked.get(pk=certificate.pk)
        earlier = Revocation.objects.filter(certificate=certificate).first()
        if earlier is not None:
            raise AlreadyRevoked(
                serial=certificate.serial_id, at=earlier.revoked_at.isoformat("T", "seconds")
            )
        revocation = Revocation.objects.create(
            certificate=certificate,
            authority_id=certificate.authority_id,
            reason=known,
            comment=comment,
            revoked_by_label=actor.get_username(),
            revoked_at=clock.now(),
        )
        _record_revocation(revocation, actor)
        authority = str(certificate.authority_id)
        outbox.enqueue(topics.PUBLISH_CRL, key=authority, payload={"authority": authority})
    return revocation


def _reason(reason: RevocationReason | str, actor: Actor) -> RevocationReason:
    if reason not in RevocationReason.values:
        raise UnknownReason(reason=rules.shown(str(reason)))
    known = RevocationReason(reason)
    if known in SECRETARIAT_REASONS and isinstance(actor, User) and not actor.is_secretariat:
        raise ReasonNotForMembers(reason=str(known.label))
    return known


def _record_revocation(revocation: Revocation, actor: Actor) -> None:
    certificate = revocation.certificate
    events.record(
        "certificate.revoked",
        certificate,
        actor=actor,
        reason=revocation.comment,
        institution_id=certificate.institution_id,
        node_id=certificate.node_id,
        network=certificate.node.network_id if certificate.node else None,
        serial=certificate.serial_id,
        code=revocation.reason,
    )
