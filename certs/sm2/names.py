"""What 国密 structures are recognised by, as DER (GM/T 0006, GM/T 0009, GB/T 32918.5)."""

from __future__ import annotations

CURVE_OID = bytes.fromhex("06082a811ccf5501822d")  # 1.2.156.10197.1.301, sm2p256v1
# AlgorithmIdentifier of SM2 signatures over SM3: 1.2.156.10197.1.501, without parameters
SM2_WITH_SM3 = bytes.fromhex("300a06082a811ccf55018375")
# Before the 64 octets of x and y in a SubjectPublicKeyInfo: EC key on that curve, point not compressed.
# There is one DER for a key, so that a key has one fingerprint.
SPKI_START = bytes.fromhex("3059301306072a8648ce3d0201") + CURVE_OID + bytes.fromhex("03420004")
SPKI_LENGTH = len(SPKI_START) + 64


def is_sm2(spki: bytes) -> bool:
    """Is this SubjectPublicKeyInfo of a key on the SM2 curve? Nothing is said of the point."""
    return spki.startswith(SPKI_START) and len(spki) == SPKI_LENGTH


def point_hex(spki: bytes) -> str:
    """x and y without a prefix, 128 lower-case hex digits: what FISCO BCOS's SM mode lists a node by."""
    return spki[len(SPKI_START) :].hex()


def point(spki: bytes) -> tuple[int, int]:
    """x and y."""
    octets = spki[len(SPKI_START) :]
    return int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big")
