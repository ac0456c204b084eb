"""Whatever is sent, reading it ends in a typed error or in a request whose signature is right."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from certs import gate
from consortium.core.errors import ConsoleError


@cache
def sound(kind: str) -> bytes:
    """A CSR with a name and extensions, so that there is something to break."""
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "settlement-1")])
    names = x509.SubjectAlternativeName([x509.DNSName("heming.example")])
    builder = (
        x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(names, critical=False)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


REFUSALS = {
    "malformed_request",
    "no_proof_of_possession",
    "weak_signature",
    "unfit_name",
    "private_key_sent",
}


def outcome(data: bytes) -> str:
    try:
        return gate.read(data).key.kind
    except ConsoleError as refusal:
        return refusal.code if str(refusal) else "a refusal without a word"


@given(st.binary(max_size=2000))
def test_noise_is_refused(data: bytes) -> None:
    assert outcome(data) in REFUSALS


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["ec", "rsa"]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_a_request_with_bytes_changed_is_refused(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(sound(kind))
    for place, mask in changes:
        data[place % len(data)] ^= mask
    if bytes(data) != sound(kind):
        assert outcome(bytes(data)) in REFUSALS


@settings(deadline=None)
@given(st.integers(0, 5000), st.binary(max_size=50))
def test_a_request_that_ends_otherwise_is_refused(length: int, tail: bytes) -> None:
    whole = sound("ec")
    other = whole[: length % len(whole)] + tail
    assert outcome(other) in REFUSALS or other == whole


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_noise_in_pem_clothes_is_refused(body: bytes) -> None:
    wrapped = b"-----BEGIN CERTIFICATE REQUEST-----\n" + body + b"\n-----END CERTIFICATE REQUEST-----\n"
    assert outcome(wrapped) in REFUSALS


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_sound_one_is_read(kind: str) -> None:
    assert outcome(sound(kind)) in {"P-256", "RSA"}
