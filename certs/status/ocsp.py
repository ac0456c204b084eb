"""OCSP's requests and responses (RFC 6960 section 4, nonces as RFC 8954), read and written as DER. Pure.

By hand because one response must be able to hold several answers, and because most of a prepared one's octets
are the same for each certificate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from certs import der
from certs.der import Malformed, read, whole
from certs.status.signing import Signer, signed

SIZE_LIMIT = 16 * 1024  # octets of a request; one of MOST_IDS has about 1 KiB
MOST_IDS = 8  # certificates in one request: clients name one, and each may cost a query
NONCE_LENGTHS = range(1, 33)  # RFC 8954 section 2.1

_OID, _BOOLEAN = 0x06, 0x01
_NONCE = bytes.fromhex("06092b0601050507300102")
_BASIC = bytes.fromhex("06092b0601050507300101")
_HASHES = {
    bytes.fromhex("06052b0e03021a"): "sha1",
    bytes.fromhex("0609608648016503040201"): "sha256",
    bytes.fromhex("0609608648016503040202"): "sha384",
    bytes.fromhex("0609608648016503040203"): "sha512",
}
_OID_OF = {name: oid for oid, name in _HASHES.items()}
_NULL = bytes.fromhex("0500")

GOOD, UNKNOWN = bytes.fromhex("8000"), bytes.fromhex("8200")


class Failure(IntEnum):
    """OCSPResponseStatus, but for success: these are not signed."""

    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    UNAUTHORIZED = 6


@dataclass(frozen=True, slots=True)
class CertId:
    """Whose status is asked; ``hash`` is "" where the algorithm is none that we know. ``der`` is echoed."""

    der: bytes
    hash: str
    issuer: bytes  # name hash and key hash, one after the other
    serial: int


@dataclass(frozen=True, slots=True)
class Request:
    """At least one certificate, and the nonce extension's value as it is to come back (b"" for none)."""

    ids: tuple[CertId, ...]
    nonce: bytes = b""


@dataclass(frozen=True, slots=True)
class Single:
    """The answer for one certificate; ``status`` is the CertStatus's DER."""

    id: bytes
    status: bytes
    this_update: datetime
    next_update: datetime


def parse(data: bytes) -> Request:
    """Raises Malformed, whatever ``data`` is. A signature is not looked at: anybody may ask."""
    if len(data) > SIZE_LIMIT:
        raise Malformed
    at, end = whole(data, 0, len(data), der.SEQUENCE)
    start, stop = read(data, at, end, der.SEQUENCE)
    if stop != end:
        whole(data, stop, end, 0xA0)  # optionalSignature
    return _tbs(data, start, stop)


def cert_id(name: str, issuer: bytes, serial: int) -> bytes:
    """The CertID as nearly everybody writes it: with NULL as the hash algorithm's parameters."""
    middle = len(issuer) // 2
    return der.tlv(
        der.SEQUENCE,
        der.tlv(der.SEQUENCE, _OID_OF[name], _NULL),
        der.tlv(der.OCTET_STRING, issuer[:middle]),
        der.tlv(der.OCTET_STRING, issuer[middle:]),
        der.integer(serial),
    )


def revoked(at: datetime, reason: int) -> bytes:
    """CertStatus "revoked"; ``reason`` is the CRLReason's number, 0 for none given."""
    code = der.tlv(0xA0, der.tlv(der.ENUMERATED, bytes((reason,)))) if reason else b""
    return der.tlv(0xA1, der.generalized_time(at), code)


def respond(
    singles: Iterable[Single],
    *,
    responder: bytes,
    key_hash: bytes,
    signer: Signer,
    produced_at: datetime,
    nonce: bytes = b"",
) -> bytes:
    """A successful response; with the certificate of ``responder``, whose key ``key_hash`` names."""
    content = der.tlv(
        der.SEQUENCE,
        der.tlv(0xA2, der.tlv(der.OCTET_STRING, key_hash)),
        der.generalized_time(produced_at),
        der.tlv(der.SEQUENCE, *map(_single, singles)),
        der.tlv(0xA1, der.tlv(der.SEQUENCE, _extension(_NONCE, nonce))) if nonce else b"",
    )
    basic = signed(content, signer, der.tlv(0xA0, der.tlv(der.SEQUENCE, responder)))
    answer = der.tlv(0xA0, der.tlv(der.SEQUENCE, _BASIC, der.tlv(der.OCTET_STRING, basic)))
    return der.tlv(der.SEQUENCE, der.tlv(der.ENUMERATED, b"\0"), answer)


