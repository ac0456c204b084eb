"""What people may set going here: asking for a certificate, deciding, revoking. Issuing is in issuing.py."""

from __future__ import annotations

from certs.models import Certificate, CertificateRequest, Revocation, RevocationReason
from consortium.members.models import Node, User


def submit_request(*, node: Node, profile: str, csr: bytes, actor: User) -> CertificateRequest:
    """Take a CSR (PEM or DER) for ``node``."""
    raise NotImplementedError


def approve_request(request: CertificateRequest, *, actor: User, reason: str = "") -> CertificateRequest:
    raise NotImplementedError


def reject_request(request: CertificateRequest, *, actor: User, reason: str) -> CertificateRequest:
    raise NotImplementedError


def revoke(
    certificate: Certificate, *, reason: RevocationReason | str, comment: str = "", actor: User
) -> Revocation:
    raise NotImplementedError
