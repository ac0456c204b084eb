"""Parts of a certificate as their own octets, which a library would decode and encode again."""

from __future__ import annotations

from certs import der


def subject_of(certificate: bytes) -> bytes:
    """The subject, DER: relying parties compare names, and some compare them octet by octet."""
    at, end = _subject(certificate)
    return certificate[at:end]


def public_key_of(certificate: bytes) -> bytes:
    """The content of subjectPublicKey's BIT STRING: what RFC 6960 hashes to name a key."""
    start, stop = der.read(certificate, _subject(certificate)[1], len(certificate), der.SEQUENCE)
    after_algorithm = der.read(certificate, start, stop, der.SEQUENCE)[1]
    at, end = der.whole(certificate, after_algorithm, stop, der.BIT_STRING)
    return certificate[at + 1 : end]


def _subject(certificate: bytes) -> tuple[int, int]:
    at, end = der.whole(certificate, 0, len(certificate), der.SEQUENCE)
    at, end = der.read(certificate, at, end, der.SEQUENCE)
    for tag in (0xA0, der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE):  # up to the validity
        at = der.read(certificate, at, end, tag)[1]
    return at, der.read(certificate, at, end, der.SEQUENCE)[1]
