"""国密 from a bank's workstation to certificates that openssl accepts: one to sign, one to encrypt."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from django.db import connection
from django.test import override_settings

from certs import issuing, keys, selectors, services
from certs.audit import audit
from certs.errors import KeyNotAccepted, KeySeenBefore, SM2NotAvailable
from certs.issuing import reading, sweep
from certs.models import Certificate, CertificateRequest, SerialNumber
from certs.sm2.library import PrivateKey, PublicKey
from certs.status import crl, listing
from consortium.core import clock
from consortium.members.models import Node, User
from tests.certs.conftest import PASSPHRASE, Pki
from tests.certs.openssl import Workstation, openssl
from tests.certs.sm2.conftest import ID, SMPki, SMWorkstation
from tests.certs.sm2.test_authorities import verified
from tests.certs.sm2.test_requests import signed_request

pytestmark = pytest.mark.django_db(transaction=True)

USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)
SIGN, ENCRYPT = "fisco-bcos-3-sm", "fisco-bcos-3-sm-enc"
Certify = Callable[..., Certificate]


@pytest.fixture
def certify_sm(sm_pki: SMPki, bank: SMWorkstation, wang_min: User) -> Certify:
    """From openssl's CSR to the certificate, by the services and the signing worker's code."""

    def make(node: Node, officer: User, profile: str, key: Path | None = None) -> Certificate:
        csr = bank.sm2_request(key=key, subject=f"/CN={node.name}")
        request = services.submit_request(node=node, profile=profile, csr=csr, actor=officer)
        services.approve_request(request, actor=wang_min)
        certificate = issuing.issue(request.pk)
        assert certificate is not None
        return certificate

    return make


@pytest.fixture
def pair(certify_sm: Certify, heming: Node, zhou_lan: User) -> tuple[Certificate, Certificate]:
    """The node's two certificates."""
    return certify_sm(heming, zhou_lan, SIGN), certify_sm(heming, zhou_lan, ENCRYPT)


def test_openssl_verifies_both_with_the_id_and_neither_without(
    pair: tuple[Certificate, Certificate], sm_pki: SMPki, bank: SMWorkstation
) -> None:
    """openssl 3 hands the id to the certificate it is asked about and to no other: a call for each link."""
    for certificate in pair:
        leaf = bank.pem(certificate)
        trust = ("-partial_chain", "-x509_strict", "-CAfile", sm_pki.nodes_file)
        said = openssl("verify", "-vfyopt", ID, *trust, leaf)
        assert said.stdout.endswith(b"OK\n")
        for wrong in (("-vfyopt", "distid:heming-bank"), ()):
            refused = openssl("verify", *wrong, *trust, leaf, check=False)
            assert refused.returncode != 0
            assert b"certificate signature failure" in refused.stderr
    above = openssl("verify", "-vfyopt", ID, "-x509_strict", "-CAfile", sm_pki.root_file, sm_pki.nodes_file)
    assert above.stdout.endswith(b"OK\n")


def test_our_own_reading_verifies_the_whole_chain(
    pair: tuple[Certificate, Certificate], sm_pki: SMPki
) -> None:
    for certificate in pair:
        assert holds(bytes(certificate.der), bytes(sm_pki.nodes.der))
    assert holds(bytes(sm_pki.nodes.der), bytes(sm_pki.root.der))
    assert holds(bytes(sm_pki.root.der), bytes(sm_pki.root.der))
    assert not holds(bytes(pair[0].der), bytes(sm_pki.root.der))


def test_one_signs_and_the_other_encrypts(pair: tuple[Certificate, Certificate]) -> None:
    """As the configuration of FISCO BCOS's own scripts has it (v3_req and v3enc_req)."""
    for certificate, expected in zip(
        pair,
        (
            {"digital_signature", "content_commitment"},
            {"key_encipherment", "data_encipherment", "key_agreement"},
        ),
        strict=True,
    ):
        read = x509.load_der_x509_certificate(bytes(certificate.der))
        usage = read.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert {name for name in USAGES if getattr(usage.value, name)} == expected


def test_they_are_leaves_named_from_the_record(pair: tuple[Certificate, Certificate], heming: Node) -> None:
    subjects = []
    for certificate in pair:
        read = x509.load_der_x509_certificate(bytes(certificate.der))
        basic = read.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (basic.critical, basic.value.ca) == (True, False)
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [
            x509.UniformResourceIdentifier(f"urn:consortium:{heming.institution_id}:node:{heming.pk}")
        ]
        subjects.append(read.subject.rfc4514_string())
    assert subjects == ["OU=ssl,O=heming-bank,CN=settlement-1", "OU=enssl,O=heming-bank,CN=settlement-1"]


