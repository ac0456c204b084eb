"""One certificate against its row, serial number, request and authority, and today's gate and lint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

from cryptography import x509
from django.db import Error as DatabaseFault

from certs import building, gate, rules, status
from certs.errors import ContentMismatch, LintFinding
from certs.issuing import pkix, plans, reading, storing
from certs.issuing.families import family_of
from certs.models import Certificate, CertificateRequest
from certs.profiles import NODE, ProfileSpec
from consortium.core.errors import ConsoleError

Found = Iterator[tuple[str, str]]
_MOST_SAID = 200  # characters
_SECOND = timedelta(seconds=1)


def check(row: Certificate, *, lint: bool) -> list[tuple[str, str]]:
    """Code and text of everything that is wrong with a certificate; never raises for its content."""
    found: list[tuple[str, str]] = []
    try:
        found.extend(_all(row, lint=lint))
    except DatabaseFault:
        raise  # not the certificate's
    except Exception as error:  # noqa: BLE001 — three libraries read it, each with exceptions of its own
        # What was found before stays. As a literal: the text may hold octets that no column takes.
        found.append(("unreadable", f"{type(error).__name__}: {str(error)[:_MOST_SAID]!r}"))
    return found


def _all(row: Certificate, *, lint: bool) -> Found:
    der = bytes(row.der)
    read = x509.load_der_x509_certificate(der)
    yield from _columns(row, der, read)
    yield from _chain(row, der, read)
    yield from _intent(row, der)
    yield from _profile(row, read, rules.profile(row.profile))
    yield from _key(row, der)
    yield from _request(row)
    if lint:
        yield from _lint(der)


def _columns(row: Certificate, der: bytes, read: x509.Certificate) -> Found:
    """The row says what the certificate says."""
    spki = reading.spki_of(der)
    says = {
        "serial": (row.serial_id, building.serial_text(read.serial_number)),
        "fingerprint_sha256": (row.fingerprint_sha256, hashlib.sha256(der).hexdigest()),
        "spki_sha256": (row.spki_sha256, hashlib.sha256(spki).hexdigest()),
        "subject": (row.subject, read.subject.rfc4514_string()),
        "not_before": (row.not_before, read.not_valid_before_utc),
        "not_after": (row.not_after, read.not_valid_after_utc),
        "tls_id": (row.tls_id, storing.tls_id(spki)),
        "public_key_hex": (row.public_key_hex, storing.public_key_hex(spki)),
    }
    for column, (stored, found) in says.items():
        if stored != found:
            yield "row_differs", f"{column} is {str(stored)[:80]!r}, the certificate has {str(found)[:80]!r}"


def _chain(row: Certificate, der: bytes, read: x509.Certificate) -> Found:
    issuer_der = bytes(row.authority.der)
    issuer, parts = plans.issuer_of(issuer_der), reading.parts(der)
    fields = reading.fields(parts.tbs)
    if row.serial.authority_id != row.authority_id:
        yield "authority_differs", "the serial number was allocated for another authority"
    if fields.issuer != issuer.subject:
        yield "issuer_differs", "the issuer is not the authority's subject, octet by octet"
    family = family_of(issuer_der)
    if not fields.algorithm == parts.algorithm == family.algorithm:
        yield "algorithm_differs", "signed with another algorithm than the authority's"
    if not family.holds(parts.tbs, parts.signature):
        yield "signature_wrong", "the authority's key did not sign it"
    if not issuer.not_before <= read.not_valid_before_utc or read.not_valid_after_utc > issuer.not_after:
        yield "outlives_issuer", "valid when its authority is not"


def _intent(row: Certificate, der: bytes) -> Found:
    intent = bytes(row.serial.intent)
    if not intent:
        yield "intent_missing", "nothing was stored before it was signed"
    elif reading.parts(intent).tbs != reading.parts(der).tbs:
        yield "intent_differs", "what was signed is not what was linted"
    if row.serial.voided_at is not None:
        yield "serial_voided", "its serial number was voided"


def _profile(row: Certificate, read: x509.Certificate, spec: ProfileSpec) -> Found:
    """What every version of a profile promises. Its period may have changed since; nobody's is longer."""
    values = {type(one.value): one for one in read.extensions}
    basic, usage = values.get(x509.BasicConstraints), values.get(x509.KeyUsage)
    if basic is None or not basic.critical or basic.value.ca:
        yield "may_be_authority", "no critical basicConstraints CA:FALSE"
    if usage is None or usage.value.key_cert_sign or usage.value.crl_sign:
        yield "may_sign", "its key usage lets it sign certificates or lists, or is missing"
    extended = values.get(x509.ExtendedKeyUsage)
    if extended is None or list(extended.value) != spec.extensions.extended_usage_oids:
        yield "usage_differs", "its extended key usage is not the profile's"
    if read.not_valid_after_utc - read.not_valid_before_utc + _SECOND > spec.period:
        yield "too_long", f"valid for more than the profile's {spec.period.days} days"
    names = values.get(x509.SubjectAlternativeName)
    wanted = _urn(row)
    if wanted and (names is None or list(names.value) != [x509.UniformResourceIdentifier(wanted)]):
        yield "name_differs", f"its alternative name is not {wanted}"
    if not spec.extensions.nocheck:
        yield from _status_addresses(row, values.get(x509.CRLDistributionPoints))


