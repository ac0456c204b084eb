"""Taking DER apart by its lengths alone (X.690): what stands where, without believing any library's view.

For certificates of our own making: anything else than definite, shortest lengths raises ContentMismatch.
"""

from __future__ import annotations

from typing import NamedTuple

from certs.errors import ContentMismatch

_VERSION = 0xA0


class Parts(NamedTuple):
    """A certificate's three elements (RFC 5280 section 4.1); ``signature`` without the unused-bits octet."""

    tbs: bytes
    algorithm: bytes
    signature: bytes


class Fields(NamedTuple):
    """The elements of a TBSCertificate of version 3, each complete with tag and length."""

    version: bytes
    serial: bytes
    algorithm: bytes
    issuer: bytes
    validity: bytes
    subject: bytes
    spki: bytes
    extensions: bytes


def parts(certificate: bytes) -> Parts:
    """Raises ContentMismatch unless there are exactly the three, and nothing behind them."""
    found = elements(certificate)
    if len(found) != 3 or found[2][:1] != b"\x03" or content(found[2])[:1] != b"\x00":
        raise ContentMismatch(what="the certificate's form")
    return Parts(found[0], found[1], content(found[2])[1:])


def fields(tbs: bytes) -> Fields:
    """Raises ContentMismatch on any other version, and on unique identifiers, which nobody uses."""
    found = elements(tbs)
    if len(found) != 8 or found[0][0] != _VERSION:
        raise ContentMismatch(what="the certificate's form")
    return Fields(*found)


def spki_of(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, DER."""
    return fields(parts(certificate).tbs).spki


def elements(constructed: bytes) -> list[bytes]:
    """The elements inside a constructed one, each complete."""
    end = len(constructed)
    at, whole = _span(constructed, 0)
    if whole != end:
        raise ContentMismatch(what="the encoding")
    found = []
    while at < end:
        _inner, after = _span(constructed, at)
        found.append(constructed[at:after])
        at = after
    if at != end:
        raise ContentMismatch(what="the encoding")
    return found


def content(element: bytes) -> bytes:
    """What is inside an element."""
    start, end = _span(element, 0)
    if end != len(element):
        raise ContentMismatch(what="the encoding")
    return element[start:]


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` starts and ends."""
    try:
        length, start = data[at + 1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            start += octets
            length = int.from_bytes(data[at + 2 : start], "big")
            if not octets or length < 0x80 or length.bit_length() <= 8 * (octets - 1):
                raise ContentMismatch(what="the encoding")
    except IndexError:
        raise ContentMismatch(what="the encoding") from None
    if start + length > len(data):
        raise ContentMismatch(what="the encoding")
    return start, start + length


def serial_of(certificate: bytes) -> int:
    """The serial number of a certificate, DER."""
    return int.from_bytes(content(fields(parts(certificate).tbs).serial), "big")
