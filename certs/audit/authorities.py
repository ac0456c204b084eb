"""Authorities' own certificates and their cross-certificates: signed by whom, for how long, and linted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from certs import building
from certs.ceremony import policy
from certs.errors import ContentMismatch, LintFinding
from certs.issuing import pkix, plans, reading
from certs.issuing.families import family_of
from certs.models import Authority, CrossCertificate, SerialNumber
from certs.profiles import ISSUING_PERIOD, ROOT_PERIOD
from consortium.core.errors import ConsoleError

Found = Iterator[tuple[str, str]]
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Row:
    """What an authority's row and a cross-certificate's have in common; ``subject`` is whose key it is."""

    file: str
    der: bytes
    subject: Authority
    issuer: Authority
    not_before: datetime
    not_after: datetime
    longest: timedelta


def check(*, lint: bool) -> Iterator[tuple[str, str, str]]:
    """File, code and text of everything wrong with them; never raises for their content."""
    for row in _rows():
        try:
            found = list(_all(row, lint=lint))
        except (ConsoleError, ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
            found = [("unreadable", f"{type(error).__name__}: {error}")]
        for code, text in found:
            yield row.file, code, text


def _rows() -> Iterator[_Row]:
    for one in Authority.objects.select_related("parent").order_by("name"):
        root = one.kind == Authority.Kind.ROOT
        longest = ROOT_PERIOD if root else ISSUING_PERIOD
        # A root is its own issuer whatever its row says, and nobody else is.
        issuer = one if root or one.parent is None else one.parent
        yield _Row(f"{one.name}.crt", bytes(one.der), one, issuer, one.not_before, one.not_after, longest)
    for cross in CrossCertificate.objects.select_related("subject", "issuer").order_by("pk"):
        file = f"{cross.subject.name}-by-{cross.issuer.name}.crt"
        period = (cross.not_before, cross.not_after, policy.ROOT_PERIOD)
        yield _Row(file, bytes(cross.der), cross.subject, cross.issuer, *period)


def _all(row: _Row, *, lint: bool) -> Found:
    read = x509.load_der_x509_certificate(row.der)
    yield from _columns(row, read)
    yield from _chain(row)
    yield from _period(row, read)
    yield from _serial(row, read)
    yield from _may_sign(read)
    if lint:
        try:
            pkix.lint(row.der)
        except (LintFinding, ContentMismatch) as finding:
            yield "lint", str(finding)


def _columns(row: _Row, read: x509.Certificate) -> Found:
    """The row says what the certificate says; a cross-certificate has its authority's name and key."""
    fields, own = reading.fields(reading.parts(row.der).tbs), plans.issuer_of(bytes(row.subject.der))
    says = {
        "spki_sha256": (row.subject.spki_sha256, hashlib.sha256(fields.spki).hexdigest()),
        "subject": (own.subject, fields.subject),
        "not_before": (row.not_before, read.not_valid_before_utc),
        "not_after": (row.not_after, read.not_valid_after_utc),
    }
    for column, (stored, found) in says.items():
        if stored != found:
            yield "row_differs", f"{column} is {str(stored)[:80]!r}, the certificate has {str(found)[:80]!r}"


def _chain(row: _Row) -> Found:
    if (row.subject.kind == Authority.Kind.ROOT) != (row.subject.parent_id is None):
        yield "authority_differs", "a root below another authority, or another one below none"
    issuer_der = bytes(row.issuer.der)
    parts, family = reading.parts(row.der), family_of(issuer_der)
    fields = reading.fields(parts.tbs)
    if fields.issuer != plans.issuer_of(issuer_der).subject:
        yield "issuer_differs", "the issuer is not its authority's subject, octet by octet"
    if not fields.algorithm == parts.algorithm == family.algorithm:
        yield "algorithm_differs", "signed with another algorithm than its authority's"
    if not family.holds(parts.tbs, parts.signature):
        yield "signature_wrong", f"the key of {row.issuer.name} did not sign it"


def _period(row: _Row, read: x509.Certificate) -> Found:
    start, end = read.not_valid_before_utc, read.not_valid_after_utc
    issuer = plans.issuer_of(bytes(row.issuer.der))
    if not issuer.not_before <= start or end > issuer.not_after:
        yield "outlives_issuer", "valid when its authority is not"
    if not timedelta() < end - start + _SECOND <= row.longest:
        yield "too_long", f"valid for more than {row.longest.days} days, or for no time"


def _serial(row: _Row, read: x509.Certificate) -> Found:
    """Its octets lie with its serial number too, but for those of the first release.

    That it has one at all is looked at where all serial numbers are.
    """
    spent = SerialNumber.objects.filter(pk=building.serial_text(read.serial_number)).first()
    if spent is None:
        return
    if spent.authority_id != row.issuer.pk:
        yield "authority_differs", "the serial number was allocated for another authority"
    if spent.intent and bytes(spent.intent) != row.der:
        yield "intent_differs", "it is not what was stored with its serial number"
    if spent.voided_at is not None:
        yield "serial_voided", "its serial number was voided"


def _may_sign(read: x509.Certificate) -> Found:
    values = {type(one.value): one for one in read.extensions}
    basic, usage = values.get(x509.BasicConstraints), values.get(x509.KeyUsage)
    if basic is None or not basic.critical or not basic.value.ca:
        yield "no_authority", "no critical basicConstraints CA:TRUE"
    if usage is None or not (usage.value.key_cert_sign and usage.value.crl_sign):
        yield "no_authority", "its key usage does not let it sign certificates and lists"
