"""EST's messages, read by others than who wrote them."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from django.http import HttpRequest
from django.test import RequestFactory

from certs.errors import LengthRequired, NotBase64, RequestTooLarge, WrongContentType
from certs.est import wire
from certs.profiles import NODE, PROFILES
from consortium.core.errors import ConsoleError
from tests.certs.openssl import openssl

REQUEST = bytes(range(256)) * 3
ONE_LINE = base64.b64encode(REQUEST)


def posted(body: bytes, content_type: str = wire.PKCS10) -> HttpRequest:
    return RequestFactory().post("/.well-known/est/simpleenroll", body, content_type=content_type)


def certificate(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2026, 11, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=start + timedelta(days=1),
    )
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_openssl_and_python_read_the_certificates_that_were_put_in() -> None:
    given = [certificate("Alliance Root CA"), certificate("Alliance Nodes CA")]
    made = wire.certs_only(given)
    read = pkcs7.load_der_pkcs7_certificates(made)
    assert {each.public_bytes(Encoding.DER) for each in read} == set(given)
    shown = openssl("pkcs7", "-inform", "DER", "-print_certs", "-noout", data=made).stdout.decode()
    assert "Alliance Root CA" in shown
    assert "Alliance Nodes CA" in shown
    assert wire.certs_only(reversed(given)) == made


def test_an_answer_is_base64_on_one_line_and_says_so() -> None:
    answer = wire.certificates([certificate("Heming Bank")])
    assert re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", answer.content)
    assert answer.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    assert answer.headers["Content-Transfer-Encoding"] == "base64"
    assert answer.headers["Cache-Control"] == "no-store"


EXPECTED = {
    "evm-node": {"prime256v1", "rsaEncryption", ":0C00", "ecdsa-with-SHA256", "sha256WithRSAEncryption"},
    "fisco-bcos-3": {"rsaEncryption", ":0800", "sha256WithRSAEncryption"},
    "fisco-bcos-2": {"secp256k1", "ecdsa-with-SHA256"},
    "fisco-bcos-3-sm": {":sm2", "SM2-with-SM3"},
}


@pytest.mark.parametrize("profile", EXPECTED)
def test_the_attributes_name_the_profiles_keys(profile: str) -> None:
    made = wire.csr_attributes(PROFILES[profile])
    shown = openssl("asn1parse", "-inform", "DER", data=made).stdout.decode()
    assert {word for word in EXPECTED[profile] if word not in shown} == set()


def test_every_profile_that_a_node_can_have_has_attributes() -> None:
    for spec in PROFILES.values():
        if spec.needs == NODE:
            parts = core.SequenceOf.load(wire.csr_attributes(spec), spec=core.Any)
            assert len(parts) >= 2, spec.name


@pytest.mark.parametrize(
    "body",
    [
        ONE_LINE,
        base64.encodebytes(REQUEST),
        base64.encodebytes(REQUEST).replace(b"\n", b"\r\n"),
        b" " + ONE_LINE + b"\n",
    ],
)
def test_a_body_may_be_wrapped_in_lines(body: bytes) -> None:
    assert wire.request_body(posted(body)) == REQUEST


@pytest.mark.parametrize("content_type", ["application/pkcs10; charset=utf-8", "Application/PKCS10"])
def test_the_type_may_have_parameters_and_any_case(content_type: str) -> None:
    assert wire.request_body(posted(ONE_LINE, content_type)) == REQUEST


def chunked() -> HttpRequest:
    request = posted(ONE_LINE)
    del request.META["CONTENT_LENGTH"]
    request.META["HTTP_TRANSFER_ENCODING"] = "chunked"
    return request


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (posted(ONE_LINE, "text/plain"), WrongContentType),
        (posted(ONE_LINE, "application/x-www-form-urlencoded"), WrongContentType),
        (posted(ONE_LINE, ""), WrongContentType),
        (posted(b"\r\n\r\n"), NotBase64),
        (posted(REQUEST), NotBase64),
        (posted(b"-----BEGIN CERTIFICATE REQUEST-----\n" + ONE_LINE), NotBase64),
        (posted(ONE_LINE[:-1] + b"\x00"), NotBase64),
        (posted(b"QQ=Q"), NotBase64),
        (posted(b"A" * 30_000), RequestTooLarge),
        (chunked(), LengthRequired),
    ],
)
def test_anything_else_is_refused_by_name(request_: HttpRequest, error: type[ConsoleError]) -> None:
    with pytest.raises(error):
        wire.request_body(request_)
