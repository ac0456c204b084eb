"""An entry that is encoded once is, byte for byte, what cryptography makes of the same revocation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from certs.models import Authority, RevocationReason
from certs.status import entries

REASONS = [*RevocationReason.values, entries.HOLD]
KEY = ec.generate_private_key(ec.SECP256R1())
SERIALS = st.integers(min_value=1, max_value=2**159 - 1)
TIMES = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001
    max_value=datetime(2120, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)


def of_the_library(serial: int, at: datetime, reason: str) -> bytes:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
    if reason != "unspecified":
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags(reason)), critical=False)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(x509.Name([]))
        .last_update(now)
        .next_update(now + timedelta(days=1))
        .add_revoked_certificate(entry.build())
        .sign(KEY, hashes.SHA256())
    )
    return crl.tbs_certlist_bytes


@given(serial=SERIALS, at=TIMES, reason=st.sampled_from(REASONS))
def test_an_entry_is_the_librarys_byte_for_byte(serial: int, at: datetime, reason: str) -> None:
    assert of_the_library(serial, at, reason).endswith(entries.encode(serial, at, reason))


def test_a_reason_that_no_entry_has_is_refused() -> None:
    with pytest.raises(KeyError):
        entries.encode(1, datetime(2026, 1, 1, tzinfo=UTC), "removeFromCRL")


@given(serial=SERIALS, shards=st.integers(min_value=1, max_value=64))
def test_every_serial_has_one_part_of_the_list(serial: int, shards: int) -> None:
    authority = Authority(crl_shards=shards)
    assert entries.shard_of(f"{serial:x}", authority) in range(shards)
    assert entries.shard_of(f"{serial:040x}", authority) == entries.shard_of(f"{serial:x}", authority)
