"""Issuing, in the signing worker alone: intent stored, then signed, then the certificate stored.

A crash after any step leaves a state from which the next attempt goes on: the serial number and the content
are decided in the first transaction and used again, so no serial is ever signed with two contents, and what
was signed but not stored was never released.
"""

from __future__ import annotations

import hashlib
import uuid

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings
from django.db import transaction

from certs import building, inspection, keys, rules, selectors, services
from certs.errors import ContentMismatch
from certs.gate import ReadRequest
from certs.models import Authority, Certificate, CertificateRequest, SerialNumber
from consortium.core import clock, events
from consortium.core.errors import ConsoleError

RequestStatus = CertificateRequest.Status
_USAGES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]  # nodes call and are called


def issue(request_id: uuid.UUID | str) -> Certificate | None:
    """Issue for an approved request; harmless when it was done. None where it is not to be issued (any more).

    Raises KeysNotAvailable, NoAuthority and WrongPassphrase (the request waits), ContentMismatch (closed).
    """
    authority = selectors.issuing_authority()
    key = keys.open_key(authority.key_name)  # first of all: without it no serial is spent
    try:
        serial = _prepare(request_id, authority)
        if serial is None:
            return Certificate.objects.filter(request__pk=request_id).first()
        signed = _sign(serial, key)
    except ConsoleError as refusal:
        # Key and authority are there, so the next attempt would find the same: left approved, the request
        # would keep its node from ever asking again.
        _withdraw(request_id, refusal)
        if isinstance(refusal, ContentMismatch):
            raise  # a row was changed behind the services: somebody must hear of it
        return None
    return _store(request_id, serial, signed)


def issuer_url(authority: Authority) -> str:
    """Where the CA's files are, without the ending; goes into every certificate it signs."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/pki/{authority.name}"


@transaction.atomic(durable=True)
def _prepare(request_id: uuid.UUID | str, authority: Authority) -> SerialNumber | None:
    """Decide serial and content, once; None when there is nothing to sign. Raises what the rules refuse."""
    request = services.locked_request(request_id)
    if request.status != RequestStatus.APPROVED:
        return None
    services.check_node(request.of_node)
    stored = SerialNumber.objects.select_related("authority").filter(request=request).first()
    return stored or _allocate(request, authority)


def _allocate(request: CertificateRequest, authority: Authority) -> SerialNumber:
    read = _checked_again(request)
    now, serial = clock.now(), building.new_serial()
    intent = _compose(request, read, authority, serial)
    return SerialNumber.objects.create(
        serial=building.serial_text(serial),
        authority=authority,
        request=request,
        allocated_at=now,
        intent=intent.public_bytes(Encoding.DER),
    )


def _checked_again(request: CertificateRequest) -> ReadRequest:
    """The worker believes the row no more than the web did the upload: whoever can write a row can't sign."""
    read = services.checked_again(request)
    if request.decided_by is None or request.decided_by_id == request.requested_by_id:
        raise ContentMismatch(what="the approval")
    return read


def _compose(
    request: CertificateRequest, read: ReadRequest, authority: Authority, serial: int
) -> x509.Certificate:
    """The certificate as it is meant, inspected, under a throwaway signature."""
    issuer = x509.load_der_x509_certificate(bytes(authority.der))
    spec = rules.profile(request.profile)
    subject = spec.subject(request.of_node.name, request.institution.short_name)
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(building.node_urn(request.of_node))]
    builder = building.compose(
        subject=subject,
        public_key=read.public_key,
        issuer=issuer.subject,
        serial=serial,
        validity=rules.period(clock.now(), spec.period, issuer.not_valid_after_utc),
        extensions=building.end_entity_extensions(
            read.public_key, issuer=issuer, names=names, usages=_USAGES, issuer_url=issuer_url(authority)
        ),
    )
    key = building.throwaway_key()
    intent = builder.sign(key, building.hash_for(key))
    inspection.inspect_end_entity(
        intent,
        issuer=issuer,
        subject=subject,
        spki_sha256=request.spki_sha256,
        names=names,
        longest=spec.period,
    )
    return intent


def _sign(serial: SerialNumber, key: keys.PrivateKey) -> x509.Certificate:
    intent = x509.load_der_x509_certificate(bytes(serial.intent))
    if building.serial_text(intent.serial_number) != serial.serial:
        raise ContentMismatch(what="the serial number")
    issuer = x509.load_der_x509_certificate(bytes(serial.authority.der))
    return building.sign_intended(intent, key, issuer)


@transaction.atomic(durable=True)
def _store(request_id: uuid.UUID | str, serial: SerialNumber, signed: x509.Certificate) -> Certificate | None:
    """Record the certificate; only now may anybody see it."""
    request = services.locked_request(request_id)
    if request.status != RequestStatus.APPROVED:
        return Certificate.objects.filter(request=request).first()
    services.move(request, RequestStatus.ISSUED, rules.BY_WORKER)
    request.save(update_fields=["status"])
    certificate = _row(request, serial, signed)
    events.record(
        "certificate.issued",
        certificate,
        actor=events.SIGNER,
        institution_id=request.institution_id,
        node_id=request.node_id,
        network=request.of_node.network_id,
        profile=request.profile,
        serial=serial.serial,
        not_after=certificate.not_after.isoformat(),
    )
    return certificate


def _row(request: CertificateRequest, serial: SerialNumber, signed: x509.Certificate) -> Certificate:
    der = signed.public_bytes(Encoding.DER)
    return Certificate.objects.create(
        serial=serial,
        authority_id=serial.authority_id,
        request=request,
        institution_id=request.institution_id,
        node=request.node,
        profile=request.profile,
        der=der,
        fingerprint_sha256=hashlib.sha256(der).hexdigest(),
        spki_sha256=request.spki_sha256,
        tls_id=_tls_id(signed),
        subject=signed.subject.rfc4514_string(),
        not_before=signed.not_valid_before_utc,
        not_after=signed.not_valid_after_utc,
        issued_at=clock.now(),
    )


def _tls_id(certificate: x509.Certificate) -> str:
    """What FISCO BCOS knows a TLS peer by: the modulus of an RSA 2048 key, 512 lower-case hex digits."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048:
        return f"{key.public_numbers().n:0512x}"
    return ""


@transaction.atomic(durable=True)
def _withdraw(request_id: uuid.UUID | str, refusal: ConsoleError) -> None:
    """Approved, but not to be signed any more: closed with the reason, which the member sees."""
    request = services.locked_request(request_id)
    if request.status != RequestStatus.APPROVED:
        return  # another worker or the secretariat was first
    services.move(request, RequestStatus.REJECTED, rules.BY_WORKER)
    request.decision_reason = str(refusal)
    request.save(update_fields=["status", "decision_reason"])
    events.record(
        "request.rejected",
        request,
        actor=events.SIGNER,
        reason=str(refusal),
        institution_id=request.institution_id,
        node_id=request.node_id,
        code=refusal.code,
        params={name: str(value) for name, value in refusal.params.items()},
    )
