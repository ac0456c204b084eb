"""Requests for SM2 keys: what is read of a sound one, and that anything else ends in a typed refusal."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_csr
from django.test import override_settings

from certs import der, gate
from certs.errors import (
    MalformedRequest,
    NoProofOfPossession,
    SM2NotAvailable,
    WeakKey,
    WeakSignature,
)
from certs.issuing import reading
from certs.sm2 import names, points, requests
from certs.sm2.library import PrivateKey
from consortium.core.errors import ConsoleError
from tests.certs.openssl import openssl
from tests.certs.sm2.conftest import SMWorkstation

REFUSALS = {"malformed_request", "no_proof_of_possession", "weak_signature", "unfit_name", "key_not_accepted"}
SUBJECT = "/CN=settlement-1/O=heming-bank"
EXTENSIONS = ("-addext", "subjectAltName=DNS:heming.example", "-addext", "basicConstraints=CA:FALSE")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What openssl makes with a name and extensions, so that there is something to break; DER."""
    bank = SMWorkstation(tmp_path_factory.mktemp("bank") / "home")
    return bank.sm2_request(*EXTENSIONS, subject=SUBJECT, form="DER")


def test_openssls_request_is_read(sound: bytes) -> None:
    read = gate.read(sound)
    assert (str(read.key), read.public_key, read.signature) == ("SM2", None, "sm3")
    assert read.names == {"CN": ("settlement-1",), "O": ("heming-bank",), "SAN": ("heming.example",)}
    assert names.is_sm2(read.spki)
    assert not read.asks_for_authority


def test_pem_and_der_are_the_same(bank: SMWorkstation) -> None:
    pem = bank.sm2_request()
    assert gate.read(pem).der == load_pem_x509_csr(pem).public_bytes(Encoding.DER)


def test_it_sees_who_wants_to_be_an_authority(bank: SMWorkstation) -> None:
    assert gate.read(bank.sm2_request("-addext", "basicConstraints=critical,CA:TRUE")).asks_for_authority


def test_a_signature_under_another_id_proves_nothing(bank: SMWorkstation) -> None:
    options = ("-sm3", "-sigopt", "distid:heming-bank")
    with pytest.raises(NoProofOfPossession):
        gate.read(bank.request("sm2", *options, key=bank.sm2_key()))


def test_a_request_under_anothers_key_proves_nothing(sound: bytes) -> None:
    other = PrivateKey.generate()
    theirs = gate.read(sound).spki
    with pytest.raises(NoProofOfPossession):
        gate.read(signed(content_of(sound).replace(theirs, other.spki), PrivateKey.generate()))


def test_another_algorithm_is_refused_by_name(sound: bytes) -> None:
    ecdsa = bytes.fromhex("300a06082a8648ce3d040302")
    with pytest.raises(WeakSignature, match=r"1\.2\.840\.10045\.4\.3\.2"):
        gate.read(sound.replace(names.SM2_WITH_SM3, ecdsa))


def test_a_point_off_the_curve_is_no_key(sound: bytes) -> None:
    spki = gate.read(sound).spki
    off = spki[:-1] + bytes([spki[-1] ^ 1])
    with pytest.raises(MalformedRequest):
        gate.read(sound.replace(spki, off))


@pytest.mark.parametrize("number", [1, 2, 4096])
def test_a_key_that_was_found_by_counting_is_refused(number: int, sound: bytes) -> None:
    """Private number 1, 2, 4096: openssl makes the key and a request that is sound otherwise."""
    key = counted(number)
    assert points.of_tiny_number(names.point(key.spki))
    with pytest.raises(WeakKey):
        gate.read(signed(content_of(sound).replace(gate.read(sound).spki, key.spki), key))


def test_a_key_a_little_further_is_taken(sound: bytes) -> None:
    key = counted(4097)
    assert gate.read(signed(content_of(sound).replace(gate.read(sound).spki, key.spki), key)).spki == key.spki