def failure(status: Failure) -> bytes:
    """A response that says why there is no answer."""
    return der.tlv(der.SEQUENCE, der.tlv(der.ENUMERATED, bytes((status,))))


def _single(answer: Single) -> bytes:
    return der.tlv(
        der.SEQUENCE,
        answer.id,
        answer.status,
        der.generalized_time(answer.this_update),
        der.tlv(0xA0, der.generalized_time(answer.next_update)),
    )


def _extension(oid: bytes, value: bytes) -> bytes:
    return der.tlv(der.SEQUENCE, oid, der.tlv(der.OCTET_STRING, value))


def _tbs(data: bytes, at: int, end: int) -> Request:
    if at < end and data[at] == 0xA0:  # version: v1 is all there is
        at, stop = read(data, at, end, 0xA0)
        if data[at:stop] != b"\x02\x01\x00":
            raise Malformed
        at = stop
    if at < end and data[at] == 0xA1:  # requestorName: nobody's name matters
        at = read(data, at, end, 0xA1)[1]
    first, last = read(data, at, end, der.SEQUENCE)
    nonce = b""
    if last != end:
        nonce = _nonce(data, *whole(data, last, end, 0xA2))
    return Request(_ids(data, first, last), nonce)


def _ids(data: bytes, at: int, end: int) -> tuple[CertId, ...]:
    found: list[CertId] = []
    while at < end:
        start, stop = read(data, at, end, der.SEQUENCE)
        found.append(_id(data, start, stop))
        at = stop
    if not 1 <= len(found) <= MOST_IDS:
        raise Malformed
    return tuple(found)


def _id(data: bytes, at: int, end: int) -> CertId:
    """One Request: its CertID, and extensions none of which is known here."""
    start, stop = read(data, at, end, der.SEQUENCE)
    if stop != end:
        _nonce(data, *whole(data, stop, end, 0xA0), wanted=b"")
    algorithm, after = read(data, start, stop, der.SEQUENCE)
    oid = data[algorithm : read(data, algorithm, after, _OID)[1]]
    if data[algorithm + len(oid) : after] not in (b"", _NULL):
        raise Malformed
    name, after = read(data, after, stop, der.OCTET_STRING)
    key, key_end = read(data, after, stop, der.OCTET_STRING)
    number, last = whole(data, key_end, stop, der.INTEGER)
    return CertId(
        data[at:stop],
        _HASHES.get(oid, ""),
        data[name:after] + data[key:key_end],
        _serial(data[number:last]),
    )


def _serial(octets: bytes) -> int:
    value = int.from_bytes(octets, "big", signed=True)
    if not octets or (len(octets) > 1 and octets[0] in (0, 0xFF) and (octets[0] ^ octets[1]) < 0x80):
        raise Malformed  # not the shortest form
    return value


def _nonce(data: bytes, at: int, end: int, wanted: bytes = _NONCE) -> bytes:
    """The value of the extension ``wanted`` (b"" for none); an unknown one that is critical is fatal."""
    at, end = whole(data, at, end, der.SEQUENCE)
    found = b""
    while at < end:
        start, stop = read(data, at, end, der.SEQUENCE)
        oid = data[start : read(data, start, stop, _OID)[1]]
        critical, value = _value(data, start + len(oid), stop)
        if oid == wanted:
            inner, last = whole(value, 0, len(value), der.OCTET_STRING)
            if found or last - inner not in NONCE_LENGTHS:
                raise Malformed
            found = value
        elif critical:
            raise Malformed
        at = stop
    return found


def _value(data: bytes, at: int, end: int) -> tuple[bool, bytes]:
    critical = False
    if at < end and data[at] == _BOOLEAN:
        start, at = read(data, at, end, _BOOLEAN)
        critical = data[start:at] != b"\0"
    start, stop = whole(data, at, end, der.OCTET_STRING)
    return critical, data[start:stop]
