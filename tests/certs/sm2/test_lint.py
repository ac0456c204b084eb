"""What pkilint says of 国密, and what stands in place of the one thing that it can't judge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from certs import building, der
from certs.errors import LintFinding
from certs.issuing import pkix, tbs
from certs.profiles import InvalidProfile, parse
from certs.sm2 import certificates, names
from certs.sm2.library import PrivateKey

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SIGN = {"digital_signature", "content_commitment"}
ENCRYPT = {"key_encipherment", "data_encipherment", "key_agreement"}


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.mark.parametrize("usages", [SIGN, ENCRYPT], ids=["sign", "encrypt"])
def test_both_kinds_pass_without_a_word(usages: set[str], key: PrivateKey) -> None:
    assert pkix.lint(leaf(key, usages)) == []


def test_a_certificate_for_both_at_once_is_stopped(key: PrivateKey) -> None:
    with pytest.raises(LintFinding, match="key_usage_value_prohibited_for_ec"):
        pkix.lint(leaf(key, SIGN | ENCRYPT))


def test_what_else_is_wrong_is_still_found(key: PrivateKey) -> None:
    with pytest.raises(LintFinding, match="validity"):
        pkix.lint(leaf(key, ENCRYPT, days=-1))


def test_the_authorities_pass(key: PrivateKey) -> None:
    root = certificates.root(key, "Alliance", NOW)
    signer = certificates.Root(root, key, "https://console.alliance.example/pki/sm-root")
    nodes = certificates.nodes(signer, PrivateKey.generate().spki, 2, NOW)
    for made in (root, nodes):
        assert pkix.lint(made) == []


def test_no_profile_can_be_for_both() -> None:
    from pathlib import Path

    import certs.profiles

    text = (Path(certs.profiles.__file__).parent / "fisco-bcos-3-sm.toml").read_text("utf-8")
    both = text.replace('"content_commitment"]', '"content_commitment", "key_encipherment"]')
    assert parse("fisco-bcos-3-sm", text).usages_of("SM2") == SIGN
    with pytest.raises(InvalidProfile, match="signs or encrypts"):
        parse("fisco-bcos-3-sm", both)


def leaf(key: PrivateKey, usages: set[str], days: int = 365) -> bytes:
    """A node's certificate with those usages, by an authority that is nobody's."""
    issuer = certificates.subject("Alliance", "Nodes").public_bytes()
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (building.key_usage(**dict.fromkeys(usages, True)), True),
        (certificates.key_identifier(key.spki), False),
        (
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                certificates.key_identifier(key.spki)
            ),
            False,
        ),
    ]
    content = der.tlv(
        der.SEQUENCE,
        bytes.fromhex("a003020102"),
        der.integer(building.new_serial()),
        names.SM2_WITH_SM3,
        issuer,
        der.tlv(der.SEQUENCE, der.time(NOW), der.time(NOW + timedelta(days=days))),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "settlement-1")]).public_bytes(),
        key.spki,
        der.tlv(0xA3, der.tlv(der.SEQUENCE, *(tbs.extension(*one) for one in extensions))),
    )
    return tbs.certificate(content, names.SM2_WITH_SM3, key.sign(content))
