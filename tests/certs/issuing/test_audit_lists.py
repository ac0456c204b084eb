"""The audit reads the lists that are published as a relying party would: whose they are, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.db import connection

from certs import audit
from consortium.core import clock
from tests.certs.conftest import Pki

pytestmark = pytest.mark.django_db


def codes() -> set[str]:
    return {found.code for found in audit.audit(lint=False).findings}


def rewrite(statement: str, *values: Any) -> None:
    """As somebody who owns the database could: past triggers and constraints."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


@pytest.fixture
def listed(pki: Pki) -> Callable[[bytes], None]:
    """``listed(der)``: that is the authority's newest list, in its row and published."""

    def put(der: bytes) -> None:
        rewrite("UPDATE certs_revocationlist SET der = %s WHERE authority_id = %s AND shard IS NULL",
                der, pki.nodes.pk)  # fmt: skip
        (Path(settings.PKI_DIR) / "nodes.crl").write_bytes(der)

    return put


def test_a_list_that_the_authority_did_not_sign(pki: Pki, listed: Callable[[bytes], None]) -> None:
    """Each serial number in it is right: but a relying party would not take it."""
    true = bytes(pki.nodes.crls.get(shard=None).der)
    spoilt = bytearray(true)
    spoilt[-1] ^= 1
    listed(bytes(spoilt))
    assert codes() == {"list_signature_wrong"}
    read, key = x509.load_der_x509_crl(true), ec.generate_private_key(ec.SECP256R1())
    row = pki.nodes.crls.get(shard=None)
    period = (row.this_update.replace(tzinfo=None), row.next_update.replace(tzinfo=None))
    builder = x509.CertificateRevocationListBuilder(read.issuer, *period)
    for one in read.extensions:
        builder = builder.add_extension(one.value, one.critical)
    listed(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    assert codes() == {"list_signature_wrong"}
    listed(b"nothing")
    assert codes() == {"list_unreadable"}
    listed(true)
    assert codes() == set()


def test_another_authoritys_list(pki: Pki, listed: Callable[[bytes], None]) -> None:
    listed(bytes(pki.access.crls.get(shard=None).der))
    assert {"list_issuer_differs", "list_signature_wrong"} <= codes()


def test_a_list_that_ran_out_behind_a_row_that_says_otherwise(pki: Pki) -> None:
    rewrite("UPDATE certs_revocationlist SET next_update = next_update + interval '9 days'")
    assert codes() == {"list_differs"}
    with clock.frozen(clock.now() + timedelta(days=3)):
        assert "list_stale" in codes()
