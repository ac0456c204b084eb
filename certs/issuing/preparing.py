"""The first step: who may have a certificate after all, and a serial number for each.

The numbers are committed before anything is built.

The worker believes a row no more than the web did the upload: whoever can write a row can't have it signed.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from django.db import transaction

from certs import rules, selectors, services
from certs.errors import ContentMismatch, KeySeenBefore, SM2NotAvailable
from certs.issuing import plans, serials
from certs.issuing.families import Family, family_of
from certs.issuing.inspection import MOST_BACKDATING
from certs.issuing.plans import Plan
from certs.issuing.signing import SignerBroke
from certs.models import Authority, CertificateRequest, SeenKey, SerialNumber
from certs.profiles import ProfileSpec
from certs.services import admission
from consortium.core import bulk, clock, events
from consortium.core.errors import ConsoleError
from consortium.members.models import Institution, Node, User

RequestStatus = CertificateRequest.Status
TOO_OLD = "The attempt to sign is too long ago; the certificate would begin in the past."


class NotReady(Exception):
    """There is no authority, or its key does not open: not the request's fault, which stays as it is."""

    def __init__(self, why: ConsoleError) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True, slots=True)
class Signer:
    """An authority, with its key open."""

    authority: Authority
    family: Family
    key: Any


@dataclass(slots=True)
class Job:
    """A request that is to be signed: with which key, and as which certificate."""

    request: CertificateRequest
    spki_sha256: str
    signer: Signer
    serial: SerialNumber
    plan: Plan


@dataclass(slots=True)
class Sorted:
    """What became of a batch's requests: to be signed, refused, or waiting for keys or an authority."""

    jobs: list[Job] = field(default_factory=list)
    refused: list[tuple[uuid.UUID, ConsoleError]] = field(default_factory=list)
    waiting: list[ConsoleError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Approved:
    request: CertificateRequest
    spec: ProfileSpec
    subject: plans.Subject
    spki_sha256: str
    signer: Signer


class _Signers:
    """For one batch: each purpose's authority, its key open before a serial is spent on it."""

    def __init__(self) -> None:
        self._found: dict[str, Signer] = {}

    def of(self, purpose: str) -> Signer:
        """Raises NotReady without an authority or an opened key, SignerBroke on other faults."""
        if purpose not in self._found:
            self._found[purpose] = _signer(purpose)
        return self._found[purpose]


def _signer(purpose: str) -> Signer:
    try:
        authority = selectors.issuing_authority(purpose)
        family = family_of(bytes(authority.der))
        return Signer(authority, family, family.open_key(authority.key_name))
    except ConsoleError as error:
        raise NotReady(error) from error
    except Exception as error:
        raise SignerBroke(f"{type(error).__name__}: {error}") from error


@transaction.atomic(durable=True)
def prepare(request_ids: Collection[uuid.UUID]) -> Sorted:
    """Check the requests again, under lock, and number them; those decided on meanwhile fall out.

    A request that has a serial from an attempt that did not end goes on with it, unless that is too old.
    """
    found, approved = Sorted(), []
    requests = _locked(request_ids)
    seen = _seen_keys(requests)
    signers = _Signers()
    for request in requests:
        try:
            approved.append(_approved(request, seen, signers))
        except NotReady as error:
            found.waiting.append(error.why)
        except SM2NotAvailable as error:  # this worker's machine: another one may be able to
            found.waiting.append(error)
        except ConsoleError as refusal:
            found.refused.append((request.pk, refusal))
    _number(approved, found)
    return found


def _locked(request_ids: Collection[uuid.UUID]) -> list[CertificateRequest]:
    rows = CertificateRequest.objects.select_for_update(of=("self",), skip_locked=len(request_ids) > 1)
    rows = rows.filter(pk__among=request_ids, status=RequestStatus.APPROVED)
    found = bulk.read(rows.order_by("pk"), without=("requested_at", "decided_at"))
    wanted = [request.node_id for request in found if request.node_id]
    nodes = {
        node.pk: node
        for node in bulk.read(Node.objects.filter(pk__among=wanted).order_by(), without=("created_at",))
    }
    rows_of_members: list[CertificateRequest | Node] = [*found, *nodes.values()]
    # few members have many nodes: each is read once
    members = Institution.objects.in_bulk({row.institution_id for row in rows_of_members})
    for row in rows_of_members:
        row._state.fields_cache["institution"] = members[row.institution_id]
    holders = User.objects.in_bulk({row.holder_id for row in found if row.holder_id})
    for request in found:
        known = request._state.fields_cache
        known["node"] = nodes[request.node_id] if request.node_id else None
        known["holder"] = holders[request.holder_id] if request.holder_id else None
    return found


def _seen_keys(requests: Iterable[CertificateRequest]) -> dict[str, uuid.UUID | None]:
    """By fingerprint, the request with which the key came first; None for an authority's or a service's."""
    keys = {request.spki_sha256 for request in requests}
    return dict(SeenKey.objects.filter(pk__among=keys).values_list("pk", "request_id"))


def _approved(
    request: CertificateRequest, seen: Mapping[str, uuid.UUID | None], signers: _Signers
) -> _Approved:
    """Raises what the gate raises, ContentMismatch where a row was changed behind the services."""
    owner = admission.subject_of(request)
    services.check_subject(request, owner)
    read = services.checked_again(request, owner)
    spec = rules.profile(request.profile)
    if request.decided_by_id is None or request.decided_by_id == request.requested_by_id:
        raise ContentMismatch(what="the approval")
    if seen.get(read.spki_sha256) != request.pk and not spec.keeps_key:
        raise KeySeenBefore
    signer = signers.of(spec.purpose)
    return _Approved(
        request=request,
        spec=spec,
        subject=plans.Subject(
            name=spec.subject(owner.name, owner.institution.short_name),
            names=(x509.UniformResourceIdentifier(owner.urn),),
            spki=read.spki,
            key_kind=read.key.kind,
        ),
        spki_sha256=read.spki_sha256,
        signer=signer,
    )


def _number(approved: list[_Approved], found: Sorted) -> None:
    live = _live_serials(approved)
    new = [(one.signer.authority, one.request) for one in approved if one.request.pk not in live]
    live.update({row.request_id: row for row in serials.allocate(new) if row.request_id})
    for one in approved:
        serial = live[one.request.pk]
        try:
            found.jobs.append(_job(one, serial))
        except ContentMismatch as refusal:
            found.refused.append((one.request.pk, refusal))


def _live_serials(approved: list[_Approved]) -> dict[uuid.UUID, SerialNumber]:
    """What attempts that did not end have left: by request. Those that can't be used any more are voided."""
    authorities = {one.request.pk: one.signer.authority.pk for one in approved}
    rows = SerialNumber.objects.filter(request_id__among=authorities, voided_at__isnull=True)
    usable, spent = {}, []
    oldest = clock.now() - MOST_BACKDATING / 2
    for row in rows:
        if row.request_id is None:
            continue
        if row.allocated_at < oldest or row.authority_id != authorities[row.request_id]:
            spent.append(row)
        else:
            usable[row.request_id] = row
    if spent:
        serials.void(spent, reason=TOO_OLD, actor=events.SIGNER)
    return usable


def _job(one: _Approved, serial: SerialNumber) -> Job:
    return Job(
        request=one.request,
        spki_sha256=one.spki_sha256,
        signer=one.signer,
        serial=serial,
        plan=plans.plan(
            one.spec,
            one.signer.authority,
            one.subject,
            serial=int(serial.serial, 16),
            start=serial.allocated_at,
        ),
    )
