"""The audit reads the authorities' own certificates too: who signed them, for how long, how they are made."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import connection

from certs import audit, keys
from certs.ceremony import composing
from certs.ceremony.composing import Issuer
from certs.models import Authority
from consortium.core import clock
from tests.certs.conftest import PASSPHRASE, Pki

pytestmark = pytest.mark.django_db


def findings(subject: str = "nodes.crt", *, lint: bool = False) -> set[str]:
    return {found.code for found in audit.audit(lint=lint).findings if found.subject == subject}


def replace(name: str, der: bytes) -> None:
    """As somebody who owns the database could, with what was stored before it was signed as well."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE certs_serialnumber SET intent = %s WHERE intent ="
            " (SELECT der FROM certs_authority WHERE name = %s)",
            [der, name],
        )
        cursor.execute("UPDATE certs_authority SET der = %s WHERE name = %s", [der, name])
        cursor.execute("SET session_replication_role = origin")


def signed_again(
    authority: Authority,
    *,
    without: type[x509.ExtensionType] | None = None,
    basic: tuple[x509.BasicConstraints, bool] | None = None,
    end: datetime | None = None,
) -> bytes:
    """The same certificate, but for what is said, by the root's true key."""
    own, key = x509.load_der_x509_certificate(bytes(authority.der)), keys.open_key("root", PASSPHRASE)
    builder = x509.CertificateBuilder(
        issuer_name=own.issuer,
        subject_name=own.subject,
        public_key=own.public_key(),
        serial_number=own.serial_number,
        not_valid_before=own.not_valid_before_utc.replace(tzinfo=None),
        not_valid_after=(end or own.not_valid_after_utc).replace(tzinfo=None),
    )
    for one in own.extensions:
        value, critical = one.value, one.critical
        if basic and isinstance(value, x509.BasicConstraints):
            value, critical = basic
        if without is None or not isinstance(value, without):
            builder = builder.add_extension(value, critical)
    return builder.sign(key, composing.hash_for(key)).public_bytes(Encoding.DER)


@pytest.mark.parametrize("name", ["root", "nodes"])
def test_a_signature_that_does_not_hold(name: str, pki: Pki) -> None:
    der = bytearray(bytes(Authority.objects.get(name=name).der))
    der[-1] ^= 1
    replace(name, bytes(der))
    assert findings(f"{name}.crt") == {"signature_wrong"}


def test_an_authority_by_somebody_who_calls_himself_the_root(pki: Pki) -> None:
    """Same names, same key below, everything as it should be: but another key signed."""
    key = ec.generate_private_key(ec.SECP384R1())
    root = composing.root(key, "Alliance", "root", clock.now())
    nodes = x509.load_der_x509_certificate(bytes(pki.nodes.der))
    issuer = Issuer(root, key, "http://localhost:8000/pki/root")
    forged = composing.issuing(issuer, "nodes", nodes.public_key(), [], clock.now())
    replace("nodes", forged.public_bytes(Encoding.DER))
    assert "signature_wrong" in findings()


def test_an_authority_that_outlives_its_root(pki: Pki) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    replace("root", signed_again(pki.root, end=tomorrow))
    assert findings() == {"outlives_issuer"}
    assert findings("root.crt") == {"row_differs"}


def test_an_authority_that_is_valid_for_too_long(pki: Pki) -> None:
    later = pki.nodes.not_after + timedelta(days=30)
    replace("nodes", signed_again(pki.nodes, end=later))
    assert findings() == {"row_differs", "too_long"}


def test_an_authority_that_may_be_none_and_what_the_linter_says(pki: Pki) -> None:
    assert findings(lint=True) == set()
    replace("nodes", signed_again(pki.nodes, basic=(x509.BasicConstraints(ca=True, path_length=0), False)))
    assert findings() == {"no_authority"}
    assert findings(lint=True) == {"no_authority", "lint"}
    replace("nodes", signed_again(pki.nodes, without=x509.KeyUsage))
    assert findings() == {"no_authority"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("spki_sha256 = repeat('0', 64)", "row_differs"),
        ("not_after = not_after + interval '1 day'", "row_differs"),
        ("der = 'nothing'", "unreadable"),
        ("parent_id = NULL", "authority_differs"),
        ("der = (SELECT der FROM certs_authority WHERE name = 'lists')", "row_differs"),
    ],
)
def test_rows_that_were_changed(change: str, code: str, pki: Pki) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"UPDATE certs_authority SET {change} WHERE name = 'nodes'")  # noqa: S608
        cursor.execute("SET session_replication_role = origin")
    assert code in findings()


def test_a_certificate_that_is_not_what_was_stored_with_its_serial_number(pki: Pki) -> None:
    der = signed_again(pki.nodes)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE certs_authority SET der = %s WHERE name = 'nodes'", [der])
        cursor.execute("SET session_replication_role = origin")
    assert findings() == {"intent_differs"}
