"""Root and nodes CA of 国密: made once, completed after a crash, verified by openssl link by link."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from django.core.management import CommandError, call_command
from django.test import override_settings

from certs import keys, selectors
from certs.errors import ContentMismatch, KeysNotAvailable, SM2NotAvailable, WrongPassphrase
from certs.models import Authority, RevocationList, SeenKey, SerialNumber
from certs.sm2 import authorities, signing
from certs.sm2.library import PrivateKey
from certs.status import crl
from consortium.core import clock
from tests.certs.conftest import CHEAP, PASSPHRASE
from tests.certs.openssl import openssl
from tests.certs.sm2.conftest import ID, ROOT_PASSPHRASE, SMPki

pytestmark = pytest.mark.django_db(transaction=True)


def test_openssl_verifies_the_nodes_ca_under_the_root(sm_pki: SMPki) -> None:
    said = openssl("verify", "-vfyopt", ID, "-CAfile", sm_pki.root_file, sm_pki.nodes_file)
    assert said.stdout.endswith(b"OK\n")
    other = openssl(
        "verify", "-vfyopt", "distid:heming", "-CAfile", sm_pki.root_file, sm_pki.nodes_file, check=False
    )
    assert other.returncode != 0
    assert b"certificate signature failure" in other.stderr


def test_the_roots_own_signature_holds(sm_pki: SMPki, tmp_path: Path) -> None:
    """``openssl verify`` hands no id on to an anchor, so its parts are given to ``openssl dgst``."""
    assert verified(bytes(sm_pki.root.der), bytes(sm_pki.root.der), tmp_path) == b"Verified OK\n"
    assert verified(bytes(sm_pki.nodes.der), bytes(sm_pki.root.der), tmp_path) == b"Verification failure\n"


def test_they_are_authorities_and_certify_nodes_alone(sm_pki: SMPki) -> None:
    root, nodes = (x509.load_der_x509_certificate(bytes(row.der)) for row in (sm_pki.root, sm_pki.nodes))
    for certificate, length in ((root, 1), (nodes, 0)):
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, length)
        assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    assert nodes.issuer.public_bytes() == root.subject.public_bytes()
    assert nodes.extensions.get_extension_for_class(x509.NameConstraints).critical
    assert root.signature_algorithm_oid.dotted_string == "1.2.156.10197.1.501"
    assert root.serial_number.bit_length() > 64


def test_made_twice_they_are_the_same(sm_pki: SMPki) -> None:
    again = authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=ROOT_PASSPHRASE)
    assert [row.pk for row in again] == [sm_pki.root.pk, sm_pki.nodes.pk]
    assert SerialNumber.objects.count() == SeenKey.objects.count() == 2


def test_it_goes_on_where_a_crash_left_it(sm_places: Path) -> None:
    with pytest.raises(WrongPassphrase):  # after the root was recorded
        authorities.create("Alliance", passphrase=b"mistyped", root_passphrase=ROOT_PASSPHRASE)
    assert [row.name for row in Authority.objects.all()] == ["sm-root"]
    root, nodes = authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=ROOT_PASSPHRASE)
    assert nodes.parent == root


def test_the_nodes_ca_is_who_issues_for_its_purpose(sm_pki: SMPki) -> None:
    assert selectors.issuing_authority(Authority.Purpose.SM_NODES) == sm_pki.nodes


def test_their_keys_are_not_read_without_the_passphrase(sm_pki: SMPki, sm_places: Path) -> None:
    sealed = (sm_places / "keys" / "sm-nodes.key").read_bytes()
    plain = keys.open_bytes("sm-nodes", PASSPHRASE)
    assert plain not in sealed
    with override_settings(SIGNING_PASSPHRASE_FILE=None), pytest.raises(KeysNotAvailable):
        signing.signer_of(sm_pki.nodes, keys.open_key)


def test_another_key_in_its_place_signs_nothing(sm_pki: SMPki, sm_places: Path) -> None:
    (sm_places / "keys" / "sm-nodes.key").unlink()
    keys.seal_bytes("sm-nodes", PrivateKey.generate().pkcs8(), PASSPHRASE, cost=CHEAP)
    with pytest.raises(ContentMismatch):
        signing.signer_of(sm_pki.nodes, keys.open_key)


@pytest.mark.parametrize("name", ["sm-root", "sm-nodes"])
def test_their_lists_verify_with_openssl(sm_pki: SMPki, name: str, tmp_path: Path) -> None:
    """``openssl crl`` reads them; it has no option for the id, so ``openssl dgst`` checks the signature."""
    authority = Authority.objects.get(name=name)
    for row in RevocationList.objects.filter(authority=authority):
        text = openssl("crl", "-inform", "DER", "-noout", "-text", data=bytes(row.der)).stdout
        assert b"Signature Algorithm: SM2-with-SM3" in text
        assert b"No Revoked Certificates" in text
        assert verified(bytes(authority.der), bytes(row.der), tmp_path) == b"Verified OK\n"
    assert (tmp_path / "pki" / f"{name}.crl").read_bytes() == bytes(crl.publish(authority.pk).der)


def test_published_files_are_what_a_node_wants(sm_pki: SMPki, sm_places: Path) -> None:
    """FISCO BCOS's sm_ca.crt takes both: the CA that certified it and the root above."""
    chain = x509.load_pem_x509_certificates((sm_places / "pki" / "sm-nodes-chain.pem").read_bytes())
    expected = [x509.load_der_x509_certificate(bytes(row.der)) for row in (sm_pki.nodes, sm_pki.root)]
    assert chain == expected


