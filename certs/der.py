"""The little DER that certificates, lists and answers are put together from by hand, and reading it (X.690).

By hand because the octets that were inspected are those that are signed, and because the entries of a list
are encoded once, at revocation, and only strung together afterwards.
"""

from __future__ import annotations

from datetime import UTC, datetime

INTEGER, BIT_STRING, OCTET_STRING, ENUMERATED = 0x02, 0x03, 0x04, 0x0A
UTC_TIME, GENERALIZED_TIME, SEQUENCE = 0x17, 0x18, 0x30


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: ``tag``, its length in the shortest form, ``parts`` one after the other."""
    content = parts[0] if len(parts) == 1 else b"".join(parts)
    return header(tag, len(content)) + content


def header(tag: int, length: int) -> bytes:
    """Tag and length of an element whose content has ``length`` octets."""
    if length < 0x80:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets


def integer(value: int) -> bytes:
    """An INTEGER that is not negative."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def time(at: datetime) -> bytes:
    """RFC 5280 section 5.1.2.4: UTCTime until 2049, GeneralizedTime from 2050 on; whole seconds."""
    utc = at.astimezone(UTC)
    if utc.year < 2050:
        return tlv(UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode("ascii"))
    return generalized_time(at)


def generalized_time(at: datetime) -> bytes:
    """GeneralizedTime whatever the year, as OCSP wants it; whole seconds."""
    return tlv(GENERALIZED_TIME, at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode("ascii"))


class Malformed(ValueError):
    """Not DER of the shape that was asked for."""


def read(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` starts and ends: of ``tag``, and no further than ``end``.

    Raises Malformed, also on lengths that are indefinite or longer than need be.
    """
    if at + 2 > end or data[at] != tag:
        raise Malformed
    length = data[at + 1]
    at += 2
    if length >= 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[at : at + count], "big")
        if not 1 <= count <= 4 or at + count > end or header(tag, length)[2:] != data[at : at + count]:
            raise Malformed
        at += count
    if at + length > end:
        raise Malformed
    return at, at + length


def whole(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """As :func:`read`, but the element must end where ``end`` is."""
    start, stop = read(data, at, end, tag)
    if stop != end:
        raise Malformed
    return start, stop