def test_they_name_their_list_and_no_responder(pair: tuple[Certificate, Certificate]) -> None:
    for certificate in pair:
        read = x509.load_der_x509_certificate(bytes(certificate.der))
        access = read.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        assert [one.access_method._name for one in access] == ["caIssuers"]
        assert access[0].access_location.value.endswith("/pki/sm-nodes.crt")
        point = read.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
        assert point.full_name is not None
        assert point.full_name[0].value.endswith(f"/pki/sm-nodes/{certificate.crl_shard}.crl")


def test_the_id_that_nodes_list_is_stored_as_fisco_writes_it(
    certify_sm: Certify, heming: Node, zhou_lan: User, bank: SMWorkstation
) -> None:
    """The scripts take lines of ``openssl ec -text`` and cut the first octet: the point without its 04."""
    key = bank.sm2_key()
    certificate = certify_sm(heming, zhou_lan, SIGN, key)
    text = openssl("ec", "-in", str(key), "-text", "-noout").stdout.decode()
    point = text.split("pub:")[1].split("ASN1 OID")[0].replace(":", "").replace(" ", "").replace("\n", "")
    assert certificate.public_key_hex == point.removeprefix("04")
    assert len(certificate.public_key_hex) == 128
    assert certificate.tls_id == ""


def test_a_revoked_one_is_in_the_list_and_openssl_reads_and_verifies_it(
    pair: tuple[Certificate, Certificate], sm_pki: SMPki, wang_min: User, tmp_path: Path, bank: SMWorkstation
) -> None:
    sign, encrypt = pair
    services.revoke(sign, reason="superseded", comment="a new key", actor=wang_min)
    services.suspend(encrypt, comment="the machine is being looked at", actor=wang_min)
    full = bytes(crl.publish(sm_pki.nodes.pk).der)
    text = openssl("crl", "-inform", "DER", "-noout", "-text", data=full).stdout.decode().lower()
    assert sign.serial_id in text.replace(":", "")
    assert "superseded" in text
    assert "certificate hold" in text
    assert verified(bytes(sm_pki.nodes.der), full, tmp_path) == b"Verified OK\n"
    assert verified(bytes(sm_pki.root.der), full, tmp_path) == b"Verification failure\n"
    listed = [each for each in pair if each.crl_shard == sign.crl_shard]
    assert listing.entries_of(sm_pki.nodes, sign.crl_shard).count == len(listed)
    lint = Path(sys.executable).with_name("lint_crl")
    command = [lint, "lint", "-t", "CRL", "-p", "PKIX", "-s", "WARNING", bank.file("list.der", full)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout.strip()) == (0, ""), said.stdout + said.stderr


def test_the_pair_works_as_a_pair(
    certify_sm: Certify, heming: Node, zhou_lan: User, bank: SMWorkstation, tmp_path: Path
) -> None:
    """What a TLCP handshake does with them, as far as openssl 3 goes: it has no such protocol itself.

    The peer's hello is signed and verified by the first certificate, the premaster secret goes to the second.
    """
    keys = {profile: bank.sm2_key() for profile in (SIGN, ENCRYPT)}
    public = {}
    for profile, key in keys.items():
        leaf = bank.pem(certify_sm(heming, zhou_lan, profile, key))
        public[profile] = bank.file(
            f"{profile}.pub", openssl("x509", "-in", leaf, "-noout", "-pubkey").stdout
        )
    hello, secret = bank.file("hello", b"client hello"), bank.file("secret", b"48 octets of premaster secret")
    digest = ("dgst", "-sm3", "-sigopt", ID)
    signature = bank.file("signature", openssl(*digest, "-sign", str(keys[SIGN]), hello).stdout)
    said = openssl(*digest, "-verify", public[SIGN], "-signature", signature, hello)
    assert said.stdout == b"Verified OK\n"
    sent = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", public[ENCRYPT], "-in", secret).stdout
    back = openssl("pkeyutl", "-decrypt", "-inkey", str(keys[ENCRYPT]), "-in", bank.file("sent", sent))
    assert back.stdout == b"48 octets of premaster secret"


def test_each_kind_of_key_has_its_profiles(
    sm_pki: SMPki, bank: SMWorkstation, workstation: Workstation, heming: Node, zhou_lan: User
) -> None:
    for profile, csr in (
        ("fisco-bcos-3", bank.sm2_request()),
        ("fisco-bcos-2", bank.sm2_request()),
        ("evm-node", bank.sm2_request()),
        (SIGN, workstation.request("rsa2048")),
        (SIGN, workstation.request("p256")),
        (ENCRYPT, workstation.request("secp256k1")),
    ):
        with pytest.raises(KeyNotAccepted):
            services.submit_request(node=heming, profile=profile, csr=csr, actor=zhou_lan)
    assert not CertificateRequest.objects.exists()


