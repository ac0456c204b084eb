"""Asking for a certificate and deciding on it. Issuing is in certs.issuing.

The gate's seven steps, in this order: 1 well-formed, 2 proof of possession, 3 the profile, 4 weak and
repeated keys, 5 the requester owns the node, 6 how many came before, 7 a second person. The first three and
half of the fourth are :mod:`certs.gate`, up to the sixth :mod:`certs.services.admission`, then approval.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from certs import gate, profiles, rules, topics
from certs.errors import ContentMismatch, FourEyes, KeySeenBefore, RenewalOfAnother, SigningBegun
from certs.gate import ReadRequest
from certs.models import Certificate, CertificateRequest, SeenKey, SerialNumber
from certs.profiles import ProfileSpec
from certs.services import admission, moduli, standing
from certs.services.admission import Subject
from consortium.core import clock, events, transitions
from consortium.core.errors import ConsoleError, NotAllowed, NotFound, ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import Node, User
from consortium.members.permissions import require_secretariat

RequestStatus = CertificateRequest.Status
Origin = CertificateRequest.Origin


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody hands in; ``profile`` and ``csr`` as they came."""

    subject: Subject
    profile: str
    csr: bytes
    actor: Actor
    origin: str
    renews: Certificate | None
    by_proof: bool

    @property
    def needs(self) -> str:
        return profiles.NODE if self.subject.node else profiles.HOLDER


def submit_request(
    *,
    node: Node | None = None,
    holder: User | None = None,
    profile: str,
    csr: bytes,
    actor: Actor,
    origin: str = Origin.PORTAL,
    renews: Certificate | None = None,
    renewed_by_proof: bool = False,
) -> CertificateRequest:
    """Take a CSR (PEM or DER) for ``node``, or for the person or program ``holder``.

    From an officer of the institution, or the secretariat for it. ``renews``: the certificate that this one
    is to follow. ``renewed_by_proof``: whoever sends it has proved itself as the node by that very
    certificate; the approval of the first one stands and signing is owed at once (``actor`` then need not be
    a person; the requester and the second person are those of ``renews``).

    Raises what :mod:`certs.gate` and :mod:`certs.services.admission` raise, UnknownProfile, ProfileOff,
    ProfileNotForThis, NameMismatch. A refusal leaves an event and nothing else; that event needs a
    transaction of its own, so do not call this inside one that you roll back.
    """
    subject = _subject(node, holder)
    asked = Asked(subject, profile, csr, actor, origin, renews, renewed_by_proof)
    try:
        with transaction.atomic():
            return _submit(asked)
    except ConsoleError as refusal:
        record_refusal(subject, refusal, actor=actor)
        raise


def approve_request(request: CertificateRequest, *, actor: User, reason: str = "") -> CertificateRequest:
    """The second pair of eyes: the signing worker issues next.

    Raises FourEyes, IllegalTransition, NotAllowed, and what :func:`check_subject` and :func:`checked_again`
    raise where the record changed since the request was made. A refusal leaves an event.
    """
    with _decision_recorded(request, actor), transaction.atomic():
        request = _decide(request, RequestStatus.APPROVED, actor, reason)
        subject = admission.subject_of(request)
        check_subject(request, subject)
        read = checked_again(request, subject)
        moduli.check_unshared(read)  # two of a kind may have come at the same moment
        _record("request.approved", request, actor=actor, reason=reason)
        topics.owe_issue(request.pk)
    return request


def reject_request(request: CertificateRequest, *, actor: User, reason: str) -> CertificateRequest:
    """Close a request without a certificate, also an approved one that is not being signed yet.

    Its key stays used. Raises FourEyes, IllegalTransition, NotAllowed, ReasonRequired, SigningBegun.
    """
    if not reason.strip():
        raise ReasonRequired
    with _decision_recorded(request, actor), transaction.atomic():
        request = _decide(request, RequestStatus.REJECTED, actor, reason)
        if _serial_spent(request):
            raise SigningBegun
        _record("request.rejected", request, actor=actor, reason=reason)
    return request


