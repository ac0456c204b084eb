"""A key store that signs wrongly (a device that fails, a fault in memory): nothing of it is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp as library
from django.conf import settings
from django.db.models import F

from certs import keys
from certs.errors import ContentMismatch
from certs.models import Authority, Certificate, RevocationList
from certs.sm2 import library as sm2
from certs.sm2.signing import SM2Signer
from certs.status import (
    answering,
    crl,
    files,
    keyring,
    ocsp,
    prepared,
    responding,
    signing,
)
from certs.status.keyring import Opened
from certs.status.signing import ClassicSigner
from consortium.core import clock
from consortium.core.models import Event
from tests.certs.conftest import Pki
from tests.certs.status.asking import request_for
from tests.certs.status.conftest import OCSP_PASSPHRASE

pytestmark = pytest.mark.django_db


class _Faulty:
    """A device's key: its public part is right, and each signature has one bit wrong."""

    def __init__(self, sound: Any) -> None:
        self._sound = sound

    def sign(self, *content: Any) -> bytes:
        signature = bytearray(self._sound.sign(*content))
        signature[-1] ^= 1
        return bytes(signature)

    def public_key(self) -> Any:
        return self._sound.public_key()

    @property
    def key_size(self) -> int:
        return int(self._sound.key_size)

    def _never(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    exchange = decrypt = private_numbers = private_bytes = __copy__ = __deepcopy__ = _never


class FaultyEllipticKey(_Faulty, ec.EllipticCurvePrivateKey):
    @property
    def curve(self) -> ec.EllipticCurve:
        return self._sound.curve


class FaultyRsaKey(_Faulty, rsa.RSAPrivateKey):
    pass


KINDS: dict[str, tuple[Callable[[], Any], type[_Faulty]]] = {
    "P-256": (lambda: ec.generate_private_key(ec.SECP256R1()), FaultyEllipticKey),
    "P-384": (lambda: ec.generate_private_key(ec.SECP384R1()), FaultyEllipticKey),
    "RSA": (lambda: rsa.generate_private_key(65537, 2048), FaultyRsaKey),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_wrongly_is_not_handed_out(kind: str) -> None:
    make, faulty = KINDS[kind]
    key = make()
    assert signing.signed(b"\x30\x00", ClassicSigner(key))
    with pytest.raises(ContentMismatch, match=r"签名|signature"):
        signing.signed(b"\x30\x00", ClassicSigner(faulty(key)))


class FaultySM2Key(sm2.PrivateKey):
    def sign(self, data: bytes, signer_id: bytes = sm2.DEFAULT_ID) -> bytes:
        signature = bytearray(super().sign(data, signer_id))
        signature[-1] ^= 1
        return bytes(signature)


def test_nor_is_what_an_sm2_key_signed_wrongly() -> None:
    assert signing.signed(b"\x30\x00", SM2Signer(sm2.PrivateKey.generate()))
    with pytest.raises(ContentMismatch, match=r"签名|signature"):
        signing.signed(b"\x30\x00", SM2Signer(FaultySM2Key.generate()))


def test_no_list_is_stored_or_published(pki: Pki) -> None:
    Authority.objects.filter(pk=pki.nodes.pk).update(revision=F("revision") + 1)
    path = files.crl_path("nodes", None)
    rows, events, file = RevocationList.objects.count(), Event.objects.count(), path.read_bytes()
    with pytest.raises(ContentMismatch, match=r"签名|signature"):
        crl.publish(pki.nodes.pk, open_key=lambda name: FaultyEllipticKey(keys.open_key(name)))
    assert (RevocationList.objects.count(), Event.objects.count()) == (rows, events)
    assert path.read_bytes() == file
    crl.publish(pki.nodes.pk)  # with a sound key it was due
    assert RevocationList.objects.count() > rows
    assert path.read_bytes() != file


@pytest.fixture
def faulty(certificate: Certificate, responder: Opened, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The responder's key, as it is opened from now on."""
    key = keys.open_key(responder.responder.key_name, OCSP_PASSPHRASE)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    place = (str(settings.KEY_DIR), responder.responder.key_name)
    monkeypatch.setitem(keyring._opened, place, ClassicSigner(FaultyEllipticKey(key)))
    return keyring.opened(responder.responder)


def test_no_answer_is_prepared(certificate: Certificate, faulty: Opened) -> None:
    path = prepared.path_of("nodes", certificate.serial_id)
    before = path.read_bytes()
    for durable in (True, False):
        with pytest.raises(ContentMismatch, match=r"签名|signature"):
            prepared.write(faulty, certificate.serial_id, ocsp.GOOD, clock.now(), durable=durable)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_who_asks_is_told_to_come_later(
    certificate: Certificate, faulty: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    answer = responding.respond(request_for(certificate, nonce=b"fresh"))
    status = library.load_der_ocsp_response(answer.der).response_status
    assert status is library.OCSPResponseStatus.TRY_LATER
    assert "can't sign" in caplog.text
    stored = library.load_der_ocsp_response(answering.answer(request_for(certificate)).der)
    assert stored.response_status is library.OCSPResponseStatus.SUCCESSFUL  # what was prepared before is good


def test_another_key_in_the_responders_place_does_not_open(pki: Pki, responder: Opened) -> None:
    """Its answers would hold by its own public key, and by nobody's certificate."""
    other = ec.generate_private_key(ec.SECP256R1())
    name = responder.responder.key_name
    keys.path_of(name).unlink()
    keys.seal(name, other, OCSP_PASSPHRASE)
    keyring._opened.pop((str(settings.KEY_DIR), name))
    with pytest.raises(ContentMismatch, match=r"responder|应答|key"):
        keyring.opened(responder.responder)
