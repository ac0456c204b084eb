"""Asking for a certificate and deciding on it. Issuing is in certs.issuing."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction

from certs import building, gate, rules, topics
from certs.errors import (
    ContentMismatch,
    FourEyes,
    InstitutionNotActive,
    KeySeenBefore,
    NodeRetired,
    RequestAlreadyOpen,
    SigningBegun,
)
from certs.gate import ReadRequest
from certs.models import (
    CertificateRequest,
    SeenKey,
    SerialNumber,
)
from consortium.core import clock, events, outbox, transitions
from consortium.core.errors import ConsoleError, NotAllowed, ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import Node, User
from consortium.members.permissions import require_officer_or_secretariat, require_secretariat
from consortium.members.states import Status as InstitutionStatus

RequestStatus = CertificateRequest.Status
OPEN = (RequestStatus.SUBMITTED, RequestStatus.APPROVED)


def submit_request(*, node: Node, profile: str, csr: bytes, actor: User) -> CertificateRequest:
    """Take a CSR (PEM or DER) for ``node``: from an officer of its institution, or the secretariat for it.

    Raises what :mod:`certs.gate` and :mod:`certs.rules` raise, InstitutionNotActive, NodeRetired,
    KeySeenBefore, RequestAlreadyOpen, NotAllowed, NotFound. A refusal leaves an event and nothing else;
    that event needs a transaction of its own, so do not call this inside one that you roll back.
    """
    try:
        with transaction.atomic():
            return _submit(node, profile, csr, actor)
    except ConsoleError as refusal:
        _record_refusal(node, actor, refusal)
        raise


def approve_request(request: CertificateRequest, *, actor: User, reason: str = "") -> CertificateRequest:
    """The second pair of eyes: the signing worker issues next.

    Raises FourEyes, IllegalTransition, InstitutionNotActive, NodeRetired, NotAllowed, and what
    :func:`checked_again` raises where the record changed since the request was made.
    """
    with transaction.atomic():
        request = _decide(request, RequestStatus.APPROVED, actor, reason)
        check_node(request.of_node)
        checked_again(request)
        _record("request.approved", request, actor=actor, reason=reason)
        outbox.enqueue(topics.ISSUE, key=str(request.pk), payload={"request": str(request.pk)})
    return request


def reject_request(request: CertificateRequest, *, actor: User, reason: str) -> CertificateRequest:
    """Close a request without a certificate, also an approved one that is not being signed yet.

    Its key stays used. Raises FourEyes, IllegalTransition, NotAllowed, ReasonRequired, SigningBegun.
    """
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        request = _decide(request, RequestStatus.REJECTED, actor, reason)
        if _serial_spent(request):
            raise SigningBegun
        _record("request.rejected", request, actor=actor, reason=reason)
    return request


def check_node(node: Node) -> None:
    """Raises InstitutionNotActive or NodeRetired: asked at the request, at approval and before signing."""
    institution = node.institution
    if institution.status != InstitutionStatus.ACTIVE:
        raise InstitutionNotActive(
            institution=institution.short_name, status=institution.get_status_display()
        )
    if node.retired_at is not None:
        raise NodeRetired(node=str(node))


def check_content(read: ReadRequest, profile: str, node: Node) -> None:
    """The rules on key and names. Raises what :mod:`certs.rules` raises."""
    rules.check_key(rules.profile(profile), read.key)
    member = node.institution
    own = {
        "CN": (node.name, f"{member.short_name}/{node.name}"),
        "O": (member.short_name, member.legal_name_en, member.legal_name_zh),
        "SAN": (building.node_urn(node), node.host),
    }
    rules.check_names(read.names, own)


def checked_again(request: CertificateRequest) -> ReadRequest:
    """The stored CSR against the record as it is now.

    Raises what :func:`check_content` and the gate raise, ContentMismatch where the row names another key.
    """
    read = gate.read(bytes(request.csr))
    check_content(read, request.profile, request.of_node)
    if read.spki_sha256 != request.spki_sha256:
        raise ContentMismatch(what="the request's key")
    return read


def may_be_rejected(request: CertificateRequest) -> bool:
    """Would :func:`reject_request` find the request in a state that it takes?"""
    return RequestStatus.REJECTED in rules.BY_PEOPLE.get(request.status, ()) and not _serial_spent(request)


def _serial_spent(request: CertificateRequest) -> bool:
    """From then on a signature may exist, so the worker must finish what it began."""
    return SerialNumber.objects.filter(request=request).exists()


def _submit(node: Node, profile: str, csr: bytes, actor: User) -> CertificateRequest:
    require_officer_or_secretariat(actor, node.institution)
    rules.profile(profile)
    read = gate.read(csr)
    node = _locked_node(node)
    check_content(read, profile, node)
    check_node(node)
    if SeenKey.objects.filter(pk=read.spki_sha256).exists():
        raise KeySeenBefore
    if CertificateRequest.objects.filter(node=node, status__in=OPEN).exists():
        raise RequestAlreadyOpen(node=str(node))
    request = CertificateRequest.objects.create(
        institution=node.institution,
        node=node,
        profile=profile,
        csr=read.der,
        spki_sha256=read.spki_sha256,
        key_description=str(read.key),
        requested_by=actor,
        requested_at=clock.now(),
    )
    _claim_key(request)
    _record("request.submitted", request, actor=actor)
    return request


def _locked_node(node: Node) -> Node:
    rows = Node.objects.select_for_update(of=("self",)).select_related("institution", "network")
    return rows.get(pk=node.pk)


def _claim_key(request: CertificateRequest) -> None:
    """The constraint decides between two who send the same key at the same moment."""
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
    return rows.select_related("node__institution", "node__network", "institution").get(pk=pk)


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


def _record(action: str, request: CertificateRequest, *, actor: Actor, reason: str = "") -> None:
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
    )


def _record_refusal(node: Node, actor: User, refusal: ConsoleError) -> None:
    """On the node's timeline; but who may not know of the node leaves it on their own account's."""
    theirs = actor.is_member and actor.institution_id != node.institution_id
    with transaction.atomic():
        events.record(
            "request.refused",
            actor if theirs else node,
            actor=actor,
            institution_id=actor.institution_id if theirs else node.institution_id,
            node_id=None if theirs else node.pk,
            code=refusal.code,
            params={name: str(value) for name, value in refusal.params.items()},
        )