def check_subject(request: CertificateRequest, subject: Subject) -> None:
    """May what it is for have a certificate now? Asked once more before the signature.

    Raises what :func:`admission.check_standing` and :func:`admission.check_proof` raise.
    """
    admission.check_standing(subject)
    if request.renewed_by_proof:
        admission.check_proof(request, subject, clock.now())


def check_content(read: ReadRequest, spec: ProfileSpec, subject: Subject) -> None:
    """Key and names against profile and record. Raises what :func:`gate.check` raises, NameMismatch."""
    gate.check(spec, read)
    if any(read.names.values()):
        rules.check_names(read.names, subject.own_names)


def checked_again(request: CertificateRequest, subject: Subject) -> ReadRequest:
    """The stored CSR against the record as it is now: ``subject``, by :func:`admission.subject_of`.

    Raises what :func:`check_content` and the gate raise, CompromisedKey, ContentMismatch where the row names
    another key.
    """
    read = gate.read(bytes(request.csr))
    spec = rules.profile(request.profile)
    check_content(read, spec, subject)
    if read.spki_sha256 != request.spki_sha256:
        raise ContentMismatch(what="the request's key")
    if spec.keeps_key:
        admission.check_not_revoked(read.spki_sha256)
    return read


def may_be_rejected(request: CertificateRequest) -> bool:
    """Would :func:`reject_request` find the request in a state that it takes?"""
    return RequestStatus.REJECTED in rules.BY_PEOPLE.get(request.status, ()) and not _serial_spent(request)


def _serial_spent(request: CertificateRequest) -> bool:
    """From then on a signature may exist, so the worker must finish what it began."""
    return SerialNumber.objects.filter(request=request).exists()


def _subject(node: Node | None, holder: User | None) -> Subject:
    """Raises NotFound for an account that no member's certificate can be for."""
    if node is not None and holder is None:
        return Subject(node.institution, node)
    if holder is None or node is not None:
        raise TypeError("a request is for a node or for a holder")
    if holder.institution is None:
        raise NotFound
    return Subject(holder.institution, None, holder)


def _submit(asked: Asked) -> CertificateRequest:
    read = gate.read(asked.csr)  # 1, 2
    spec = rules.profile(asked.profile)  # 3
    rules.check_profile(spec, asked.needs)
    gate.check(spec, read)  # 3, 4
    moduli.check_unshared(read)
    entitled = asked.by_proof or admission.is_entitled(asked.subject, asked.actor)
    admission.check_unseen(read, spec, asked.subject if entitled else None)
    subject = _owned(asked, spec, read)  # 5
    admission.check_rate(subject, clock.now())  # 6
    return _created(asked, subject, read)  # 7 is whoever approves


def _owned(asked: Asked, spec: ProfileSpec, read: ReadRequest) -> Subject:
    """Step 5: who asks may, the names are its own, and it can have one now. Returns it under lock."""
    if not asked.by_proof:
        admission.check_owner(asked.subject, spec, asked.actor)
    # the certificate first, as whoever renews by EST or revokes it does
    renews = standing.locked(asked.renews) if asked.renews else None
    subject = admission.locked(asked.subject)
    rules.check_names(read.names, subject.own_names)
    admission.check_standing(subject)
    admission.check_none_open(subject, spec)
    if renews is not None:
        admission.check_renewal(renews, subject, spec, clock.now())
        if asked.by_proof:
            admission.check_unchanged(renews, subject, spec)
    return subject


def _created(asked: Asked, subject: Subject, read: ReadRequest) -> CertificateRequest:
    request = CertificateRequest(
        institution=subject.institution,
        node=subject.node,
        holder=subject.holder,
        profile=asked.profile,
        origin=asked.origin,
        renews=asked.renews,
        renewed_by_proof=asked.by_proof,
        csr=read.der,
        spki_sha256=read.spki_sha256,
        key_description=str(read.key),
        requested_at=clock.now(),
    )
    if asked.by_proof:
        _approve_by_proof(request)
    elif isinstance(asked.actor, User):
        request.requested_by = asked.actor
    else:
        raise NotAllowed  # a request is a person's
    request.save(force_insert=True)
    _claim_key(request)
    _record("request.submitted", request, actor=asked.actor, origin=asked.origin)
    if asked.by_proof:
        topics.owe_issue(request.pk)
    return request


