"""Certificate requests that no authority may accept: one table for our gate, its interfaces and other CAs.

``hostile_requests(seed, count)`` yields as many as wanted, always the same for a seed. Each is hostile for
the profiles "evm-node" and "fisco-bcos-3" alike, whoever sends it for Heming Bank's node settlement-1.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache

import gmpy2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.certs.der import (
    bit_string,
    boolean,
    context,
    integer,
    null,
    octet_string,
    oid,
    sequence,
    set_of,
    tlv,
    utf8,
)

ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
RSA_SHA256 = sequence(oid("1.2.840.113549.1.1.11"), null())
RSA = sequence(oid("1.2.840.113549.1.1.1"), null())
COMMON_NAME, ORGANIZATION = "2.5.4.3", "2.5.4.10"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
SAN, BASIC_CONSTRAINTS, KEY_USAGE = "2.5.29.17", "2.5.29.19", "2.5.29.15"
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
VERSION_1 = integer(0)
MARKS = (
    *("\x00", "\x01", "\n", "\x1b[31m"),
    *("\u200b", "\u200e", "\u202e", "\u2066", "\ufeff", "\u00ad", "\U000e0041"),
)
OTHERS_URN = "urn:consortium:00000000-0000-4000-8000-000000000001:node:00000000-0000-4000-8000-000000000002"


# --- Making requests of any shape -------------------------------------------------------------------------
def rdn(attribute: str, value: bytes) -> bytes:
    return set_of(sequence(oid(attribute), value))


def extension(number: str, value: bytes, *, critical: bool = False) -> bytes:
    return sequence(oid(number), *([boolean(True)] if critical else []), octet_string(value))


def extensions(*each: bytes) -> bytes:
    return sequence(oid(EXTENSION_REQUEST), set_of(sequence(*each)))


def body(spki: bytes, *, name: bytes = b"", attributes: bytes = b"", version: bytes = VERSION_1) -> bytes:
    """CertificationRequestInfo; ``name`` and ``attributes`` without their outer tag."""
    return sequence(version, sequence(name), spki, context(0, attributes))


def spki_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(info: bytes, key: ec.EllipticCurvePrivateKey, algorithm: bytes = ECDSA_SHA256) -> bytes:
    """The request with a right signature over ``info``, whatever that is."""
    signature = key.sign(info, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return sequence(info, algorithm, bit_string(signature))


def rsa_spki(modulus: int, exponent: int) -> bytes:
    return sequence(RSA, bit_string(sequence(integer(modulus), integer(exponent))))


def rsa_request(modulus: int, exponent: int, private: int, name: bytes = b"") -> bytes:
    """Signed by arithmetic (RFC 8017 section 8.2): no library would load such a private key."""
    info = body(rsa_spki(modulus, exponent), name=name)
    size = (modulus.bit_length() + 7) // 8
    digest = SHA256_INFO + hashlib.sha256(info).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    signed_number = gmpy2.powmod(int.from_bytes(padded, "big"), private, modulus)
    signature = int(signed_number).to_bytes(size, "big")
    return sequence(info, RSA_SHA256, bit_string(signature))


def pem(der: bytes, label: bytes = b"CERTIFICATE REQUEST") -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN " + label + b"-----\n" + text + b"-----END " + label + b"-----\n"


# --- RSA keys that anybody can factor ---------------------------------------------------------------------
def _private(exponent: int, *primes: int) -> int:
    order = 1
    for prime in primes:
        order *= prime - 1
    return int(gmpy2.invert(exponent, order))


def _next_prime(start: int) -> int:
    found = start | 1
    while not gmpy2.is_prime(found, 3):
        found += 2
    return found


def _prime(rng: random.Random, bits: int) -> int:
    """With the two top bits set, and with no divisor of 65537, 3 or 65539 before it."""
    while True:
        found = _next_prime(rng.getrandbits(bits) | 0b11 << (bits - 2))
        if found.bit_length() == bits and all(found % e != 1 for e in (3, 65537, 65539)):
            return found


def _roca_prime(rng: random.Random, bits: int) -> int:
    """k·M + 65537^a mod M, as Infineon's library made them (Nemec et al., CCS 2017, section 2)."""
    product = int(gmpy2.primorial(701))  # the first 126 primes
    while True:
        residue = pow(65537, rng.getrandbits(64), product)
        top = (0b11 << (bits - 2)) // product + rng.getrandbits(bits - 3 - product.bit_length())
        found = top * product + residue
        if found.bit_length() == bits and gmpy2.is_prime(found, 3) and found % 65537 != 1:
            return found


