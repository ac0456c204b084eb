"""Certificates of the console's own: made once, made again when they no longer fit."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from certs import console_certificates, keys, selectors, services
from certs.errors import ContentMismatch, KeySeenBefore, KeysNotAvailable
from certs.models import Certificate, SerialNumber
from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs.conftest import CHEAP, PASSPHRASE, Pki
from tests.certs.openssl import Workstation, openssl

pytestmark = pytest.mark.django_db
HOSTS = ["localhost", "127.0.0.1"]


def make(*hosts: str) -> str:
    output = StringIO()
    call_command("create_gateway_certificate", *[f"--host={host}" for host in hosts or HOSTS], stdout=output)
    return output.getvalue().rsplit(": ", 1)[1].strip()


def leaf() -> x509.Certificate:
    return x509.load_pem_x509_certificate(console_certificates.gateway_certificate_path().read_bytes())


def test_clients_that_know_the_root_accept_it(pki: Pki, workstation: Workstation) -> None:
    assert make() == "made"
    root = workstation.file("root.pem", selectors.pem(pki.root.der).encode())
    served = str(console_certificates.gateway_certificate_path())
    for option, host in (("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1")):
        done = openssl(
            "verify", "-purpose", "sslserver", option, host, "-CAfile", root, "-untrusted", served, served
        )
        assert done.stdout.decode().endswith("OK\n")
    other = openssl(
        "verify", "-verify_hostname", "else", "-CAfile", root, "-untrusted", served, served, check=False
    )
    assert other.returncode == 2


def test_key_and_certificate_are_a_pair_and_the_key_is_private(pki: Pki) -> None:
    make()
    public = openssl("pkey", "-in", str(console_certificates.gateway_key_path()), "-pubout").stdout
    assert (
        openssl(
            "x509", "-in", str(console_certificates.gateway_certificate_path()), "-noout", "-pubkey"
        ).stdout
        == public
    )
    assert console_certificates.gateway_key_path().stat().st_mode & 0o777 == 0o600


def test_while_it_fits_it_stays(pki: Pki) -> None:
    make()
    before = console_certificates.gateway_certificate_path().read_bytes()
    assert make() == "still fits"
    assert console_certificates.gateway_certificate_path().read_bytes() == before
    assert Event.objects.filter(action="console_certificate.issued").count() == 1


def test_another_host_makes_another(pki: Pki) -> None:
    make()
    assert make("gateway.alliance.example") == "made"
    names = leaf().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("gateway.alliance.example")]


def test_it_is_renewed_before_it_ends(pki: Pki) -> None:
    make()
    with clock.frozen(leaf().not_valid_after_utc - timedelta(days=29)):
        assert make() == "made"


def test_a_pair_that_does_not_match_is_replaced(pki: Pki) -> None:
    """What a crash between the two files leaves."""
    make()
    key = console_certificates.gateway_key_path().read_bytes()
    console_certificates.gateway_certificate_path().unlink()
    make()
    console_certificates.gateway_key_path().write_bytes(key)
    assert make() == "made"


def test_its_serial_is_on_record(pki: Pki) -> None:
    make()
    serial = SerialNumber.objects.get(pk=f"{leaf().serial_number:032x}")
    assert serial.authority == pki.access
    assert (
        x509.load_der_x509_certificate(bytes(serial.intent)).tbs_certificate_bytes
        == leaf().tbs_certificate_bytes
    )


def test_the_record_has_the_certificate_as_it_was_signed(pki: Pki) -> None:
    make()
    row = Certificate.objects.get(profile="gateway")
    assert x509.load_der_x509_certificate(bytes(row.der)) == leaf()
    assert (row.request, row.institution, row.node, row.holder) == (None, None, None, None)
    data = Event.objects.get(action="console_certificate.issued").data
    assert data["fingerprint_sha256"] == row.fingerprint_sha256 == leaf().fingerprint(hashes.SHA256()).hex()
    assert data["serial"] == row.serial_id == f"{leaf().serial_number:032x}"


def test_what_was_not_signed_is_not_said_to_be_issued(pki: Pki) -> None:
    """Another CA's key under this one's name: the signature does not fit the authority."""
    keys.path_of("access").unlink()
    keys.seal("access", ec.generate_private_key(ec.SECP256R1()), PASSPHRASE, cost=CHEAP)
    with pytest.raises(ContentMismatch):
        console_certificates.ensure_gateway(HOSTS, passphrase=PASSPHRASE)
    assert not Certificate.objects.exists()
    assert SerialNumber.objects.get(authority=pki.access).voided_at is not None
    assert not console_certificates.gateway_certificate_path().exists()


def test_a_revoked_one_is_replaced(pki: Pki, wang_min: User) -> None:
    make()
    row = Certificate.objects.get(profile="gateway")
    services.revoke(row, reason="keyCompromise", comment="the disk was stolen", actor=wang_min)
    assert make() == "made"


def test_a_signer_of_lists_keeps_its_key_and_gets_a_new_certificate(
    pki: Pki, workstation: Workstation
) -> None:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    assert console_certificates.ensure_list_signer("lists-targets", key)
    assert not console_certificates.ensure_list_signer("lists-targets", key)
    path = console_certificates.list_signer_path("lists-targets")
    first = x509.load_der_x509_certificate(path.read_bytes())
    with clock.frozen(first.not_valid_after_utc - timedelta(days=59)):
        assert console_certificates.ensure_list_signer("lists-targets", key)
    second = x509.load_der_x509_certificate(path.read_bytes())
    assert first.public_key() == second.public_key() == key
    assert first.serial_number != second.serial_number
    root = workstation.file("root.pem", selectors.pem(pki.root.der).encode())
    chain = str(pki.pki_dir / "lists-chain.pem")
    leaf = workstation.file("signer.pem", first.public_bytes(Encoding.PEM))
    done = openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, leaf)
    assert done.stdout.decode() == f"{leaf}: OK\n"


def test_a_key_that_was_another_service_s_or_a_member_s_is_refused(
    pki: Pki, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    path = workstation.key("p256")
    services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(key=path), actor=zhou_lan
    )
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with pytest.raises(KeySeenBefore):
        console_certificates.ensure_list_signer("lists-targets", key.public_key())


def test_only_profiles_of_the_console_are_issued_this_way(pki: Pki) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "settlement-1")])
    with pytest.raises(ContentMismatch):
        console_certificates.issue(profile="evm-node", authority=pki.nodes, public_key=key, subject=name)
    assert not Certificate.objects.exists()


def test_without_keys_it_is_one_line(pki: Pki, settings: Settings) -> None:
    settings.SIGNING_PASSPHRASE_FILE = None
    with pytest.raises(CommandError) as refusal:
        make()
    assert isinstance(refusal.value.__cause__, KeysNotAvailable)
    assert str(refusal.value) == f"{KeysNotAvailable()} [keys_not_available]"  # in the operator's language
    assert not console_certificates.gateway_key_path().exists()


def test_a_passphrase_file_may_be_given_instead(pki: Pki, settings: Settings, places: Path) -> None:
    settings.SIGNING_PASSPHRASE_FILE = None
    call_command(
        "create_gateway_certificate", "--host=localhost", f"--passphrase-file={places / 'passphrase'}"
    )
    assert console_certificates.gateway_key_path().exists()