def test_the_command_says_what_it_made_and_what_is_missing(sm_places: Path) -> None:
    (sm_places / "root-passphrase").write_bytes(ROOT_PASSPHRASE + b"\n")
    options = ["--passphrase-file", str(sm_places / "passphrase")]
    options += ["--root-passphrase-file", str(sm_places / "root-passphrase")]
    call_command("create_sm_authorities", *options)
    assert Authority.objects.filter(kind="issuing", purpose="sm-nodes").count() == 1
    with pytest.raises(CommandError, match="no passphrase"):
        call_command("create_sm_authorities", "--passphrase-file", str(sm_places / "nothing"))
    with override_settings(SM2_PROPERTIES="provider=nobody"), pytest.raises(CommandError, match="SM2"):
        call_command("create_sm_authorities", *options)


def test_without_sm2_there_are_none(sm_places: Path) -> None:
    with override_settings(SM2_PROPERTIES="provider=nobody"), pytest.raises(SM2NotAvailable):
        authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=ROOT_PASSPHRASE)
    assert not Authority.objects.exists()


def verified(issuer: bytes, signed: bytes, home: Path) -> bytes:
    """What ``openssl dgst`` says of the signature on a certificate or list by ``issuer``'s key."""
    key = openssl("x509", "-inform", "DER", "-noout", "-pubkey", data=issuer).stdout
    files = {"key.pem": key, "signed.der": signed}
    for name, data in files.items():
        (home / name).write_bytes(data)
    offsets = top_level(home / "signed.der")
    openssl(*parse(home), "-strparse", str(offsets[0]), "-out", str(home / "content"))
    openssl(*parse(home), "-strparse", str(offsets[2]), "-out", str(home / "signature"))
    said = openssl(
        *("dgst", "-sm3", "-sigopt", ID, "-verify", str(home / "key.pem")),
        *("-signature", str(home / "signature"), str(home / "content")),
        check=False,
    )
    return said.stdout


def parse(home: Path) -> tuple[str, ...]:
    return ("asn1parse", "-inform", "DER", "-in", str(home / "signed.der"), "-noout")


def top_level(path: Path) -> list[int]:
    """Where content, algorithm and signature start, by openssl's own parser."""
    said = subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER", "-in", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(line.split(":")[0]) for line in said.stdout.splitlines() if "d=1 " in line]


def test_the_next_generation_issues_from_its_day_on(sm_pki: SMPki, sm_places: Path) -> None:
    """Certified and published beforehand; until its day the first one goes on."""
    keys.seal_bytes("sm-nodes-2", PrivateKey.generate().pkcs8(), PASSPHRASE, cost=CHEAP)
    day = clock.now() + timedelta(days=30)
    second = authorities.create_next(day, passphrase=PASSPHRASE, root_passphrase=ROOT_PASSPHRASE)
    assert (second.name, second.parent, second.issues_from) == ("sm-nodes-2", sm_pki.root, day)
    assert selectors.issuing_authority(Authority.Purpose.SM_NODES) == sm_pki.nodes
    assert selectors.issuing_authority(Authority.Purpose.SM_NODES, day) == second
    name = x509.load_der_x509_certificate(bytes(second.der)).subject.rfc4514_string()
    assert name == "O=Alliance,CN=Alliance SM2 Nodes CA 2"
    path = sm_places / "sm-nodes-2.pem"
    openssl("x509", "-inform", "DER", "-out", str(path), data=bytes(second.der))
    said = openssl("verify", "-vfyopt", ID, "-CAfile", sm_pki.root_file, str(path))
    assert said.stdout.endswith(b"OK\n")
    assert (sm_places / "pki" / "sm-nodes-2.crl").exists()
