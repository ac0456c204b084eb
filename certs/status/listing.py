"""A revocation list's DER (RFC 5280 section 5), put around entries that were encoded long before.

Nothing is parsed or built entry by entry, so 100,000 of them cost what their bytes cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from django.db import connection

from certs import der
from certs.errors import ContentMismatch
from certs.models import Authority
from certs.status.addresses import crl_names
from certs.status.parts import subject_of
from certs.status.signing import Signer, signed

_CRL_NUMBER = bytes.fromhex("0603551d14")
_AUTHORITY_KEY = bytes.fromhex("0603551d23")
_DISTRIBUTION_POINT = bytes.fromhex("0603551d1c")
_TRUE = bytes.fromhex("0101ff")
_VERSION_2 = bytes.fromhex("020101")

# One entry a certificate: a revocation takes the place of the suspension before it. In no order: RFC 5280
# asks for none, and sorting would cost more than all the rest.
_ENTRIES = """
SELECT count(*), coalesce(string_agg(entry, ''::bytea), ''::bytea),
       coalesce(min(length(entry)), 1)
FROM (
    SELECT crl_entry AS entry FROM certs_revocation
    WHERE authority_id = %(authority)s AND (%(shard)s::int IS NULL OR shard = %(shard)s::int)
    UNION ALL
    SELECT crl_entry FROM certs_suspension AS held
    WHERE authority_id = %(authority)s AND (%(shard)s::int IS NULL OR shard = %(shard)s::int)
      AND released_at IS NULL
      AND NOT EXISTS (
          SELECT FROM certs_revocation AS final WHERE final.certificate_id = held.certificate_id)
) AS listed
"""


@dataclass(frozen=True, slots=True)
class Entries:
    """Encoded entries, one after the other, and how many they are."""

    count: int
    der: bytes


def entries_of(authority: Authority, shard: int | None) -> Entries:
    """What the list holds now: all (``shard`` None) or one part.

    Raises ContentMismatch where a row came without its entry: a list that lacks one must not be signed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, {"authority": authority.pk, "shard": shard})
        count, joined, shortest = cursor.fetchone()
    if not shortest:
        raise ContentMismatch(what="an entry of the revocation list")
    return Entries(count, bytes(joined))


def build(
    authority: Authority,
    shard: int | None,
    *,
    number: int,
    validity: tuple[datetime, datetime],
    entries: Entries,
    signer: Signer,
) -> bytes:
    """The signed list, DER; a part names its own address, critically (RFC 5280 section 5.2.5)."""
    issuer = bytes(authority.der)
    extensions = [_extension(_AUTHORITY_KEY, _key_identifier(issuer)), _number(number)]
    if shard is not None:
        extensions.append(_distribution_point(crl_names(authority, shard)))
    content = der.tlv(
        der.SEQUENCE,
        _VERSION_2,
        signer.algorithm,
        subject_of(issuer),
        der.time(validity[0]),
        der.time(validity[1]),
        der.header(der.SEQUENCE, len(entries.der)) if entries.der else b"",
        entries.der,
        der.tlv(0xA0, der.tlv(der.SEQUENCE, *extensions)),
    )
    return signed(content, signer)


def _key_identifier(issuer: bytes) -> bytes:
    extensions = x509.load_der_x509_certificate(issuer).extensions
    identifier = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    return der.tlv(der.SEQUENCE, der.tlv(0x80, identifier))


def _number(number: int) -> bytes:
    return _extension(_CRL_NUMBER, der.integer(number))


def _distribution_point(urls: Iterable[str]) -> bytes:
    """onlyContains…, reasons and indirect stay at their defaults: the part has all kinds of certificates."""
    full_name = der.tlv(0xA0, *[der.tlv(0x86, url.encode("ascii")) for url in urls])
    point = der.tlv(der.SEQUENCE, der.tlv(0xA0, full_name))
    return _extension(_DISTRIBUTION_POINT, point, critical=True)


def _extension(oid: bytes, value: bytes, *, critical: bool = False) -> bytes:
    return der.tlv(der.SEQUENCE, oid, _TRUE if critical else b"", der.tlv(der.OCTET_STRING, value))
