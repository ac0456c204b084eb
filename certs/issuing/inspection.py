"""Our own lints: the certificate as built against what was meant, and against what other CAs got wrong.

What was built is read again here by another hand (``cryptography``, and the bare lengths of DER), so that a
slip in writing it does not pass. Pure: no database, no clock of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from cryptography import x509

from certs.errors import ContentMismatch
from certs.issuing import constraints, familiar, reading
from certs.issuing.plans import Plan

LEAST_SERIAL_BITS = 64
MOST_SERIAL_BITS = 159  # 20 octets, positive
MOST_BACKDATING = timedelta(hours=1)  # between the decision and the signature: a worker that was restarted
_VERSION_3 = bytes.fromhex("a003020102")


def inspect(certificate: bytes, plan: Plan, *, algorithm: bytes, now: datetime) -> reading.Parts:
    """Raises ContentMismatch that names the first thing wrong with ``certificate`` (DER); else its parts."""
    parts = reading.parts(certificate)
    fields = reading.fields(parts.tbs)
    try:
        read = x509.load_der_x509_certificate(certificate)
        is_known = familiar.knows(fields.extensions, plan)
        checks = chain(
            _form(fields, parts, algorithm),
            _period(read, plan, now),
            _names(fields, read, plan),
            () if is_known else _extensions(read, plan),
        )
        wrong = next((what for what, holds in checks if not holds), None)
    except (ValueError, x509.DuplicateExtension) as error:
        raise ContentMismatch(what="the certificate's form") from error
    if wrong is not None:
        raise ContentMismatch(what=wrong)
    if not is_known:
        familiar.remember(plan)
    return parts


def _form(fields: reading.Fields, parts: reading.Parts, algorithm: bytes) -> Iterator[tuple[str, bool]]:
    yield "the version", fields.version == _VERSION_3
    # What is signed names its own algorithm, or a weaker one could be put in its place outside.
    yield "the signature's algorithm", fields.algorithm == parts.algorithm == algorithm


def _period(read: x509.Certificate, plan: Plan, now: datetime) -> Iterator[tuple[str, bool]]:
    """Both ends count, so the length is one second more than the difference (Let's Encrypt, 2021)."""
    start, end = read.not_valid_before_utc, read.not_valid_after_utc
    length = end - start + timedelta(seconds=1)
    yield "the period", (start, end) == (plan.not_before, plan.not_after)
    yield "the period", timedelta(0) < length <= plan.longest
    yield "the period", plan.issuer.not_before <= start and end <= plan.issuer.not_after
    # Nobody sets notBefore, neither to the past (WoSign, 2015) nor to the future.
    yield "the beginning", now - MOST_BACKDATING <= start <= now


def _names(fields: reading.Fields, read: x509.Certificate, plan: Plan) -> Iterator[tuple[str, bool]]:
    """Names are compared byte by byte: the order of their parts counts (VikingCloud, 2023)."""
    serial = read.serial_number
    yield "the serial number", serial == plan.serial  # 63 bits were not enough (EJBCA, 2019)
    yield "the serial number", LEAST_SERIAL_BITS <= serial.bit_length() <= MOST_SERIAL_BITS
    yield "the subject", fields.subject == plan.subject_der
    yield "the subject", _printable(plan.subject)
    yield "the issuer", fields.issuer == plan.issuer.subject
    yield "the public key", fields.spki == plan.spki != plan.issuer.spki


def _within(read: x509.Certificate, plan: Plan) -> Iterator[tuple[str, bool]]:
    """Relying parties refuse what is beyond its issuer's name constraints: nobody is given such a thing."""
    names = [one.value for one in read.extensions if isinstance(one.value, x509.SubjectAlternativeName)]
    yield "a name that its authority may certify", constraints.within(chain(*names), plan.issuer.der)


def _printable(name: x509.Name) -> bool:
    """Neither empty nor with anything that shows as something else: control and direction characters."""
    values = [str(attribute.value) for attribute in name]
    return bool(values) and all(value and value.isprintable() for value in values)


def _extensions(read: x509.Certificate, plan: Plan) -> Iterator[tuple[str, bool]]:
    found = list(read.extensions)  # cryptography refuses one that comes twice
    wanted = plan.extensions
    yield "the extensions", len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        yield f"the extension {one.oid._name}", (one.value, one.critical) == (other.value, other.critical)
    values = {type(one.value): one for one in found}
    basic, usage = values.get(x509.BasicConstraints), values.get(x509.KeyUsage)
    yield "the constraint to an end entity", basic is not None and basic.critical and not basic.value.ca
    yield "the key usage", usage is not None and not (usage.value.key_cert_sign or usage.value.crl_sign)
    above = values.get(x509.AuthorityKeyIdentifier)
    yield "the issuer's key", above is not None and above.value == plan.issuer.key_identifier
    yield from _within(read, plan)