RsaKey = tuple[int, int, int]  # modulus, public and private exponent


@cache
def weak_rsa_keys(bits: int, seed: int = 0) -> dict[str, RsaKey]:
    """A key of each flaw that the gate knows, ``bits`` long, by arithmetic."""
    rng = random.Random(seed)
    half = bits // 2
    p, q = _prime(rng, half), _prime(rng, half)
    near = _next_prime(p + rng.getrandbits(64))
    one, other = _roca_prime(rng, half), _roca_prime(rng, half)
    small, large = 65521, _prime(rng, bits - 16)
    whole = _prime(rng, bits)
    while near % 65537 == 1:
        near = _next_prime(near + 2)
    return {
        "close-primes": (p * near, 65537, _private(65537, p, near)),
        "roca": (one * other, 65537, _private(65537, one, other)),
        "small-factor": (small * large, 65537, _private(65537, small, large)),
        "prime-modulus": (whole, 65537, _private(65537, whole)),
        "square": (p * p, 65537, int(gmpy2.invert(65537, p * (p - 1)))),
        "exponent-3": (p * q, 3, _private(3, p, q)),
        "exponent-1": (p * q, 1, 1),
        "exponent-65539": (p * q, 65539, _private(65539, p, q)),
        "small-private-exponent": (p * q, *_wiener(rng, p, q)),
    }


def _wiener(rng: random.Random, p: int, q: int) -> tuple[int, int]:
    """A private exponent of 200 bits: the public one betrays it (Wiener, 1990)."""
    order = (p - 1) * (q - 1)
    while True:
        private = rng.getrandbits(200) | 1 << 199 | 1
        if gmpy2.gcd(private, order) == 1:
            return int(gmpy2.invert(private, order)), private


@cache
def short_rsa_key(bits: int, seed: int = 0) -> RsaKey:
    rng = random.Random(seed + bits)
    p, q = _prime(rng, bits // 2), _prime(rng, bits // 2)
    return p * q, 65537, _private(65537, p, q)


# --- The kinds --------------------------------------------------------------------------------------------
class Maker:
    """One sender of hostile requests. ``seen``: a key that the authority under attack has seen before."""

    def __init__(self, seed: int, seen: ec.EllipticCurvePrivateKey | None = None) -> None:
        self.rng = random.Random(seed)
        self.seen = seen

    def key(self) -> ec.EllipticCurvePrivateKey:
        """A sound key, always the same for a seed. Never one of small numbers."""
        return ec.derive_private_key(self.rng.getrandbits(255) | 1 << 254, ec.SECP256R1())

    def named(self, *names: bytes, **options: bytes) -> bytes:
        """A request over a sound key, rightly signed: what is wrong with it is in the names."""
        key = self.key()
        return signed(body(spki_of(key), name=b"".join(names), **options), key)

    def wanting(self, *each: bytes) -> bytes:
        """Likewise, with extensions."""
        return self.named(attributes=extensions(*each))

    def sound(self) -> bytes:
        """Nothing wrong with it: to be broken by others. Without a name, so it fits every node."""
        return self.wanting(extension(BASIC_CONSTRAINTS, sequence(), critical=True))

    def some(self, *choices: bytes) -> bytes:
        return self.rng.choice(choices)


Kind = Callable[[Maker], bytes]
KINDS: dict[str, Kind] = {}


def kind(made: Kind) -> Kind:
    KINDS[made.__name__.replace("_", "-")] = made
    return made


@kind
def bytes_changed(maker: Maker) -> bytes:
    data = bytearray(maker.sound())
    before = bytes(data)
    while bytes(data) == before:
        for _ in range(maker.rng.randint(1, 4)):
            data[maker.rng.randrange(len(data))] ^= maker.rng.randint(1, 255)
    return bytes(data)


@kind
def bytes_put_in(maker: Maker) -> bytes:
    data, at = maker.sound(), maker.rng.randint(0, 200)
    return data[:at] + maker.rng.randbytes(maker.rng.randint(1, 40)) + data[at:]


@kind
def bytes_left_out(maker: Maker) -> bytes:
    data, at = maker.sound(), maker.rng.randint(0, 200)
    return data[:at] + data[at + maker.rng.randint(1, 20) :]


@kind
def truncated(maker: Maker) -> bytes:
    data = maker.sound()
    return data[: maker.rng.randrange(len(data))]


@kind
def something_behind_it(maker: Maker) -> bytes:
    return maker.sound() + maker.some(b"\x00", b"\x05\x00", maker.sound(), maker.rng.randbytes(9))


@kind
def noise(maker: Maker) -> bytes:
    return maker.some(b"", b"\x30", b"\x30\x80") + maker.rng.randbytes(maker.rng.randint(0, 600))


@kind
def noise_in_pem(maker: Maker) -> bytes:
    return pem(maker.rng.randbytes(maker.rng.randint(0, 600)))


@kind
def something_else(maker: Maker) -> bytes:
    key = maker.key()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "settlement-1")])
    start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, end)
    certificate = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    return maker.some(
        certificate.public_bytes(Encoding.DER),
        certificate.public_bytes(Encoding.PEM),
        pem(certificate.public_bytes(Encoding.DER)),
        spki_of(key),
        private,
        private + pem(maker.sound()),
        b'{"csr": null}',
        b"<script>alert(1)</script>",
        b"'; DROP TABLE certs_certificaterequest; --",
    )


