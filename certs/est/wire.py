"""What EST's messages look like: base64 on one line, certs-only PKCS #7, attributes of a request.

RFC 7030 as clarified by RFC 8951. Lines are read in any form and written in none: strongSwan's client takes a
wrapped body for a broken one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from asn1crypto import cms, core, x509
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from certs.errors import LengthRequired, NotBase64, RequestTooLarge, WrongContentType
from certs.profiles import KeyRange, ProfileSpec
from certs.rules import SIZE_LIMIT

PKCS10 = "application/pkcs10"
CERTS_ONLY = "application/pkcs7-mime; smime-type=certs-only"
CSR_ATTRIBUTES = "application/csrattrs"
_LONGEST = SIZE_LIMIT * 3 // 2  # bytes of a body: base64 of the longest request, wrapped or not
_BLANK = b" \t\r\n"

_EC = "1.2.840.10045.2.1"
_RSA = "1.2.840.113549.1.1.1"
_CURVES = {
    "P-256": "1.2.840.10045.3.1.7",
    "P-384": "1.3.132.0.34",
    "P-521": "1.3.132.0.35",
    "secp256k1": "1.3.132.0.10",
    "SM2": "1.2.156.10197.1.301",
}
_SIGNATURES = {  # with which the request proves possession of such a key
    "RSA": "1.2.840.113549.1.1.11",
    "P-256": "1.2.840.10045.4.3.2",
    "P-384": "1.2.840.10045.4.3.3",
    "P-521": "1.2.840.10045.4.3.4",
    "secp256k1": "1.2.840.10045.4.3.2",
    "SM2": "1.2.156.10197.1.501",
}


def request_body(request: HttpRequest) -> bytes:
    """The PKCS #10 request that was sent, decoded from base64; whether it is one is the gate's to say.

    Raises WrongContentType, LengthRequired, RequestTooLarge, NotBase64.
    """
    if request.content_type != PKCS10:
        raise WrongContentType(wanted=PKCS10)
    size = _length(request)
    if size > _LONGEST:
        raise RequestTooLarge(size=size, limit=_LONGEST)
    try:
        decoded = base64.b64decode(request.body.translate(None, _BLANK), validate=True)
    except (binascii.Error, ValueError):
        raise NotBase64 from None
    if not decoded:
        raise NotBase64
    return decoded


def certificates(ders: Iterable[bytes]) -> HttpResponse:
    """Certificates and nothing else, as a degenerate SignedData (RFC 5652)."""
    return _answer(certs_only(ders), CERTS_ONLY)


def attributes(spec: ProfileSpec) -> HttpResponse:
    """What a request of this profile should hold: key kind, and how it is signed."""
    return _answer(csr_attributes(spec), CSR_ATTRIBUTES)


def certs_only(ders: Iterable[bytes]) -> bytes:
    """DER of a PKCS #7 that holds the certificates alone, byte by byte as they were issued."""
    ordered = sorted(set(ders))  # a SET OF in DER is sorted
    inner = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": cms.DigestAlgorithms([]),
            "encap_content_info": cms.ContentInfo({"content_type": "data"}),
            "certificates": cms.CertificateSet(
                [cms.CertificateChoices("certificate", x509.Certificate.load(der)) for der in ordered]
            ),
            "signer_infos": cms.SignerInfos([]),
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": inner}).dump())


def csr_attributes(spec: ProfileSpec) -> bytes:
    """DER of CsrAttrs (RFC 7030 section 4.5.2): each accepted key with its parameters, then the signatures.

    An RSA key's size is the least that is accepted.
    """
    parts = [_key(accepted) for accepted in spec.keys]
    signatures = dict.fromkeys(_SIGNATURES[accepted.kind] for accepted in spec.keys)
    parts += [core.ObjectIdentifier(oid).dump() for oid in signatures]
    return bytes(core.Sequence(contents=b"".join(parts)).dump())


def _key(accepted: KeyRange) -> bytes:
    if accepted.kind == "RSA":
        return _attribute(_RSA, core.Integer(accepted.least))
    return _attribute(_EC, core.ObjectIdentifier(_CURVES[accepted.kind]))


def _attribute(oid: str, value: core.Asn1Value) -> bytes:
    values = core.Set(contents=value.dump())
    return bytes(core.Sequence(contents=core.ObjectIdentifier(oid).dump() + values.dump()).dump())


def _length(request: HttpRequest) -> int:
    text = request.headers.get("Content-Length", "")
    if not (text.isascii() and text.isdigit()):
        raise LengthRequired
    return int(text[:12])


def _answer(der: bytes, content_type: str) -> HttpResponse:
    answer = HttpResponse(base64.b64encode(der), content_type=content_type)
    answer.headers["Content-Transfer-Encoding"] = "base64"
    patch_cache_control(answer, no_store=True)
    return answer
