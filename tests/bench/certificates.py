"""Certificates a second: ours with everything, django-ca, and a bare loop of ``cryptography``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.bench import certs_issuing as ours
from tests.bench import table
from tests.bench.peer import Peer

MANY, SLOW, FEW = (
    3000,
    1000,
    20,
)  # certificates: with a P-256 CA; linted, or with an RSA-4096 CA; of the peer's


def measure(peer: Peer) -> None:
    table.heading("django-ca", "bare loop")
    p256, rsa4096 = peer.rate("issue-p256", SLOW), peer.rate("issue-rsa4096", FEW)
    bare_p256 = _bare(ec.generate_private_key(ec.SECP256R1()), MANY)
    bare_rsa = _bare(rsa.generate_private_key(65537, 4096), SLOW)
    one, two = ours.rate(MANY, lint=False), ours.rate(2 * MANY, lint=False, workers=2)
    table.row("P-256 CA, full gate, without pkilint, one worker", one, p256, bare_p256)
    table.row("the same, two workers, as the console runs", two, p256, bare_p256)
    table.row(
        "RSA-4096 CA, full gate, without pkilint",
        ours.rate(SLOW, key="RSA-4096", lint=False),
        rsa4096,
        bare_rsa,
    )
    linted = ours.rate(SLOW, lint=True)
    table.row("P-256 CA, full gate, with pkilint", linted, p256, bare_p256)
    print()
    table.heading("one worker")
    table.row("two signing workers, with pkilint", ours.rate(2 * SLOW, lint=True, workers=2), linted)
    table.row("two signing workers, without pkilint", two, one)


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
