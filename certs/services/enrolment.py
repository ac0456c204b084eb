"""Enrolling without a person at the node: a one-time secret first, the node's own certificate afterwards.

The secret replaces the officer's sign-in, never the approval: a second person still decides. It is good for
one key: what comes first binds it, and from then on it fetches that request's certificate and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from certs import gate, rules
from certs.errors import (
    KeySeenBefore,
    RequestAlreadyOpen,
    RequestRejected,
    SecretExpired,
    SecretSpent,
    SecretWithdrawn,
    WrongSecret,
)
from certs.models import Certificate, CertificateRequest, Enrolment
from certs.profiles import NODE
from certs.services import admission
from certs.services.admission import Subject
from certs.services.requests import record_refusal, submit_request
from consortium.core import clock, events
from consortium.core.errors import ConsoleError, IllegalTransition, NotAllowed
from consortium.core.events import Actor, AutomaticActor
from consortium.core.models import Event
from consortium.members.models import Node, User
from consortium.members.permissions import require_officer_or_secretariat

SECRET_PERIOD = timedelta(days=3)  # over a weekend; used or not, approval may take longer
_SECRET_BYTES = 32
_SAID_AGAIN = timedelta(hours=1)  # one event for what a machine repeats every minute
_Origin = CertificateRequest.Origin
_Status = CertificateRequest.Status


class EnrolmentState(models.TextChoices):
    """Derived from the row, never stored."""

    OPEN = "open", _("not used yet")
    USED = "used", _("used")
    EXPIRED = "expired", _("expired unused")
    WITHDRAWN = "withdrawn", _("withdrawn")


def enrolment_state(enrolment: Enrolment, now: datetime) -> EnrolmentState:
    """Where the secret stands at ``now``. Only an open one takes a request; a used one fetches its own."""
    if enrolment.withdrawn_at is not None:
        return EnrolmentState.WITHDRAWN
    if enrolment.request_id is not None:
        return EnrolmentState.USED
    return EnrolmentState.OPEN if now < enrolment.expires_at else EnrolmentState.EXPIRED


def make_enrolment(*, node: Node, profile: str, actor: User) -> tuple[Enrolment, str]:
    """A new secret for ``node``: the row, and the secret itself, which is nowhere else from then on.

    An earlier one for the same node and profile that was not used is withdrawn. The actor is who asks for the
    certificate, so somebody else approves it. Raises UnknownProfile, ProfileOff, ProfileNotForThis,
    InstitutionNotActive, NodeRetired, NotAllowed, NotFound.
    """
    require_officer_or_secretariat(actor, node.institution)
    if not isinstance(actor, User):  # whoever asks is a person: four eyes are people's
        raise NotAllowed
    rules.check_profile(rules.profile(profile), NODE)
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        subject = admission.locked(Subject(node.institution, node))
        admission.check_standing(subject)
        _withdraw_unused(node, profile, actor)
        now = clock.now()
        enrolment = Enrolment.objects.create(
            node=node,
            profile=profile,
            secret_sha256=_digest(secret),
            created_by=actor,
            created_at=now,
            expires_at=now + SECRET_PERIOD,
        )
        _record("enrolment.made", enrolment, actor, expires_at=enrolment.expires_at.isoformat())
    return enrolment, secret


def withdraw_enrolment(enrolment: Enrolment, *, actor: User) -> Enrolment:
    """The secret is good for nothing from now on; a request that came with it stays as it is.

    Raises IllegalTransition where it was withdrawn before, NotAllowed, NotFound.
    """
    require_officer_or_secretariat(actor, enrolment.node.institution)
    with transaction.atomic():
        enrolment = _locked(enrolment)
        if enrolment.withdrawn_at is not None:
            label = EnrolmentState.WITHDRAWN.label
            raise IllegalTransition(subject=str(enrolment), current=label, wanted=label, allowed="–")
        _withdraw(enrolment, actor)
    return enrolment


def enrolment_of(node_id: str, secret: str) -> Enrolment:
    """The enrolment that a node names with its id and proves with its secret.

    Raises WrongSecret, SecretExpired, SecretWithdrawn. Who knows the secret may know what became of it.
    """
    digest = _digest(secret)
    found = Enrolment.objects.select_related("node").filter(secret_sha256=digest).first()
    # The look-up is by a hash that nobody can aim; what is compared here is compared in constant time.
    expected, owner = (found.secret_sha256, str(found.node_id)) if found else ("", "")
    proven = hmac.compare_digest(expected, digest)
    named = hmac.compare_digest(owner.encode(), _plain_id(node_id).encode())
    if found is None or not (proven and named):
        raise WrongSecret
    _check_usable(found)
    return found


def redeem(enrolment: Enrolment, *, csr: bytes) -> CertificateRequest:
    """Hand the first request in, or ask again for the one that came with this key before.

    Raises SecretExpired, SecretWithdrawn, SecretSpent (another key), RequestRejected, and what
    :func:`certs.services.submit_request` raises; then the secret is not used up.
    """
    refusal: ConsoleError | None = None
    with transaction.atomic():
        # Two requests at once wait for each other here: the second finds the secret bound.
        admission.locked(Subject(enrolment.node.institution, enrolment.node))
        enrolment = _locked(enrolment)
        try:
            _check_usable(enrolment)
            request = _again(enrolment, csr) if enrolment.request else _first(enrolment, csr)
        except SecretSpent as error:  # two keys with one secret: somebody else may have it
            _record_refusal(enrolment, error)
            refusal = error
        except ConsoleError as error:
            # What the gate refuses was recorded where it was raised, and that must stay. That a secret is
            # over or a request was rejected is on the timeline since it happened.
            refusal = error
    if refusal is not None:
        raise refusal
    return request


def renew_by_proof(certificate: Certificate, *, csr: bytes) -> CertificateRequest:
    """A node that has proved itself with ``certificate`` asks for the next one, or again for that.

    The same key gets the same request. Raises what :func:`certs.services.submit_request` raises
    (RenewalNotOpen among it), NotANode, RequestRejected.
    """
    node = certificate.of_node
    key = _key_of(csr, node, _itself(node))
    known = _renewal_of(certificate, key)
    if known is None:
        try:
            return _renew(certificate, node, csr)
        except (KeySeenBefore, RequestAlreadyOpen):
            known = _renewal_of(certificate, key)  # sent twice at once: this is the second
            if known is None:
                raise
    return _unless_rejected(known)


def _first(enrolment: Enrolment, csr: bytes) -> CertificateRequest:
    request = submit_request(
        node=enrolment.node,
        profile=enrolment.profile,
        csr=csr,
        actor=enrolment.created_by,
        origin=_Origin.EST,
    )
    enrolment.request = request
    enrolment.save(update_fields=["request"])
    _record("enrolment.redeemed", enrolment, enrolment.created_by, spki_sha256=request.spki_sha256)
    return request


def _again(enrolment: Enrolment, csr: bytes) -> CertificateRequest:
    """The request is read in full: who has only seen the public key is refused like anybody."""
    known, key = enrolment.request, _key_of(csr, enrolment.node, enrolment.created_by)
    if known is None or not hmac.compare_digest(known.spki_sha256, key):
        raise SecretSpent
    return _unless_rejected(known)


def _key_of(csr: bytes, node: Node, actor: Actor) -> str:
    """The fingerprint of the request's key, read before :func:`submit_request` would.

    What the gate refuses leaves that function's event, but once an hour and reason.
    """
    try:
        return gate.read(csr).spki_sha256
    except ConsoleError as refusal:
        known = _said_lately(node, "request.refused", refusal).filter(actor_label=actor.get_username())
        if not known.exists():
            record_refusal(Subject(node.institution, node), refusal, actor=actor)
        raise


def _itself(node: Node) -> AutomaticActor:
    return AutomaticActor(f"node {node.institution.short_name}/{node.name}")


def _renewal_of(certificate: Certificate, key: str) -> CertificateRequest | None:
    rows = certificate.renewals.filter(spki_sha256=key)  # also one that its officer handed in
    if rules.profile(certificate.profile).keeps_key:  # there is no other: one that failed may be followed
        rows = rows.exclude(status=_Status.REJECTED)
    return rows.order_by("-requested_at").first()


def _renew(certificate: Certificate, node: Node, csr: bytes) -> CertificateRequest:
    return submit_request(
        node=node,
        profile=certificate.profile,
        csr=csr,
        actor=_itself(node),
        origin=_Origin.EST,
        renews=certificate,
        renewed_by_proof=True,
    )


def _unless_rejected(request: CertificateRequest) -> CertificateRequest:
    if request.status == _Status.REJECTED:
        raise RequestRejected(reason=request.decision_reason)
    return request


def _check_usable(enrolment: Enrolment) -> None:
    state = enrolment_state(enrolment, clock.now())
    if state == EnrolmentState.WITHDRAWN:
        raise SecretWithdrawn
    if state == EnrolmentState.EXPIRED:
        raise SecretExpired(at=enrolment.expires_at.isoformat("T", "seconds"))


def _withdraw_unused(node: Node, profile: str, actor: User) -> None:
    rows = Enrolment.objects.select_for_update(of=("self",)).select_related("node")
    for earlier in rows.filter(
        node=node,
        profile=profile,
        request__isnull=True,
        withdrawn_at__isnull=True,
        expires_at__gt=clock.now(),
    ):
        _withdraw(earlier, actor)


def _withdraw(enrolment: Enrolment, actor: User) -> None:
    enrolment.withdrawn_at = clock.now()
    enrolment.save(update_fields=["withdrawn_at"])
    _record("enrolment.withdrawn", enrolment, actor)


def _locked(enrolment: Enrolment) -> Enrolment:
    rows = Enrolment.objects.select_for_update(of=("self",))
    # Not its request: a join is as old as the query, the row as new as the lock.
    return rows.select_related("node__institution", "created_by").get(pk=enrolment.pk)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _plain_id(text: str) -> str:
    """A UUID in its one form; empty for what is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def _record(action: str, enrolment: Enrolment, actor: User, **data: str) -> None:
    events.record(
        action,
        enrolment,
        actor=actor,
        institution_id=enrolment.node.institution_id,
        node_id=enrolment.node_id,
        profile=enrolment.profile,
        **data,
    )


def _record_refusal(enrolment: Enrolment, refusal: ConsoleError) -> None:
    """On the timeline, once an hour and reason: a machine that is refused comes again."""
    if not _said_lately(enrolment, "enrolment.refused", refusal).exists():
        _record("enrolment.refused", enrolment, enrolment.created_by, code=refusal.code)


def _said_lately(row: models.Model, action: str, refusal: ConsoleError) -> models.QuerySet[Event]:
    since = clock.now() - _SAID_AGAIN
    return events.timeline(row).filter(action=action, at__gt=since, data__code=refusal.code)
