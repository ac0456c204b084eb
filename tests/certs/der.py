"""Writing DER by hand, also such as no library would write."""

from __future__ import annotations


def tlv(tag: int, content: bytes) -> bytes:
    """An element of one-octet tag, with the shortest length."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    return tlv(0x31, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    return tlv(
        0x02, value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True)
    )


def boolean(value: bool) -> bytes:
    return tlv(0x01, b"\xff" if value else b"\x00")


def null() -> bytes:
    return tlv(0x05, b"")


def octet_string(content: bytes) -> bytes:
    return tlv(0x04, content)


def bit_string(content: bytes, unused: int = 0) -> bytes:
    return tlv(0x03, bytes([unused]) + content)


def utf8(text: str) -> bytes:
    return tlv(0x0C, text.encode())


def context(number: int, content: bytes) -> bytes:
    """Constructed, context-specific."""
    return tlv(0xA0 | number, content)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    return tlv(0x06, b"".join(map(_arc, (first * 40 + second, *rest))))


def _arc(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))
