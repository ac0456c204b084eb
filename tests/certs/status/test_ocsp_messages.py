"""OCSP as octets: read as cryptography reads it, written as cryptography writes it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library
from hypothesis import given
from hypothesis import strategies as st

from certs import der
from certs.status import ocsp, signing

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
SERIALS = st.integers(min_value=1, max_value=2**159 - 1)


@cache
def issuer() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Nodes CA")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=9)).serial_number(7)
    return builder.sign(key, hashes.SHA256()), key


def request_of(serial: int, name: str = "sha1", nonce: bytes | None = None) -> bytes:
    builder = library.OCSPRequestBuilder().add_certificate_by_hash(
        b"\1" * HASHES[name].digest_size, b"\2" * HASHES[name].digest_size, serial, HASHES[name]
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


@given(serial=SERIALS, name=st.sampled_from(sorted(HASHES)), nonce=st.binary(min_size=1, max_size=32))
def test_a_request_reads_as_it_was_meant(serial: int, name: str, nonce: bytes) -> None:
    found = ocsp.parse(request_of(serial, name, nonce))
    size = HASHES[name].digest_size
    assert found.nonce == der.tlv(der.OCTET_STRING, nonce)
    (asked,) = found.ids
    assert (asked.serial, asked.hash, asked.issuer) == (serial, name, b"\1" * size + b"\2" * size)
    assert asked.der == ocsp.cert_id(name, asked.issuer, serial)


@pytest.mark.parametrize("length", [0, 33, 128])
def test_a_nonce_outside_the_limits_is_refused(length: int) -> None:
    with pytest.raises(der.Malformed):
        ocsp.parse(request_of(1, nonce=bytes(length)))


def several(count: int) -> bytes:
    one = ocsp.cert_id("sha1", bytes(40), 5)
    requests = der.tlv(der.SEQUENCE, *[der.tlv(der.SEQUENCE, one)] * count)
    return der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, requests))


def test_several_certificates_may_be_asked_for_and_not_too_many() -> None:
    assert len(ocsp.parse(several(ocsp.MOST_IDS)).ids) == ocsp.MOST_IDS
    for count in (0, ocsp.MOST_IDS + 1):
        with pytest.raises(der.Malformed):
            ocsp.parse(several(count))


def test_an_extension_that_must_be_understood_and_is_not_is_refused() -> None:
    builder = library.OCSPRequestBuilder().add_certificate_by_hash(bytes(20), bytes(20), 1, HASHES["sha1"])
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    harmless = builder.add_extension(strange, critical=False).build().public_bytes(Encoding.DER)
    assert ocsp.parse(harmless).ids[0].serial == 1
    with pytest.raises(der.Malformed):
        ocsp.parse(builder.add_extension(strange, critical=True).build().public_bytes(Encoding.DER))


@given(st.binary(max_size=300))
def test_noise_is_malformed_and_nothing_else(data: bytes) -> None:
    with pytest.raises(der.Malformed):
        ocsp.parse(data)


@given(st.data())
def test_a_request_with_octets_changed_reads_or_is_malformed(data: st.DataObject) -> None:
    octets = bytearray(request_of(2**126 + 5, "sha256", b"nonce"))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))
    for attempt in (bytes(octets), bytes(octets[:cut]), bytes(octets) + b"\0"):
        try:
            found = ocsp.parse(attempt)
        except der.Malformed:
            continue
        assert found.ids


@given(serial=SERIALS, reason=st.sampled_from([None, *x509.ReasonFlags]), nonce=st.binary(max_size=32))
def test_a_response_is_the_librarys_octet_by_octet(
    serial: int, reason: x509.ReasonFlags | None, nonce: bytes
) -> None:
    """All but the signature, which differs each time."""
    authority, key = issuer()
    if reason in (x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl):
        reason = None
    revoked_at = NOW - timedelta(hours=1) if reason else None
    builder = library.OCSPResponseBuilder().add_response_by_hash(
        hashlib.sha1(authority.subject.public_bytes(), usedforsecurity=False).digest(),
        bytes(20),
        serial,
        HASHES["sha1"],
        library.OCSPCertStatus.REVOKED if reason else library.OCSPCertStatus.GOOD,
        NOW,
        NOW + timedelta(hours=2),
        revoked_at,
        reason,
    )
    builder = builder.responder_id(library.OCSPResponderEncoding.HASH, authority).certificates([authority])
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    theirs = builder.sign(key, hashes.SHA256())
    asked = hashlib.sha1(authority.subject.public_bytes(), usedforsecurity=False).digest() + bytes(20)
    codes = {"key_compromise": 1, "ca_compromise": 2, "affiliation_changed": 3, "superseded": 4,
             "cessation_of_operation": 5, "certificate_hold": 6, "privilege_withdrawn": 9,
             "aa_compromise": 10}  # fmt: skip
    status = ocsp.revoked(revoked_at, codes[reason.name]) if reason and revoked_at else ocsp.GOOD
    ours = library.load_der_ocsp_response(
        ocsp.respond(
            [ocsp.Single(ocsp.cert_id("sha1", asked, serial), status, NOW, NOW + timedelta(hours=2))],
            responder=authority.public_bytes(Encoding.DER),
            key_hash=theirs.responder_key_hash or b"",
            signer=signing.ClassicSigner(key),
            produced_at=theirs.produced_at_utc,
            nonce=der.tlv(der.OCTET_STRING, nonce) if nonce else b"",
        )
    )
    assert ours.tbs_response_bytes == theirs.tbs_response_bytes
    assert ours.certificates == theirs.certificates
    key.public_key().verify(ours.signature, ours.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("status", ocsp.Failure)
def test_a_failure_reads_as_such(status: ocsp.Failure) -> None:
    assert library.load_der_ocsp_response(ocsp.failure(status)).response_status.value == status