def _approve_by_proof(request: CertificateRequest) -> None:
    """The two people are those of the certificate that it follows. Raises RenewalOfAnother without one."""
    before = request.renews
    if before is None or before.request is None or before.request.decided_by is None:
        raise RenewalOfAnother(serial=before.serial_id if before else "–")
    request.status = RequestStatus.APPROVED
    request.requested_by = before.request.requested_by
    request.decided_by, request.decided_at = before.request.decided_by, request.requested_at


def _claim_key(request: CertificateRequest) -> None:
    """The constraint decides between two who send the same key at the same moment.

    A key that is kept has its row already; that it may be kept was checked, and its node is locked.
    """
    keeps = rules.profile(request.profile).keeps_key
    if keeps and Certificate.objects.filter(spki_sha256=request.spki_sha256).exists():
        return
    try:
        with transaction.atomic():
            SeenKey.objects.create(
                spki_sha256=request.spki_sha256, request=request, seen_at=request.requested_at
            )
    except IntegrityError:
        raise KeySeenBefore from None


def _decide(
    request: CertificateRequest, wanted: RequestStatus, actor: User, reason: str
) -> CertificateRequest:
    require_secretariat(actor)
    if not isinstance(actor, User):  # four eyes are people's
        raise NotAllowed
    request = locked_request(request.pk)
    move(request, wanted, rules.BY_PEOPLE)
    if actor.pk == request.requested_by_id:
        raise FourEyes
    request.decided_by, request.decided_at, request.decision_reason = actor, clock.now(), reason
    request.save(update_fields=["status", "decided_by", "decided_at", "decision_reason"])
    return request


def locked_request(pk: uuid.UUID | str) -> CertificateRequest:
    """The request under lock, with its node and institution as they are now."""
    rows = CertificateRequest.objects.select_for_update(of=("self",))
    return rows.select_related("node__institution", "node__network", "institution", "holder").get(pk=pk)


def move(request: CertificateRequest, wanted: RequestStatus, table: transitions.Table) -> None:
    """Set the status along ``table``, unsaved. Raises IllegalTransition."""
    transitions.check(
        table,
        subject=str(request),
        current=request.status,
        wanted=wanted,
        labels=dict(RequestStatus.choices),
    )
    request.status = wanted


def _record(action: str, request: CertificateRequest, *, actor: Actor, reason: str = "", **data: str) -> None:
    events.record(
        action,
        request,
        actor=actor,
        reason=reason,
        institution_id=request.institution_id,
        node_id=request.node_id,
        profile=request.profile,
        key=request.key_description,
        spki_sha256=request.spki_sha256,
        **data,
    )


def record_refusal(subject: Subject, refusal: ConsoleError, *, actor: Actor) -> None:
    """On its subject's timeline; but who may not know of that leaves it on their own account's.

    For whoever refuses a request before :func:`submit_request` has it; that one records its own.
    """
    stranger = _stranger(actor, subject.institution.pk)
    with transaction.atomic():
        events.record(
            "request.refused",
            stranger or subject.row,
            actor=actor,
            institution_id=stranger.institution_id if stranger else subject.institution.pk,
            node_id=None if stranger or subject.node is None else subject.node.pk,
            code=refusal.code,
            params=_shown(refusal),
        )


@contextmanager
def _decision_recorded(request: CertificateRequest, actor: Actor) -> Iterator[None]:
    """A decision that is refused leaves an event too: outside the transaction that is rolled back."""
    try:
        yield
    except ConsoleError as refusal:
        stranger = _stranger(actor, request.institution_id)
        with transaction.atomic():
            events.record(
                "request.decision_refused",
                stranger or request,
                actor=actor,
                institution_id=stranger.institution_id if stranger else request.institution_id,
                node_id=None if stranger else request.node_id,
                code=refusal.code,
                params=_shown(refusal),
            )
        raise


def _stranger(actor: Actor, institution_id: uuid.UUID) -> User | None:
    """The actor, where it is another institution's and may not know of what is this one's."""
    if isinstance(actor, User) and actor.is_member and actor.institution_id != institution_id:
        return actor
    return None


def _shown(refusal: ConsoleError) -> dict[str, str]:
    return {name: str(value) for name, value in refusal.params.items()}
