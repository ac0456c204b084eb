"""The last step: certificate, request and event in one transaction; only then may anybody see them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.db import transaction

from certs import rules, services, status
from certs.issuing import reading
from certs.issuing.plans import Plan
from certs.issuing.preparing import Job
from certs.models import Certificate, CertificateRequest, SerialNumber
from consortium.core import bulk, clock, events
from consortium.core.models import new_id

RequestStatus = CertificateRequest.Status
_TLS_BITS = 2048
_RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")
_UNCOMPRESSED = 4


@transaction.atomic(durable=True)
def store(signed: Sequence[tuple[Job, bytes]]) -> list[Certificate]:
    """Record the certificates (DER) of requests that are still to be issued; returns their rows.

    Where somebody else was first the database has that one's certificate, and ours is forgotten.
    """
    ders = {job.request.pk: (job, der) for job, der in signed}
    rows = CertificateRequest.objects.select_for_update(of=("self",)).order_by("pk")
    open_ones = rows.filter(pk__among=ders, status=RequestStatus.APPROVED)
    jobs = [ders[pk] for pk in open_ones.values_list("pk", flat=True)]
    for job, _der in jobs:
        services.move(job.request, RequestStatus.ISSUED, rules.BY_WORKER)
    certificates = [_row(job, der) for job, der in jobs]
    bulk.insert(certificates)
    rows.filter(pk__among=[job.request.pk for job, _der in jobs]).update(status=RequestStatus.ISSUED)
    events.record_all(map(_entry, certificates), actor=events.SIGNER)
    return certificates


def _row(job: Job, der: bytes) -> Certificate:
    request, found = job.request, facts(job.plan, job.serial, der)
    authority = job.serial.authority
    del found["authority"]
    columns = {
        "id": new_id(),
        "serial_id": job.serial.pk,
        "authority_id": authority.pk,
        "request_id": request.pk,
        "institution_id": request.institution_id,
        "node_id": request.node_id,
        "holder_id": request.holder_id,
        **found,
    }
    related = {name: getattr(request, name) for name in ("institution", "node", "holder")}
    return bulk.new(
        Certificate, columns, {"serial": job.serial, "authority": authority, "request": request, **related}
    )


def facts(plan: Plan, serial: SerialNumber, der: bytes) -> dict[str, object]:
    """The columns of a Certificate that follow from the certificate itself and its serial number."""
    return {
        "authority": serial.authority,
        "profile": plan.profile,
        "der": der,
        "fingerprint_sha256": hashlib.sha256(der).hexdigest(),
        "spki_sha256": hashlib.sha256(plan.spki).hexdigest(),
        "tls_id": tls_id(plan.spki),
        "public_key_hex": public_key_hex(plan.spki),
        "crl_shard": status.shard_of(serial.serial, serial.authority),
        "subject": plan.subject.rfc4514_string(),
        "not_before": plan.not_before,
        "not_after": plan.not_after,
        "issued_at": clock.now(),
    }


def tls_id(spki: bytes) -> str:
    """What FISCO BCOS knows a TLS peer by: the modulus of an RSA 2048 key, 512 lower-case hex digits."""
    if _RSA_ENCRYPTION not in spki[:32]:
        return ""
    key = load_der_public_key(spki)
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != _TLS_BITS:
        return ""
    return f"{key.public_numbers().n:0512x}"


def public_key_hex(spki: bytes) -> str:
    """An EC key's point without the octet that says it is uncompressed, lower-case hex; "" for other keys."""
    algorithm, bits = reading.elements(spki)
    point = reading.content(bits)[1:]
    if _RSA_ENCRYPTION in algorithm or not point or point[0] != _UNCOMPRESSED:
        return ""
    return point[1:].hex()


def _entry(certificate: Certificate) -> events.Entry:
    return events.Entry(
        "certificate.issued",
        certificate,
        institution_id=certificate.institution_id,
        node_id=certificate.node_id,
        data={
            "network": certificate.node.network_id if certificate.node else None,
            "profile": certificate.profile,
            "serial": certificate.serial_id,
            "not_after": certificate.not_after.isoformat(),
        },
    )
