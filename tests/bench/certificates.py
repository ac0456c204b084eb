"""Certificates a second: ours with everything, django-ca, and a bare loop of ``cryptography``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.bench import certs_issuing as ours
from tests.bench import table
from tests.bench.peer import Peer

# certificates: with a P-256 CA; linted, or with an RSA-4096 CA; of the peer's with an RSA-4096 CA
MANY, SLOW, FEW = 3000, 1000, 20
ROUNDS = 3
DJANGO_CA, BARE, ONE, TWO = "django-ca", "bare loop", "one worker", "two workers"


def measure(peer: Peer) -> None:
    """One CA after the other; within each, everything in turns, ROUNDS times."""
    p256, rsa4096 = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 4096)
    _group(
        "P-256 CA, without pkilint",
        {
            DJANGO_CA: lambda: peer.rate("issue-p256", SLOW),
            BARE: lambda: _bare(p256, MANY),
            ONE: lambda: ours.rate(MANY, lint=False),
            TWO: lambda: ours.rate(2 * MANY, lint=False, workers=2),
        },
    )
    _group(
        "RSA-4096 CA, without pkilint",
        {
            DJANGO_CA: lambda: peer.rate("issue-rsa4096", FEW),
            BARE: lambda: _bare(rsa4096, SLOW),
            ONE: lambda: ours.rate(SLOW, key="RSA-4096", lint=False),
            TWO: lambda: ours.rate(2 * SLOW, key="RSA-4096", lint=False, workers=2),
        },
    )
    _group(
        "P-256 CA, with pkilint",
        {
            DJANGO_CA: lambda: peer.rate("issue-p256", SLOW),
            BARE: lambda: _bare(p256, MANY),
            ONE: lambda: ours.rate(SLOW, lint=True),
            TWO: lambda: ours.rate(2 * SLOW, lint=True, workers=2),
        },
    )


def _group(what: str, works: dict[str, Callable[[], float]]) -> None:
    """django-ca lints nothing and has one process; the console runs two signing workers."""
    rounds = table.Rounds(works, ROUNDS)
    table.heading(DJANGO_CA, BARE, ONE)
    rounds.row(f"{what}, {ONE}", ONE, DJANGO_CA, BARE, ONE)
    rounds.row(f"{what}, {TWO}", TWO, DJANGO_CA, BARE, ONE)
    print()


def _bare(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, count: int) -> float:
    """Read a CSR, check its signature, build and sign: no rules, no database, no record."""
    requests = [ours.csr() for _ in range(count)]
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
    now = datetime.now(UTC)

    def work() -> int:
        for raw in requests:
            csr = x509.load_der_x509_csr(raw)
            if not csr.is_signature_valid:
                raise RuntimeError("a CSR of our own is broken")
            serial = x509.random_serial_number()
            builder = x509.CertificateBuilder(issuer, csr.subject, csr.public_key(), serial)
            builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=365))
            builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        return len(requests)

    return table.rate(work)