def test_the_same_key_may_not_sign_and_encrypt(
    sm_pki: SMPki, bank: SMWorkstation, heming: Node, zhou_lan: User
) -> None:
    """GM/T 0024's point in having two: whoever must hand over the one can keep the other."""
    csr = bank.sm2_request()
    services.submit_request(node=heming, profile=SIGN, csr=csr, actor=zhou_lan)
    with pytest.raises(KeySeenBefore):
        services.submit_request(node=heming, profile=ENCRYPT, csr=csr, actor=zhou_lan)


def test_an_authoritys_own_key_is_never_certified(sm_pki: SMPki, heming: Node, zhou_lan: User) -> None:
    key = PrivateKey.from_pkcs8(keys.open_bytes("sm-nodes", PASSPHRASE))
    with pytest.raises(KeySeenBefore):
        services.submit_request(node=heming, profile=SIGN, csr=signed_request(key), actor=zhou_lan)


def test_the_intent_says_what_was_signed_under_another_signature(
    pair: tuple[Certificate, Certificate],
) -> None:
    for certificate in pair:
        intent = bytes(SerialNumber.objects.get(pk=certificate.serial_id).intent)
        meant, real = (x509.load_der_x509_certificate(der) for der in (intent, bytes(certificate.der)))
        assert meant.tbs_certificate_bytes == real.tbs_certificate_bytes
        assert meant.signature != real.signature
        assert not holds(intent, bytes(certificate.authority.der))


def holds(certificate: bytes, issuer: bytes) -> bool:
    """Is the signature on ``certificate`` by ``issuer``'s key?"""
    parts = reading.parts(certificate)
    return PublicKey.from_spki(reading.spki_of(issuer)).verifies(parts.signature, parts.tbs)


def test_a_pair_does_not_push_the_nodes_other_certificate_out_of_the_lists(
    pki: Pki, certify: Certify, certify_sm: Certify, heming: Node, zhou_lan: User
) -> None:
    """Lists of FISCO BCOS outside SM mode know the node by its RSA key, whatever it got since."""
    rsa = certify(heming, zhou_lan, profile="fisco-bcos-3", key="rsa2048")
    certify_sm(heming, zhou_lan, SIGN)
    certify_sm(heming, zhou_lan, ENCRYPT)
    now = clock.now()
    assert selectors.valid_certificate_of(heming, now) == rsa
    assert selectors.valid_node_certificates(heming.network, now) == {heming.pk: rsa}


def test_a_node_with_the_pair_alone_is_known_by_what_it_signs_with(
    pair: tuple[Certificate, Certificate], heming: Node
) -> None:
    assert selectors.valid_certificate_of(heming, clock.now()) == pair[0]


def test_a_worker_without_sm2_leaves_the_request_to_one_that_has_it(
    sm_pki: SMPki, bank: SMWorkstation, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    request = services.submit_request(node=heming, profile=SIGN, csr=bank.sm2_request(), actor=zhou_lan)
    services.approve_request(request, actor=wang_min)
    with override_settings(SM2_PROPERTIES="provider=nobody"), pytest.raises(SM2NotAvailable):
        issuing.issue(request.pk)
    request.refresh_from_db()
    assert request.status == CertificateRequest.Status.APPROVED
    assert issuing.issue(request.pk) is not None


def test_the_audit_checks_them_like_any_other_and_finds_a_changed_one(
    pair: tuple[Certificate, Certificate], sm_pki: SMPki, wang_min: User
) -> None:
    services.revoke(pair[1], reason="superseded", comment="", actor=wang_min)
    crl.publish(sm_pki.nodes.pk)
    sweep.sweep()
    assert [str(finding) for finding in audit().findings] == []
    der = bytearray(pair[0].der)
    der[-1] ^= 1  # in the signature
    with connection.cursor() as cursor:  # whoever owns the database can do this, and is found out
        cursor.execute("ALTER TABLE certs_certificate DISABLE TRIGGER USER")
        cursor.execute("UPDATE certs_certificate SET der = %s WHERE id = %s", [bytes(der), pair[0].pk])
        cursor.execute("ALTER TABLE certs_certificate ENABLE TRIGGER USER")
    assert "signature_wrong" in {finding.code for finding in audit().findings}
