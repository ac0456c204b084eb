"""From the approved request to a certificate that openssl accepts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from django.db import DatabaseError, connection, transaction
from pytest_django.fixtures import Settings

from certs import building, issuing, selectors, services, tasks
from certs.errors import ContentMismatch, KeysNotAvailable
from certs.models import Certificate, CertificateRequest, SerialNumber
from certs.status import files
from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation, openssl

pytestmark = pytest.mark.django_db
Certify = Callable[..., Certificate]


def loaded(certificate: Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(certificate.der))


@pytest.mark.parametrize(
    ("profile", "key"), [("fisco-bcos-3", "rsa2048"), ("evm-node", "p256"), ("evm-node", "rsa3072")]
)
def test_openssl_accepts_leaf_chain_and_crl(
    profile: str, key: str, pki: Pki, certify: Certify, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    certificate = certify(heming, zhou_lan, profile=profile, key=key)
    chain = selectors.chain_pem(certificate).encode()
    leaf, issuing_ca, root = (
        part + b"-----END CERTIFICATE-----\n" for part in chain.split(b"-----END CERTIFICATE-----\n")[:3]
    )
    crls = b"".join(
        openssl("crl", "-inform", "DER", data=files.current_crl(name)).stdout for name in ("root", "nodes")
    )
    arguments = [
        "verify", "-x509_strict", "-crl_check_all", "-purpose", "sslclient",
        "-CAfile", workstation.file("root.pem", root),
        "-untrusted", workstation.file("nodes.pem", issuing_ca),
        "-CRLfile", workstation.file("crls.pem", crls),
    ]  # fmt: skip
    name = workstation.file("leaf.pem", leaf)
    assert openssl(*arguments, name).stdout.decode() == f"{name}: OK\n"
    # The key that never left the bank's machine fits.
    public = openssl("pkey", "-in", str(workstation.home / "1.key"), "-pubout").stdout
    assert openssl("x509", "-in", name, "-noout", "-pubkey").stdout == public


def test_the_subject_byte_by_byte(certify: Certify, heming: Node, zhou_lan: User) -> None:
    """Order and string types are what relying parties compare; this is the golden one."""
    subject = loaded(certify(heming, zhou_lan)).subject.public_bytes()
    common_name = "3115 3013 0603 550403 0c0c 736574746c656d656e742d31"
    organisation = "3114 3012 0603 55040a 0c0b 68656d696e672d62616e6b"
    assert subject.hex() == f"302d {common_name} {organisation}".replace(" ", "")


def test_the_subject_of_a_fisco_node(certify: Certify, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan, profile="fisco-bcos-3", key="rsa2048")
    assert loaded(certificate).subject.rfc4514_string() == "OU=agency,O=heming-bank,CN=settlement-1"
    modulus = openssl("x509", "-inform", "DER", "-noout", "-modulus", data=bytes(certificate.der)).stdout
    assert certificate.tls_id == modulus.decode().strip().removeprefix("Modulus=").lower()
    assert len(certificate.tls_id) == 512


def test_what_a_node_certificate_says(pki: Pki, certify: Certify, heming: Node, zhou_lan: User) -> None:
    at = datetime(2027, 3, 1, 9, 30, 15, 999_999, tzinfo=UTC)
    with clock.frozen(at):
        found = loaded(certify(heming, zhou_lan))
    assert found.not_valid_before_utc == at.replace(microsecond=0)
    # 365 days with both ends counted.
    assert found.not_valid_after_utc == at.replace(microsecond=0) + timedelta(days=365, seconds=-1)
    extension = found.extensions.get_extension_for_class
    assert extension(x509.BasicConstraints).critical
    assert extension(x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    assert extension(x509.KeyUsage).value == building.key_usage(digital_signature=True)
    assert set(extension(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.SERVER_AUTH,
    }
    names = extension(x509.SubjectAlternativeName).value
    assert list(names) == [x509.UniformResourceIdentifier(building.node_urn(heming))]
    points = found.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value
    assert pki.nodes.crl_shards == 4
    part = found.serial_number % 4
    assert f"http://localhost:8000/pki/nodes/{part}.crl" in str(points)
    access = str(extension(x509.AuthorityInformationAccess).value)
    assert "http://localhost:8000/pki/nodes.crt" in access
    assert "http://localhost:8000/pki/ocsp" in access
    assert found.serial_number.bit_length() == 127
    issuer = x509.load_der_x509_certificate(bytes(pki.nodes.der))
    assert found.issuer.public_bytes() == issuer.subject.public_bytes()


def test_nothing_of_the_request_but_its_key_is_copied(
    pki: Pki, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> None:
    csr = workstation.request(
        "p256", "-addext", "keyUsage=critical,dataEncipherment", "-addext", "1.2.3.4=ASN1:UTF8String:mine",
        subject="/CN=settlement-1/OU=Board of directors/emailAddress=x@heming.example",
    )  # fmt: skip
    request = services.submit_request(node=heming, profile="evm-node", csr=csr, actor=zhou_lan)
    services.approve_request(request, actor=wang_min)
    certificate = issuing.issue(request.pk)
    assert certificate is not None
    assert certificate.subject == "O=heming-bank,CN=settlement-1"
    oids = {extension.oid.dotted_string for extension in loaded(certificate).extensions}
    assert "1.2.3.4" not in oids
    assert not loaded(certificate).extensions.get_extension_for_class(x509.KeyUsage).value.data_encipherment


def test_a_certificate_never_outlives_its_issuer(
    pki: Pki, approved: CertificateRequest, heming: Node, zhou_lan: User
) -> None:
    with clock.frozen(pki.nodes.not_after - timedelta(days=30)):
        certificate = issuing.issue(approved.pk)
    assert certificate is not None
    assert certificate.not_after == pki.nodes.not_after


def test_the_outbox_issues_and_says_so(approved: CertificateRequest, heming: Node, zhou_lan: User) -> None:
    assert outbox.drain("signing") == 2, "the request, then who may read lists"
    approved.refresh_from_db()
    assert approved.status == "issued"
    event = Event.objects.get(action="certificate.issued")
    assert event.actor_label == "signing worker"
    assert (event.institution_id, event.node_id) == (heming.institution_id, heming.pk)
    assert event.data["network"] == heming.network_id
    assert event.data["serial"] == approved.certificate.serial_id


def test_issuing_twice_changes_nothing(approved: CertificateRequest) -> None:
    first = issuing.issue(approved.pk)
    assert issuing.issue(approved.pk) == first
    assert Certificate.objects.count() == 1
    assert SerialNumber.objects.filter(request=approved).count() == 1


def test_a_request_that_nobody_approved_is_not_issued(
    pki: Pki, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    request = services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan
    )
    assert issuing.issue(request.pk) is None
    assert not SerialNumber.objects.filter(request=request).exists()


def test_a_member_suspended_after_approval_gets_none(approved: CertificateRequest, heming: Node) -> None:
    heming.institution.status = "suspended"
    heming.institution.save()
    assert issuing.issue(approved.pk) is None
    approved.refresh_from_db()
    assert approved.status == "rejected"
    event = Event.objects.get(action="request.rejected")
    assert (event.actor_label, "heming-bank" in event.reason) == ("signing worker", True)


def test_a_process_without_the_passphrase_can_not_sign(
    approved: CertificateRequest, settings: Settings
) -> None:
    """The web process has no SIGNING_PASSPHRASE_FILE, and spends no serial number trying."""
    settings.SIGNING_PASSPHRASE_FILE = None
    with pytest.raises(KeysNotAvailable):
        issuing.issue(approved.pk)
    assert not SerialNumber.objects.filter(request=approved).exists()
    assert outbox.drain("signing") == 1
    message = OutboxMessage.objects.get(topic="certs.issue")
    # It waits for a worker that can, and none of its attempts is used up.
    assert (message.done_at, message.dead_at, message.attempts) == (None, None, 0)


def test_without_an_authority_the_request_waits(
    places: Path, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> None:
    request = services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan
    )
    services.approve_request(request, actor=wang_min)
    with pytest.raises(outbox.Later):
        tasks.handle_issue({"request": str(request.pk)})


@pytest.mark.parametrize(
    ("attempt", "refusal"),
    [
        (lambda request: issuing.issue(request.pk), ContentMismatch),
        (lambda request: tasks.handle_issue({"request": str(request.pk)}), outbox.Permanent),
    ],
)
def test_a_row_changed_behind_the_services_is_not_signed(
    attempt: Callable[[CertificateRequest], object], refusal: type[Exception], approved: CertificateRequest
) -> None:
    """Whoever can write to the table but has no key gets no certificate for a key of his own."""
    forged = CertificateRequest.objects.get(pk=approved.pk)
    forged.spki_sha256 = "0" * 64
    forged.save()
    with pytest.raises(refusal):
        attempt(approved)
    approved.refresh_from_db()
    assert approved.status == "rejected"  # said once, aloud; a second attempt finds nothing to sign
    assert issuing.issue(approved.pk) is None
    assert not Certificate.objects.exists()


def test_history_can_not_be_rewritten(certify: Certify, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan)
    for statement in (
        "UPDATE certs_certificate SET not_after = now()",
        "DELETE FROM certs_certificate",
        "UPDATE certs_serialnumber SET serial = 'ab'",
        "UPDATE certs_serialnumber SET intent = 'another' WHERE request_id IS NOT NULL",
        "UPDATE certs_serialnumber SET intent = '' WHERE request_id IS NOT NULL",
        "UPDATE certs_serialnumber SET voided_at = now() WHERE request_id IS NOT NULL",
        "DELETE FROM certs_serialnumber",
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(statement)
    assert Certificate.objects.get() == certificate


def test_the_chain_ends_with_the_root(certify: Certify, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan)
    chain = x509.load_pem_x509_certificates(selectors.chain_pem(certificate).encode())
    assert [c.subject.rfc4514_string() for c in chain] == [
        "O=heming-bank,CN=settlement-1",
        "O=Alliance,CN=Alliance Nodes CA",
        "O=Alliance,CN=Alliance Root CA",
    ]
