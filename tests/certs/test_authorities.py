"""The ceremony: root and issuing CA by one command, the same after any number of them."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from certs import authorities, keys, selectors
from certs.errors import KeysNotAvailable, NoAuthority, WrongPassphrase
from certs.models import Authority, RevocationList, SeenKey, SerialNumber
from certs.status import crl, files
from consortium.core import clock
from consortium.core.models import Event
from tests.certs.conftest import PASSPHRASE, Pki
from tests.certs.openssl import Workstation, openssl

pytestmark = pytest.mark.django_db
NAMES = ["root", "nodes", "access", "lists"]


def certificate(authority: Authority) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(authority.der))


def test_one_command_makes_both_and_again_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    settings.KEY_DIR, settings.PKI_DIR = tmp_path / "keys", tmp_path / "pki"
    (tmp_path / "word").write_bytes(PASSPHRASE)
    output = StringIO()
    for _ in range(2):
        call_command("create_authorities", passphrase_file=str(tmp_path / "word"), stdout=output)
    first, second = output.getvalue().splitlines()[:4], output.getvalue().splitlines()[4:]
    assert first == second
    assert Authority.objects.count() == SeenKey.objects.count() == SerialNumber.objects.count() == 4
    assert RevocationList.objects.filter(shard=None).count() == 4
    assert Event.objects.filter(action="authority.created").count() == 4
    published = {path.name for path in (tmp_path / "pki").iterdir() if path.is_file()}
    names = {f"{name}.{kind}" for name in NAMES for kind in ("crt", "crl")}
    assert published == names | {f"{name}-chain.pem" for name in NAMES[1:]} | {"chain.pem"}
    sealed = {path.name for path in (tmp_path / "keys").iterdir() if path.suffix == ".key"}
    assert sealed == {f"{name}.key" for name in NAMES}


def test_a_missing_passphrase_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no such file, or no passphrase"):
        call_command("create_authorities", passphrase_file=str(tmp_path / "nothing"))


def test_another_passphrase_than_the_sealed_keys_is_one_line(places: Path) -> None:
    (places / "other").write_text("another")
    with pytest.raises(CommandError) as refusal:
        call_command("create_authorities", passphrase_file=str(places / "other"))
    assert str(refusal.value) == f"{WrongPassphrase(name='nodes')} [wrong_passphrase]"
    assert not Authority.objects.exists()


def test_openssl_accepts_the_issuing_authority(pki: Pki, workstation: Workstation) -> None:
    root = workstation.file("root.pem", selectors.pem(pki.root.der).encode())
    issuing = workstation.file("nodes.pem", selectors.pem(pki.nodes.der).encode())
    crl_pem = openssl("crl", "-inform", "DER", data=files.current_crl("root")).stdout
    file = workstation.file("root-crl.pem", crl_pem)
    done = openssl("verify", "-x509_strict", "-crl_check_all", "-CAfile", root, "-CRLfile", file, issuing)
    assert done.stdout.decode() == f"{issuing}: OK\n"


def test_what_they_may_sign(pki: Pki) -> None:
    for authority, length in ((pki.root, 2), (pki.nodes, 0), (pki.access, 0), (pki.lists, 0)):
        basic = certificate(authority).extensions.get_extension_for_class(x509.BasicConstraints)
        assert basic.critical
        assert basic.value == x509.BasicConstraints(ca=True, path_length=length)
        usage = certificate(authority).extensions.get_extension_for_class(x509.KeyUsage).value
        assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
    points = certificate(pki.nodes).extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS)
    assert "/pki/root.crl" in str(points.value)
    assert certificate(pki.nodes).issuer.public_bytes() == certificate(pki.root).subject.public_bytes()


def test_their_names_begin_with_the_common_name(pki: Pki) -> None:
    """FISCO BCOS takes the agency from the first part of the name that contains CN."""
    attributes = [attribute.rfc4514_attribute_name for attribute in certificate(pki.nodes).subject]
    assert attributes == ["CN", "O"]


def test_a_ceremony_cut_off_goes_on_with_the_same_keys(places: Path) -> None:
    """The sealed keys are there, the rows are not: what a crash after sealing leaves."""
    sealed = keys.open_key("nodes", PASSPHRASE).public_key()
    made = authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    assert certificate(made["nodes"]).public_key() == sealed


def test_with_the_root_in_the_safe_the_console_runs_on(pki: Pki) -> None:
    keys.path_of("root").unlink()
    authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    assert crl.publish(pki.nodes.pk).number == 1
    with pytest.raises(KeysNotAvailable):
        keys.open_key("root")


def test_the_roots_list_is_renewed_by_the_ceremony(pki: Pki) -> None:
    newest = selectors.newest_crl(pki.root)
    assert newest is not None
    with clock.frozen(newest.this_update + (newest.next_update - newest.this_update) / 2):
        authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    renewed = selectors.newest_crl(pki.root)
    assert renewed is not None
    assert renewed.number == 2


def test_two_passphrases_keep_the_two_keys_apart(places: Path) -> None:
    for path in places.glob("keys/root*"):
        path.unlink()  # key, certificate and protocol: as if there had been no ceremony
    authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=b"in the safe")
    with pytest.raises(WrongPassphrase):
        keys.open_key("root", PASSPHRASE)
    assert keys.open_key("root", b"in the safe").public_key() != keys.open_key("nodes").public_key()


def test_before_the_ceremony_there_is_no_authority() -> None:
    with pytest.raises(NoAuthority):
        selectors.issuing_authority()


def test_another_port_or_name_on_the_command_line_makes_no_other_root(
    pki: Pki, settings: Settings, places: Path
) -> None:
    settings.PUBLIC_URL = "http://localhost:9000"
    call_command("create_authorities", "--alliance=Others", passphrase_file=str(places / "passphrase"))
    assert Authority.objects.get(name="root") == pki.root
    assert Authority.objects.count() == 4
