"""Whatever is sent, reading it ends in a typed error or in a request whose signature is right."""

from __future__ import annotations

import ipaddress
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs import gate
from consortium.core.errors import ConsoleError
from tests.certs import hostile


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


@cache
def contents() -> list[bytes]:
    """What is signed, with an extension or a kind of name in each that a parser may stumble over."""
    address = ipaddress.ip_address("10.1.2.3")
    inner = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "settlement-1")])
    names: list[x509.GeneralName] = [
        x509.DNSName("heming.example"),
        x509.RFC822Name("zhou.lan@heming.example"),
        x509.UniformResourceIdentifier("urn:consortium:1"),
        x509.IPAddress(address),
        x509.DirectoryName(inner),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3.4")),
        x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    ]
    policy = x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), ["https://heming.example"])
    point = x509.DistributionPoint(names[2:3], None, frozenset([x509.ReasonFlags.key_compromise]), None)
    extensions: list[x509.ExtensionType] = [
        *(x509.SubjectAlternativeName([name]) for name in names),
        x509.IssuerAlternativeName(names),
        x509.BasicConstraints(ca=True, path_length=3),
        x509.KeyUsage(*[True] * 9),
        x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")]),
        x509.NameConstraints(names[:1], [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))]),
        x509.CertificatePolicies([policy]),
        x509.CRLDistributionPoints([point]),
        x509.AuthorityKeyIdentifier(b"1", names[:1], 5),
        x509.TLSFeature([x509.TLSFeatureType.status_request]),
    ]
    return [content(extension) for extension in extensions]


def content(extension: x509.ExtensionType) -> bytes:
    parts = (
        (x509.NameOID.COUNTRY_NAME, "CN"),
        (x509.NameOID.ORGANIZATION_NAME, "和鸣银行"),
        (x509.NameOID.COMMON_NAME, "settlement-1"),
        (x509.NameOID.EMAIL_ADDRESS, "zhou.lan@heming.example"),
    )
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject).add_extension(extension, False)
    return builder.sign(SIGNER, hashes.SHA256()).tbs_certrequest_bytes


SIGNER = hostile.Maker(3).key()
CHANGES = st.tuples(
    st.integers(0, 10_000),
    st.one_of(st.integers(0, 255), st.sampled_from([0x01, 0x03, 0x05, 0x07, 0x14, 0x1E, 0x30, 0x87, 0xA4])),
)
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


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_no_single_bit_of_a_request_can_change(kind: str) -> None:
    whole = sound(kind)
    taken = []
    for place in range(len(whole) * 8):
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        if outcome(bytes(data)) not in REFUSALS:
            taken.append(divmod(place, 8))
    assert taken == []


def test_a_signature_of_broken_octets_is_refused() -> None:
    """X.690 lets a bit string end within an octet if the rest is zero; a signature never does."""
    whole = next(csr for csr in (sound.__wrapped__("ec") for _ in range(100)) if not csr[-1] & 1)
    signature = x509.load_der_x509_csr(whole).signature
    unused = len(whole) - len(signature) - 1
    broken = whole[:unused] + b"\x01" + signature
    assert (outcome(whole), outcome(broken)) == ("P-256", "malformed_request")


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


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 100), st.lists(CHANGES, min_size=1, max_size=3))
def test_odd_content_under_a_right_signature_is_refused_or_read(
    caplog: pytest.LogCaptureFixture, which: int, changes: list[tuple[int, int]]
) -> None:
    """Every part is parsed before the signature is looked at; no parser raises what was not foreseen."""
    data = bytearray(contents()[which % len(contents())])
    for place, value in changes:
        data[place % len(data)] = value
    assert outcome(hostile.signed(bytes(data), SIGNER)) in {*REFUSALS, "P-256"}
    assert not caplog.records


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_sound_one_is_read(kind: str) -> None:
    assert outcome(sound(kind)) in {"P-256", "RSA"}
