"""A relying party in Python: requests, and answers checked as RFC 6960 section 3.2 wants them checked."""

from __future__ import annotations

import base64
from datetime import datetime
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.models import Certificate
from tests.certs.status.conftest import issuer_of, leaf

SHA1 = hashes.SHA1()  # noqa: S303  the hash that nearly every client names issuers by
SHA256 = hashes.SHA256()


def request_for(
    certificate: Certificate, *, algorithm: hashes.HashAlgorithm = SHA1, nonce: bytes | None = None
) -> bytes:
    """As a client makes it from the certificate and its issuer's."""
    builder = ocsp.OCSPRequestBuilder()
    builder = builder.add_certificate(leaf(certificate), issuer_of(certificate.authority), algorithm)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def request_for_serial(serial: int, issuer: x509.Certificate, nonce: bytes | None = None) -> bytes:
    """For a serial number that no certificate has."""
    name, key = (hashes.Hash(SHA1), hashes.Hash(SHA1))
    name.update(issuer.subject.public_bytes())
    public = issuer.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    from cryptography.hazmat.primitives.serialization import PublicFormat

    key.update(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name.finalize(), key.finalize(), serial, SHA1)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def get_path(request: bytes) -> str:
    """RFC 6960 appendix A.1.1."""
    return "/pki/ocsp/" + quote(base64.b64encode(request).decode(), safe="")


def checked(answer: bytes, issuer: x509.Certificate, now: datetime) -> ocsp.OCSPResponse:
    """The response, when everything about it holds that a relying party must check."""
    response = ocsp.load_der_ocsp_response(answer)
    assert response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    (own,) = response.certificates
    own.verify_directly_issued_by(issuer)
    usages = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert own.extensions.get_extension_for_class(x509.OCSPNoCheck)
    key = own.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
    for single in response.responses:
        assert single.next_update_utc is not None
        assert single.this_update_utc <= now < single.next_update_utc <= own.not_valid_after_utc
    return response
