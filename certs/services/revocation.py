"""Revoking: final, and in every list from the next one on."""

from __future__ import annotations

from django.db import transaction

from certs import life, rules
from certs.errors import NotRevoked, ReasonNotForMembers, ReasonStands, UnknownReason
from certs.models import Certificate, Revocation, RevocationReason, Suspension
from certs.services import descent, standing
from certs.words import SECRETARIAT_REASONS
from consortium.core import clock
from consortium.core.events import Actor
from consortium.members.models import User

__all__ = ["SECRETARIAT_REASONS", "report_compromise", "revoke"]


def revoke(
    certificate: Certificate, *, reason: RevocationReason | str, comment: str = "", actor: Actor
) -> Revocation:
    """Revoke for good, and owe a new CRL at once. Members revoke their own, the secretariat any.

    No second person is asked, for no reason and at no hour: a key in other hands can't wait for office hours,
    and whoever revokes too much costs the bank a request. Such a key ends every certificate it has, and
    what it renewed by its own proof is suspended. The entry of a suspended certificate keeps its first date
    (``revoked_at`` is since when the lists say no); the event has when it was decided.

    Raises AlreadyRevoked, UnknownReason, ReasonNotForMembers, NotAllowed, NotFound.
    """
    standing.check_actor(certificate, actor)
    known = _reason(reason, actor)
    with transaction.atomic():
        compromised = known == RevocationReason.KEY_COMPROMISE
        first, *others = (
            standing.locked_with_key(certificate) if compromised else [standing.locked(certificate)]
        )
        revocation = _revoke(first, known, comment, actor)
        if compromised:
            _revoke_others(others, comment, actor)
            descent.distrust_renewals([first, *others], actor=actor)
    return revocation


def report_compromise(certificate: Certificate, *, comment: str = "", actor: Actor) -> Revocation:
    """Of a certificate revoked for another reason: its key turned out to be in other hands.

    The one change that a revocation allows (:data:`certs.life.REASON_CHANGES`); date and author stay the
    first ones. A privilege that the alliance withdrew stays withdrawn unless the secretariat says otherwise.
    Other certificates of that key are revoked, and what it renewed by its own proof is suspended.

    Raises NotRevoked, ReasonStands, ReasonNotForMembers, NotAllowed, NotFound.
    """
    standing.check_actor(certificate, actor)
    with transaction.atomic():
        first, *others = standing.locked_with_key(certificate)
        revocation = standing.revocation_of(first)
        if revocation is None:
            raise NotRevoked(serial=first.serial_id)
        _check_change(revocation, actor)
        _worsen(revocation, first, comment, actor)
        _revoke_others(others, comment, actor)
        descent.distrust_renewals([first, *others], actor=actor)
    return revocation


def _revoke(certificate: Certificate, reason: RevocationReason, comment: str, actor: Actor) -> Revocation:
    hold = standing.hold_of(certificate)
    earlier = standing.revocation_of(certificate)
    standing.check_move(certificate, life.REVOKED, revocation=earlier, hold=hold)
    revocation = _create(certificate, reason, comment, actor, hold)
    standing.announce("certificate.revoked", certificate, actor=actor, reason=comment, code=reason.value)
    return revocation


def _revoke_others(others: list[Certificate], comment: str, actor: Actor) -> None:
    """The key is lost for all of its certificates: FISCO BCOS 2 keeps it from one to the next."""
    for other in others:
        earlier = standing.revocation_of(other)
        if earlier is None:
            _revoke(other, RevocationReason.KEY_COMPROMISE, comment, actor)
        elif RevocationReason.KEY_COMPROMISE.value in life.REASON_CHANGES[earlier.reason]:
            _worsen(earlier, other, comment, actor)


def _reason(reason: RevocationReason | str, actor: Actor) -> RevocationReason:
    if reason not in RevocationReason.values:
        raise UnknownReason(reason=rules.shown(str(reason)))
    known = RevocationReason(reason)
    _check_reason(known, actor)
    return known


def _check_reason(reason: RevocationReason, actor: Actor) -> None:
    if reason in SECRETARIAT_REASONS and isinstance(actor, User) and not actor.is_secretariat:
        raise ReasonNotForMembers(reason=str(reason.label))


def _create(
    certificate: Certificate,
    reason: RevocationReason,
    comment: str,
    actor: Actor,
    hold: Suspension | None,
) -> Revocation:
    now = clock.now()
    since = hold.held_at if hold else now
    revision = standing.next_revision(certificate)
    if hold is not None:  # one entry a certificate: the revocation's takes the place of the suspension's
        hold.released_at, hold.released_by_label = now, actor.get_username()
        hold.save(update_fields=["released_at", "released_by_label"])
    return Revocation.objects.create(
        certificate=certificate,
        authority_id=certificate.authority_id,
        reason=reason,
        comment=comment,
        revoked_by_label=actor.get_username(),
        revoked_at=since,
        shard=certificate.crl_shard,
        crl_entry=standing.entry(certificate, since, reason.value),
        revision=revision,
        listed_from=hold.revision if hold else revision,
    )


def _check_change(revocation: Revocation, actor: Actor) -> None:
    before = RevocationReason(revocation.reason)
    if RevocationReason.KEY_COMPROMISE.value not in life.REASON_CHANGES[before.value]:
        raise ReasonStands(serial=revocation.certificate.serial_id, reason=str(before.label))
    _check_reason(before, actor)


def _worsen(revocation: Revocation, certificate: Certificate, comment: str, actor: Actor) -> None:
    before, reason = revocation.reason, RevocationReason.KEY_COMPROMISE
    revocation.reason = reason
    revocation.comment = comment or revocation.comment
    revocation.crl_entry = standing.entry(certificate, revocation.revoked_at, reason.value)
    revocation.revision = standing.next_revision(certificate)
    revocation.save(update_fields=["reason", "comment", "crl_entry", "revision"])
    standing.announce(
        "certificate.compromise_reported",
        certificate,
        actor=actor,
        reason=comment,
        code=reason.value,
        before=before,
    )
