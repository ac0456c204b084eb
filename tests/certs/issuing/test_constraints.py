"""No certificate beyond its issuer's name constraints, as relying parties would refuse it."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs.ceremony import policy
from certs.issuing import constraints

KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def issuer(purpose: str, *hosts: str) -> bytes:
    """Its certificate, with the constraints that a ceremony writes."""
    name = policy.subject("Alliance", purpose)
    builder = x509.CertificateBuilder(name, name, KEY.public_key(), 1, NOW, NOW + timedelta(days=1))
    bounds = policy.name_constraints(purpose, hosts)
    if bounds is not None:
        builder = builder.add_extension(bounds, critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@pytest.mark.parametrize(
    ("hosts", "inside", "outside"),
    [
        (("gateway.example",), ("gateway.example", "a.GATEWAY.example"), ("agateway.example", "10.0.0.1")),
        (("10.2.0.0/16",), ("10.2.3.4",), ("10.3.0.1", "gateway.example", "::1")),
        (("localhost", "::1"), ("localhost", "::1"), ("127.0.0.1", "::2", "other")),
        ((), ("gateway.example", "10.0.0.1", "::1"), ()),
    ],
)
def test_an_access_authority_stays_within_its_hosts(
    hosts: tuple[str, ...], inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    der = issuer("access", *hosts)
    assert constraints.within([host(text) for text in inside], der)
    for text in outside:
        assert not constraints.within([*map(host, inside), host(text)], der), text


@pytest.mark.parametrize("purpose", ["nodes", "lists"])
def test_others_name_no_host_at_all(purpose: str) -> None:
    der = issuer(purpose)
    assert constraints.within([x509.UniformResourceIdentifier("urn:consortium:a:node:b")], der)
    for text in ("gateway.example", "localhost", "10.0.0.1", "::1"):
        assert not constraints.within([host(text)], der), text
