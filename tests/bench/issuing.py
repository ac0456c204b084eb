"""Certificates: the whole path through gate, approval, database and signing, against build-and-sign alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from certs import authorities, services
from certs.models import Certificate, Profile
from consortium.core import outbox
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

COUNT = 100
PASSPHRASE = b"a passphrase for the length of one measurement"


def measurements() -> Iterator[tuple[str, Callable[[], int], Callable[[], int]]]:
    home = Path(tempfile.mkdtemp(prefix="console-bench-"))
    (home / "passphrase").write_bytes(PASSPHRASE + b"\n")
    settings.KEY_DIR, settings.PKI_DIR = home / "keys", home / "pki"
    settings.SIGNING_PASSPHRASE_FILE = str(home / "passphrase")
    authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    requests = [_csr() for _ in range(COUNT)]
    yield "certificates, CSR to release", lambda: _ours(requests), lambda: _bare(requests)


def _csr() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])  # the member's record decides it
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM)


def _ours(requests: list[bytes]) -> int:
    bank = InstitutionFactory(active=True)
    officer, clerk = UserFactory(institution=bank), UserFactory(role="secretariat", institution=None)
    for number, csr in enumerate(requests):
        node = NodeFactory(institution=bank, name=f"node-{number}")
        request = services.submit_request(node=node, profile=Profile.EVM_NODE, csr=csr, actor=officer)
        services.approve_request(request, actor=clerk)
    while outbox.drain("signing"):
        pass
    issued = Certificate.objects.filter(institution=bank).count()
    if issued != len(requests):
        raise RuntimeError(f"{issued} of {len(requests)} certificates were issued")
    return issued


def _bare(requests: list[bytes]) -> int:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA")])
    now = datetime.now(UTC)
    for raw in requests:
        csr = x509.load_pem_x509_csr(raw)
        if not csr.is_signature_valid:
            raise RuntimeError("a CSR of our own is broken")
        builder = x509.CertificateBuilder(issuer, csr.subject, csr.public_key(), x509.random_serial_number())
        certificate = (
            builder.not_valid_before(now)
            .not_valid_after(now + timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        certificate.public_bytes(serialization.Encoding.DER)
    return len(requests)
