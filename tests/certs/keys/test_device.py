"""Keys in a PKCS#11 device: they sign certificates there, never leave it, and open to the PIN alone."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import call_command
from pytest_django.fixtures import Settings

from certs import issuing, keys, selectors, services
from certs.errors import KeyExists, KeysNotAvailable, WrongPassphrase
from certs.keystores import device as devices
from certs.keystores.errors import NoSuchKey, NotThisKind, WrongSecret
from certs.keystores.kinds import AuthorityKey
from certs.models import Authority
from consortium.members.models import Node, User
from consortium.stack.endpoints import PROJECT
from tests.certs.hsm import PIN, Device
from tests.certs.openssl import Workstation, openssl

pytestmark = pytest.mark.peer("softhsm")


def self_signed(key: AuthorityKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A CA in a device")])
    now = datetime.now(UTC).replace(tzinfo=None)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 2**70, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize("kind", ["P-256", "P-384", "RSA-4096"])
def test_openssl_accepts_what_a_key_in_the_device_signs(
    device: Device, kind: str, workstation: Workstation
) -> None:
    key = devices.make(device.module, device.label(), kind, PIN)
    made = self_signed(key)
    file = workstation.file("ca.pem", made.public_bytes(Encoding.PEM))
    assert openssl("verify", "-check_ss_sig", "-CAfile", file, file).stdout.decode() == f"{file}: OK\n"
    assert made.public_key() == key.public_key()


def test_requests_and_lists_are_signed_by_it_too(device: Device) -> None:
    key = devices.make(device.module, device.label(), "P-384", PIN)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nodes")])
    assert x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA384()).is_signature_valid
    now = datetime.now(UTC).replace(tzinfo=None)
    crl = x509.CertificateRevocationListBuilder(name, now, now + timedelta(days=1)).sign(key, hashes.SHA384())
    assert crl.is_signature_valid(key.public_key())  # type: ignore[arg-type]


def test_the_key_does_not_leave_the_device(device: Device) -> None:
    key = devices.make(device.module, device.label(), "P-256", PIN)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with pytest.raises(NotThisKind):
        key.private_numbers()
    with pytest.raises(NotThisKind):
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    handle = key._handle  # type: ignore[attr-defined]
    assert handle[devices.Attribute.SENSITIVE] is True
    assert handle[devices.Attribute.EXTRACTABLE] is False
    with pytest.raises(NotThisKind):
        key.exchange(ec.ECDH(), key.public_key())


def test_other_ways_to_sign_are_refused(device: Device) -> None:
    elliptic = devices.make(device.module, device.label(), "P-256", PIN)
    assert isinstance(elliptic, ec.EllipticCurvePrivateKey)
    with pytest.raises(NotThisKind):
        elliptic.sign(b"a digest", ec.ECDSA(Prehashed(hashes.SHA256())))
    one = devices.make(device.module, device.label(), "RSA-4096", PIN)
    assert isinstance(one, rsa.RSAPrivateKey)
    for how in (padding.PSS(padding.MGF1(hashes.SHA256()), 32), padding.PKCS1v15()):
        with pytest.raises(NotThisKind):
            one.sign(b"", how, hashes.SHA224())


def test_a_key_is_made_once(device: Device) -> None:
    name = device.label()
    assert not devices.exists(device.module, name)
    made = devices.make(device.module, name, "P-256", PIN)
    assert devices.exists(device.module, name)
    with pytest.raises(devices.KeyThere):
        devices.make(device.module, name, "P-256", PIN)
    assert devices.open_key(device.module, name, PIN).public_key() == made.public_key()


def test_the_pin_is_asked_of_everybody(device: Device) -> None:
    """Also of who comes second: the device itself would not ask again in one process."""
    name = device.label()
    devices.make(device.module, name, "P-256", PIN)
    with pytest.raises(WrongSecret):
        devices.open_key(device.module, name, b"00000000")
    program = (
        "import sys; from certs.keystores import device\n"
        "device.open_key(sys.argv[1], sys.argv[2], sys.stdin.read().encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, device.module, name], cwd=PROJECT, input="00000000",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "WrongSecret" in done.stderr


def test_a_device_or_a_key_that_is_not_there_is_said_so(device: Device) -> None:
    for module, name in (
        (device.module, "pkcs11:elsewhere/nodes"),
        (device.module, "pkcs11:alliance/never-made"),
        ("/nonexistent/library.so", "pkcs11:alliance/nodes"),
        ("", "pkcs11:alliance/nodes"),
    ):
        with pytest.raises(NoSuchKey):
            devices.open_key(module, name, PIN)


@pytest.mark.parametrize("name", ["pkcs11:", "pkcs11:alliance", "pkcs11:a/b/c", "pkcs11:/x", "nodes"])
def test_a_name_has_token_and_label(name: str) -> None:
    with pytest.raises(ValueError, match="not a key in a device"):
        devices.Place.of(name)


def test_a_child_process_opens_its_own_session(device: Device) -> None:
    """Celery forks: a session of the parent's is of no use in its child."""
    name = device.label()
    devices.make(device.module, name, "P-256", PIN)
    program = f"""
import os, sys
from certs.keystores import device
pin = sys.stdin.read().encode()
device.open_key({device.module!r}, {name!r}, pin)
child = os.fork()
if child == 0:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    key = device.open_key({device.module!r}, {name!r}, pin)
    key.public_key().verify(key.sign(b"x", ec.ECDSA(hashes.SHA256())), b"x", ec.ECDSA(hashes.SHA256()))
    os._exit(7)
print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, input=PIN.decode(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout == "child 7\n", done.stderr


class TestInTheConsole:
    """The same, through the console's settings."""

    @pytest.fixture(autouse=True)
    def _settings(self, places: object, device: Device, settings: Settings) -> None:
        settings.PKCS11_MODULE, settings.PKCS11_PIN_FILE = device.module, str(device.pin_file)

    def test_a_process_with_pin_and_passphrase_opens_it_once(self, device: Device) -> None:
        name = device.label()
        made = keys.make(name, "P-256", PIN)
        assert keys.exists(name)
        first = keys.open_key(name)
        assert first.public_key() == made.public_key()
        assert keys.open_key(name) is first

    @pytest.mark.parametrize("missing", ["SIGNING_PASSPHRASE_FILE", "PKCS11_PIN_FILE"])
    def test_a_process_without_either_opens_nothing(
        self, device: Device, settings: Settings, missing: str
    ) -> None:
        name = device.label()
        keys.make(name, "P-256", PIN)
        setattr(settings, missing, None)
        with pytest.raises(KeysNotAvailable):
            keys.open_key(name)

    def test_what_the_device_refuses_is_an_error_of_the_console(self, device: Device) -> None:
        name = device.label()
        keys.make(name, "P-256", PIN)
        with pytest.raises(KeyExists):
            keys.make(name, "P-256", PIN)
        with pytest.raises(WrongPassphrase):
            keys.open_key(name, b"00000000")
        with pytest.raises(KeysNotAvailable):
            keys.open_key(device.label("never-made"))