def test_points_are_told_from_others() -> None:
    key = PrivateKey.generate()
    x, y = names.point(key.spki)
    assert points.on_curve((x, y))
    assert points.on_curve((x, points.P - y))
    assert not points.on_curve((x, y ^ 1))
    assert not points.on_curve((x + points.P, y))
    assert not points.of_tiny_number((x, y))


@pytest.mark.parametrize("other_form", [("-conv_form", "compressed"), ("-param_enc", "explicit")])
def test_a_compressed_point_or_a_curve_spelled_out_is_refused(
    other_form: tuple[str, str], bank: SMWorkstation, tmp_path: Path
) -> None:
    """One key, one form, one fingerprint: nobody has a key certified twice by writing it otherwise."""
    file = tmp_path / "other.key"
    openssl("ec", "-in", str(bank.sm2_key()), *other_form, "-out", str(file))
    with pytest.raises(MalformedRequest):
        gate.read(bank.sm2_request(key=file))


def test_300_requests_with_bytes_changed_are_refused(sound: bytes) -> None:
    dice = random.Random(20261123)
    for _ in range(300):
        data = bytearray(sound)
        for _change in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] ^= dice.randint(1, 255)
        if bytes(data) != sound:
            assert outcome(bytes(data)) in REFUSALS


def test_300_that_end_otherwise_are_refused(sound: bytes) -> None:
    dice = random.Random(20261124)
    for _ in range(300):
        data = sound[: dice.randrange(len(sound))] + dice.randbytes(dice.randint(0, 40))
        assert outcome(data) in REFUSALS


def test_300_with_changed_content_and_a_right_signature_break_nothing(sound: bytes) -> None:
    """Whoever holds a key may sign anything: the reader gets as far as it does with a sound one."""
    dice, key = random.Random(20261125), PrivateKey.generate()
    content = content_of(sound).replace(gate.read(sound).spki, key.spki)
    taken = 0
    for _ in range(300):
        data = bytearray(content)
        for _change in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] ^= dice.randint(1, 255)
        said = outcome(signed(bytes(data), key))
        assert said == "SM2" or said in REFUSALS
        taken += said == "SM2"
    assert taken  # a changed letter of a name is a request like any other


def test_noise_is_refused_by_the_reader_itself(sound: bytes) -> None:
    dice = random.Random(20261126)
    for length in range(200):
        with pytest.raises(MalformedRequest):
            requests.read(dice.randbytes(length))


def test_without_sm2_nothing_is_believed(sound: bytes) -> None:
    with override_settings(SM2_PROPERTIES="provider=nobody"), pytest.raises(SM2NotAvailable):
        gate.read(sound)


def outcome(data: bytes) -> str:
    try:
        return str(gate.read(data).key)
    except ConsoleError as refusal:
        return refusal.code if str(refusal) else "a refusal without a word"


def content_of(csr: bytes) -> bytes:
    return reading.elements(csr)[0]


def signed(content: bytes, key: PrivateKey) -> bytes:
    signature = der.tlv(der.BIT_STRING, b"\0", key.sign(content))
    return der.tlv(der.SEQUENCE, content, names.SM2_WITH_SM3, signature)


def counted(number: int) -> PrivateKey:
    """The key with that private number: what openssl reads from the number alone, in SEC 1's form."""
    private = der.tlv(
        der.SEQUENCE,
        der.integer(1),
        der.tlv(der.OCTET_STRING, number.to_bytes(32, "big")),
        der.tlv(0xA0, names.CURVE_OID),
    )
    pkcs8 = openssl("pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER", data=private)
    return PrivateKey.from_pkcs8(pkcs8.stdout)


def signed_request(key: PrivateKey) -> bytes:
    """A request without names over a key that is at hand."""
    content = der.tlv(der.SEQUENCE, der.integer(0), der.tlv(der.SEQUENCE), key.spki, der.tlv(0xA0))
    return signed(content, key)
