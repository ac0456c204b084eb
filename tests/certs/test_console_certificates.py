"""The gateway's own certificate: made once, made again when it no longer fits."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from certs import console_certificates, keys, selectors
from certs.errors import KeysNotAvailable
from certs.models import SerialNumber
from consortium.core import clock
from consortium.core.models import Event
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
    assert serial.authority == pki.nodes
    assert (
        x509.load_der_x509_certificate(bytes(serial.intent)).tbs_certificate_bytes
        == leaf().tbs_certificate_bytes
    )


def test_the_record_has_the_certificate_as_it_was_signed(pki: Pki) -> None:
    make()
    data = Event.objects.get(action="console_certificate.issued").data
    assert x509.load_pem_x509_certificate(data["certificate"].encode()) == leaf()
    assert data["fingerprint_sha256"] == leaf().fingerprint(hashes.SHA256()).hex()
    assert data["serial"] == f"{leaf().serial_number:032x}"


def test_what_was_not_signed_is_not_said_to_be_issued(pki: Pki) -> None:
    """Another CA's key under this one's name: the signature does not fit the authority."""
    keys.path_of("nodes").unlink()
    keys.seal("nodes", ec.generate_private_key(ec.SECP256R1()), PASSPHRASE, cost=CHEAP)
    with pytest.raises(InvalidSignature):
        console_certificates.ensure_gateway(HOSTS, passphrase=PASSPHRASE)
    assert not Event.objects.filter(action="console_certificate.issued").exists()
    assert not console_certificates.gateway_certificate_path().exists()


def test_without_keys_it_is_one_line(pki: Pki, settings: Settings) -> None:
    settings.SIGNING_PASSPHRASE_FILE = None
    with pytest.raises(CommandError) as refusal:
        make()
    assert isinstance(refusal.value.__cause__, KeysNotAvailable)
    assert str(refusal.value) == str(KeysNotAvailable())  # in the operator's language
    assert not console_certificates.gateway_key_path().exists()


def test_a_passphrase_file_may_be_given_instead(pki: Pki, settings: Settings, places: Path) -> None:
    settings.SIGNING_PASSPHRASE_FILE = None
    call_command(
        "create_gateway_certificate", "--host=localhost", f"--passphrase-file={places / 'passphrase'}"
    )
    assert console_certificates.gateway_key_path().exists()