def _urn(row: Certificate) -> str:
    if row.node is not None:
        return building.node_urn(row.node)
    return building.holder_urn(row.holder) if row.holder is not None else ""


def _status_addresses(row: Certificate, found: x509.Extension | None) -> Found:
    """Its list is the shard that the row says, whatever the console's address was then."""
    points = [] if found is None else [name.value for point in found.value for name in point.full_name or ()]
    path = status.crl_url(row.authority, row.crl_shard).partition("/pki/")[2]
    if len(points) != 1 or not points[0].endswith(f"/pki/{path}"):
        yield "list_differs", f"its revocation list is not {path}"


def _key(row: Certificate, der: bytes) -> Found:
    """The gate again: what is known of weak keys may be more than on the day."""
    if row.request is None:
        yield from _key_of_service(row, x509.load_der_x509_certificate(der))
        return
    try:
        read = gate.read(bytes(row.request.csr))
        gate.check(rules.profile(row.profile), read)
    except ConsoleError as refusal:
        yield "key_refused", f"{refusal.code}: {refusal}"
        return
    if read.spki != reading.spki_of(der):
        yield "key_differs", "the key is not the one that was asked for"


def _key_of_service(row: Certificate, read: x509.Certificate) -> Found:
    key = read.public_key()
    facts = gate.key_facts(key)
    try:
        rules.check_key(rules.profile(row.profile), facts)
        gate.weak.check(
            gate.ReadRequest(b"", b"", key, facts, row.spki_sha256, {})
        )  # a service's key came without a request
    except ConsoleError as refusal:
        yield "key_refused", f"{refusal.code}: {refusal}"


def _request(row: Certificate) -> Found:
    request = row.request
    if request is None:
        if row.node_id or row.holder_id or rules.profile(row.profile).needs == NODE:
            yield "request_missing", "nobody asked for it"
        return
    if request.status != CertificateRequest.Status.ISSUED:
        yield "request_open", f"its request is “{request.status}”"
    if request.decided_by_id is None or request.decided_by_id == request.requested_by_id:
        yield "approval_missing", "no second person approved it"
    if (request.node_id, request.holder_id, request.institution_id, request.profile) != (
        row.node_id,
        row.holder_id,
        row.institution_id,
        row.profile,
    ):
        yield "request_differs", "its request is another's, or of another profile"


def _lint(der: bytes) -> Found:
    try:
        pkix.lint(der)
    except (LintFinding, ContentMismatch) as finding:
        yield "lint", str(finding)