@pytest.mark.django_db
def test_authorities_in_the_device_certify_nodes(
    places: Path, device: Device, settings: Settings, workstation: Workstation, heming: Node, zhou_lan: User,
    wang_min: User,
) -> None:  # fmt: skip
    """Root and issuing CA in the token: the ceremony, the lists and a node's certificate are signed there."""
    settings.PKCS11_MODULE, settings.PKCS11_PIN_FILE = device.module, str(device.pin_file)
    for path in (places / "keys").glob("root*"):
        path.unlink()
    root, nodes = device.label("root"), device.label("nodes")
    call_command(
        "create_authorities", f"--key=root=P-384@{root}", f"--key=nodes=P-256@{nodes}",
        passphrase_file=str(places / "passphrase"),
    )  # fmt: skip
    made = Authority.objects.get(name="nodes")
    assert (made.key_name, Authority.objects.get(name="root").key_name) == (nodes, root)
    assert not (places / "keys" / "root.key").exists()
    request = services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan
    )
    services.approve_request(request, actor=wang_min)
    certificate = issuing.issue(request.pk)
    assert certificate is not None
    pem = selectors.pem
    trusted = workstation.file("root.pem", pem(Authority.objects.get(name="root").der).encode())
    chain = workstation.file("nodes.pem", pem(made.der).encode())
    leaf = workstation.file("leaf.pem", pem(certificate.der).encode())
    done = openssl("verify", "-x509_strict", "-CAfile", trusted, "-untrusted", chain, leaf)
    assert done.stdout.decode() == f"{leaf}: OK\n"
    assert (places / "pki" / "nodes.crl").exists()


@pytest.mark.django_db
def test_the_consoles_own_certificates_are_signed_in_the_device_too(
    places: Path, device: Device, settings: Settings
) -> None:
    """A ceremony's command is given the passphrase of the sealed keys; the device wants its own PIN."""
    settings.PKCS11_MODULE, settings.PKCS11_PIN_FILE = device.module, str(device.pin_file)
    for path in (places / "keys").glob("root*"):
        path.unlink()
    for path in (places / "keys").glob("root*"):
        path.unlink()
    passphrase = str(places / "passphrase")
    call_command(
        "create_authorities", f"--key=access=P-256@{device.label('access')}", passphrase_file=passphrase
    )
    assert Authority.objects.get(name="access").key_name.startswith("pkcs11:")
    call_command("create_gateway_certificate", "--host=localhost", f"--passphrase-file={passphrase}")
    assert (places / "keys" / "gateway.crt").exists()