@kind
def pem_tricks(maker: Maker) -> bytes:
    one, other = pem(maker.sound()), pem(maker.sound())
    return maker.some(
        one + other,
        one.replace(b"CERTIFICATE REQUEST", b"CERTIFICATE"),
        one.replace(b"-----END CERTIFICATE", b"-----END NEW CERTIFICATE"),
        one.decode().encode("utf-16"),
        one[: len(one) // 2],
        one.replace(b"\n", b"\n\x00"),
        b"-----BEGIN CERTIFICATE REQUEST-----\n" + one,
        one.replace(b"-----END CERTIFICATE REQUEST-----", b"-----END"),
        pem(maker.sound()[:-1]),
        pem(one),
    )


@kind
def signed_by_another_key(maker: Maker) -> bytes:
    return signed(body(spki_of(maker.key())), maker.key())


@kind
def another_ones_key(maker: Maker) -> bytes:
    """The public key of somebody else's request, taken from the wire; the sender can't sign with it."""
    mine, theirs = maker.key(), maker.key()
    return signed(body(spki_of(theirs), name=rdn(COMMON_NAME, utf8("settlement-1"))), mine)


@kind
def signature_of_nothing(maker: Maker) -> bytes:
    info = body(spki_of(maker.key()))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signature = maker.some(
        b"",
        bytes(64),
        sequence(integer(0), integer(0)),
        sequence(integer(1), integer(0)),
        sequence(integer(order), integer(order)),
        sequence(integer(-1), integer(-1)),
        sequence(integer(1 << 4000), integer(1)),
        maker.rng.randbytes(71),
    )
    return sequence(info, ECDSA_SHA256, bit_string(signature))


@kind
def signature_of_another_request(maker: Maker) -> bytes:
    """Right over other content: somebody changed the names on the way."""
    key = maker.key()
    info = body(spki_of(key))
    signature = key.sign(info + maker.rng.randbytes(1), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return sequence(info, ECDSA_SHA256, bit_string(signature))


@kind
def weak_signature(maker: Maker) -> bytes:
    """SHA-1 and MD5, rightly signed or only said to be."""
    key = maker.key()
    info = body(spki_of(key))
    sha1 = key.sign(info, ec.ECDSA(hashes.SHA1(), deterministic_signing=True))  # noqa: S303
    return maker.some(
        sequence(info, sequence(oid("1.2.840.10045.4.1")), bit_string(sha1)),
        signed(info, key, sequence(oid("1.2.840.113549.1.1.5"), null())),
        signed(info, key, sequence(oid("1.2.840.113549.1.1.4"), null())),
    )


@kind
def other_algorithm_named(maker: Maker) -> bytes:
    """ECDSA with SHA-256 in truth; the identifier says otherwise, or says too much."""
    key = maker.key()
    return signed(
        body(spki_of(key)),
        key,
        maker.some(
            RSA_SHA256,
            sequence(oid("1.2.840.10045.4.3.3")),
            sequence(oid("1.3.101.112")),
            sequence(oid("1.2.3.4")),
            sequence(oid("1.2.840.113549.1.1.10")),
            sequence(),
            sequence(null()),
        ),
    )


@kind
def weak_rsa(maker: Maker) -> bytes:
    flaws = weak_rsa_keys(maker.rng.choice((2048, 3072)))
    return rsa_request(*flaws[maker.rng.choice(sorted(flaws))], name=_numbered(maker))


@kind
def short_rsa(maker: Maker) -> bytes:
    return rsa_request(*short_rsa_key(maker.rng.choice((768, 1024, 1536, 2000))), name=_numbered(maker))


@kind
def impossible_rsa(maker: Maker) -> bytes:
    """Numbers that are no key at all; with exponent 1 every signature is its own message."""
    modulus = maker.rng.getrandbits(2048) | 1 << 2047
    return maker.some(
        rsa_request(modulus & ~1, 65537, 1),
        rsa_request(modulus | 1, 1, 1),
        _unsigned_rsa(0, 65537),
        _unsigned_rsa(1, 65537),
        _unsigned_rsa(-modulus, 65537),
        _unsigned_rsa(modulus | 1, 0),
        _unsigned_rsa(modulus | 1, -3),
        _unsigned_rsa(modulus | 1, modulus * 2),
        _unsigned_rsa(modulus | 1, 1 << 20_000),
        _unsigned_rsa(1 << 40_000 | 1, 65537),
    )


def _unsigned_rsa(modulus: int, exponent: int) -> bytes:
    return sequence(body(rsa_spki(modulus, exponent)), RSA_SHA256, bit_string(b"\x01" * 256))


@kind
def tiny_ec_key(maker: Maker) -> bytes:
    """The private number is 1, 2, … or the curve's order less it."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = maker.rng.randint(1, 4096)
    key = ec.derive_private_key(maker.rng.choice((number, order - number)), ec.SECP256R1())
    return signed(body(spki_of(key), name=_numbered(maker)), key)


@kind
def other_curve(maker: Maker) -> bytes:
    curve = maker.rng.choice((ec.SECP224R1(), ec.SECP256K1(), ec.SECP521R1(), ec.BrainpoolP256R1()))
    key = ec.derive_private_key(maker.rng.getrandbits(200) | 1 << 199, curve)
    return signed(body(spki_of(key)), key)


@kind
def other_kind_of_key(maker: Maker) -> bytes:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(maker.rng.randbytes(32))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    unknown = sequence(sequence(oid("1.2.3.4.5")), bit_string(maker.rng.randbytes(65)))
    return maker.some(
        builder.sign(key, None).public_bytes(Encoding.DER),
        signed(body(unknown), maker.key()),
        signed(body(sequence(sequence(oid("1.2.840.10040.4.1")), bit_string(integer(5)))), maker.key()),
    )


@kind
def point_off_the_curve(maker: Maker) -> bytes:
    key = maker.key()
    good = spki_of(key)
    point = maker.some(
        good[-65:-1] + bytes([good[-1] ^ 1]),
        b"\x00",
        b"\x04" + bytes(64),
        b"\x04" + b"\xff" * 64,
        b"\x02" + b"\xff" * 32,
        b"\x04" + good[-64:-1],
        b"\x05" + good[-64:],
        b"",
    )
    curve = sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"))
    return signed(body(sequence(curve, bit_string(point))), key)


@kind
def curve_of_its_own(maker: Maker) -> bytes:
    """Explicit parameters: who chooses the base point knows any private key (CVE-2020-0601)."""
    key = maker.key()
    field = sequence(oid("1.2.840.10045.1.1"), integer(2**256 - 2**224 + 2**192 + 2**96 - 1))
    coefficients = sequence(octet_string(bytes(31) + b"\x03"), octet_string(maker.rng.randbytes(32)))
    point = spki_of(key)[-65:]
    parameters = sequence(integer(1), field, coefficients, octet_string(point), integer(7), integer(1))
    spki = sequence(
        sequence(oid("1.2.840.10045.2.1"), maker.some(parameters, null(), oid("1.2.3.4"), b"")),
        bit_string(point),
    )
    return signed(body(spki), key)


@kind
def said_to_be_sm2(maker: Maker) -> bytes:
    """The SM2 curve's identifier, with a point or a signature that is none of it."""
    key = maker.key()
    algorithm = sequence(oid("1.2.840.10045.2.1"), oid("1.2.156.10197.1.301"))
    point = maker.some(spki_of(key)[-65:], b"", b"\x00", maker.rng.randbytes(65), b"\x04" + bytes(64))
    sm3 = sequence(oid("1.2.156.10197.1.501"))
    return signed(body(sequence(algorithm, bit_string(point))), key, maker.some(sm3, ECDSA_SHA256))


@kind
def too_large(maker: Maker) -> bytes:
    many = sequence(*(context_string(2, f"{number}.example") for number in range(2_000)))
    return maker.some(
        maker.wanting(extension(SAN, many)),
        maker.named(rdn(COMMON_NAME, utf8("x" * 20_000))),
        pem(maker.sound()) + b"\n" * 20_000,
        maker.rng.randbytes(20_000),
        b"\x30" * 40_000,
        maker.sound() + bytes(70_000),
    )


@kind
def length_that_is_not_there(maker: Maker) -> bytes:
    data = maker.sound()
    return maker.some(
        b"\x30\x84\xff\xff\xff\xff" + data[4:],
        b"\x30\x88" + b"\x7f" * 8 + data[4:],
        b"\x30\xff" + b"\x01" * 127 + data,
        b"\x3f\xff\xff\xff\xff\x7f" + data[2:],
    )


@kind
def indefinite_length(maker: Maker) -> bytes:
    """BER that DER forbids, outside and inside, with a right signature over what is inside."""
    key = maker.key()
    info = b"\x30\x80" + body(spki_of(key))[3:] + b"\x00\x00"
    data = maker.sound()
    return maker.some(signed(info, key), b"\x30\x80" + data[4:] + b"\x00\x00")


@kind
def longer_length_than_needed(maker: Maker) -> bytes:
    key = maker.key()
    inner = body(spki_of(key))
    content = inner[3:] if inner[1] == 0x81 else inner[2:]
    info = b"\x30\x82" + len(content).to_bytes(2, "big") + content
    long_version = b"\x02\x02\x00\x00"
    return maker.some(
        signed(b"\x30\x83\x00" + info[2:], key),
        maker.named(version=long_version),
        maker.named(version=b"\x02\x00"),
    )


@kind
def odd_encodings(maker: Maker) -> bytes:
    """Booleans that are neither, strings of the wrong kind, versions and shapes that do not exist."""
    key = maker.key()
    ca_false = sequence(tlv(0x01, b"\x01"))
    twice = extension(BASIC_CONSTRAINTS, sequence())
    return maker.some(
        maker.wanting(extension(BASIC_CONSTRAINTS, ca_false)),
        maker.wanting(twice, twice),
        maker.wanting(extension(SAN, b"")),
        maker.wanting(extension(SAN, sequence())),
        maker.wanting(extension(SAN, sequence(tlv(0x8F, b"?")))),
        maker.wanting(extension(SAN, sequence(tlv(0x87, b"\x01\x02\x03")))),
        maker.wanting(extension(SAN, integer(5))),
        maker.wanting(extension(KEY_USAGE, bit_string(b""))),
        maker.wanting(extension(BASIC_CONSTRAINTS, sequence(boolean(False), integer(-1)))),
        maker.named(rdn(COMMON_NAME, integer(7))),
        maker.named(
            rdn(COMMON_NAME, tlv(maker.rng.choice((0x01, 0x04, 0x07, 0x15, 0x25, 0x45)), b"settlement-1"))
        ),
        maker.named(rdn(COMMON_NAME, tlv(0x0C, b"\xff\xfe\xc0"))),
        maker.named(rdn(COMMON_NAME, tlv(0x1E, b"\x00"))),
        maker.named(rdn(COMMON_NAME, tlv(0x13, "和鸣".encode()))),
        maker.named(rdn(COMMON_NAME, utf8(""))),
        maker.named(tlv(0x31, b"")),
        maker.named(version=integer(maker.rng.choice((1, 2, 255, -1, 1 << 512)))),
        maker.named(attributes=sequence(oid(EXTENSION_REQUEST), set_of())),
        maker.named(attributes=sequence(oid(EXTENSION_REQUEST), set_of(integer(1)))),
        maker.named(attributes=integer(3)),
        signed(sequence(VERSION_1, sequence(), spki_of(key)), key),
        signed(sequence(), key),
        sequence(body(spki_of(key)), ECDSA_SHA256),
        sequence(),
    )


@kind
def deep_nesting(maker: Maker) -> bytes:
    depth = maker.rng.choice((50, 500, 3_000))
    nest = b""
    for _ in range(depth):
        nest = sequence(nest)
        if len(nest) > 12_000:
            break
    return maker.some(nest, signed(nest, maker.key()), signed(body(nest), maker.key()))


@kind
def huge_integers(maker: Maker) -> bytes:
    huge = integer(1 << maker.rng.choice((8_000, 60_000, 100_000)))
    return maker.some(maker.named(version=huge), signed(sequence(huge), maker.key()), huge)


@kind
def wrong_identifiers(maker: Maker) -> bytes:
    """Object identifiers with endless arcs, none, or bits that may not be."""
    wrong = maker.some(b"", b"\x80\x01", b"\xff" * 40, b"\x2a\x86", b"\x80")
    return maker.named(set_of(sequence(tlv(0x06, wrong), utf8("settlement-1"))))


@kind
def unseen_characters(maker: Maker) -> bytes:
    """NUL, direction changes, zero width: what is read is not what is there."""
    mark = maker.rng.choice(MARKS)
    text = "settlement-1"
    at = maker.rng.randint(0, len(text))
    text = text[:at] + mark + text[at:]
    attribute = maker.rng.choice((COMMON_NAME, ORGANIZATION, "2.5.4.11", "2.5.4.5", "1.2.840.113549.1.9.1"))
    return maker.some(
        maker.named(rdn(attribute, utf8(text))),
        maker.wanting(extension(SAN, sequence(context_string(2, f"{mark}.example")))),
        maker.wanting(extension(SAN, sequence(context_string(6, f"urn:consortium:{mark}")))),
    )


@kind
def looks_like_its_own(maker: Maker) -> bytes:
    """Nearly the node's name: a Cyrillic letter, a space, a dot, the name of the one beside it."""
    near = maker.rng.choice(
        (
            "s\u0435ttlement-1",
            "settlement-1 ",
            " settlement-1",
            "settlement-1.",
            "Settlement-1",
            "settlement-11",
            "settlement-2",
            "*",
            "ｓettlement-1",
            "settlement‐1",
        )
    )
    return maker.named(rdn(COMMON_NAME, utf8(near)))


@kind
def another_members_names(maker: Maker) -> bytes:
    other = rdn(ORGANIZATION, utf8("qingchuan-bank"))
    own = rdn(COMMON_NAME, utf8("settlement-1"))
    both = set_of(
        sequence(oid(COMMON_NAME), utf8("settlement-1")), sequence(oid(ORGANIZATION), utf8("qingchuan"))
    )
    return maker.some(
        maker.named(other),
        maker.named(own, other),
        maker.named(rdn(ORGANIZATION, utf8("heming-bank")), other),
        maker.named(both),
        maker.named(rdn(COMMON_NAME, utf8("qingchuan-bank/settlement-1"))),
        maker.wanting(extension(SAN, sequence(context_string(6, OTHERS_URN)))),
        maker.wanting(extension(SAN, sequence(context_string(2, "qingchuan.example")))),
        maker.wanting(extension(SAN, sequence(context_string(1, "li.jun@qingchuan.example")))),
        maker.wanting(extension(SAN, sequence(tlv(0x87, bytes([10, 9, 9, maker.rng.randint(1, 254)]))))),
        maker.wanting(extension(SAN, sequence(tlv(0xA4, sequence(other))))),
    )


@kind
def wants_to_be_an_authority(maker: Maker) -> bytes:
    cert_sign = bit_string(b"\x04", unused=2)
    return maker.some(
        maker.wanting(extension(BASIC_CONSTRAINTS, sequence(boolean(True)), critical=True)),
        maker.wanting(
            extension(BASIC_CONSTRAINTS, sequence(boolean(True), integer(maker.rng.randint(0, 9))))
        ),
        maker.wanting(extension(KEY_USAGE, cert_sign, critical=True)),
    )


@kind
def key_seen_before(maker: Maker) -> bytes:
    """A key that was certified already; without one to repeat, a key of small numbers."""
    if maker.seen is None:
        return tiny_ec_key(maker)
    return signed(body(spki_of(maker.seen), name=_numbered(maker)), maker.seen)


def context_string(number: int, text: str) -> bytes:
    return tlv(0x80 | number, text.encode())


def _numbered(maker: Maker) -> bytes:
    """A unit that nobody copies, so that two requests of a key differ."""
    return rdn("2.5.4.11", utf8(f"{maker.rng.getrandbits(64):x}"))


def hostile_requests(
    seed: int, count: int, *, seen: ec.EllipticCurvePrivateKey | None = None
) -> Iterator[tuple[str, bytes]]:
    """``count`` requests with a name for each, all kinds in turn, always the same for ``seed``.

    ``seen``: a P-256 key that the authority has certified or refused before; requests with it are among them.
    """
    maker = Maker(seed, seen)
    for number, (name, make) in zip(range(count), itertools.cycle(KINDS.items()), strict=False):
        yield f"{name}-{number}", make(maker)
