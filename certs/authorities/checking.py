"""Whether what a ceremony signed is what was asked for, to the last extension. Nothing is taken on trust."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certs import building, keys
from certs.authorities.plans import secret_for
from certs.authorities.requesting import Pending
from certs.ceremony import composing, policy
from certs.errors import AuthorityNotAccepted
from certs.models import Authority, SerialNumber
from consortium.core import clock

_CLOCKS_APART = timedelta(hours=1)  # the ceremony machine has no network to set its clock by
_LEAST_SERIAL_BITS, _MOST_SERIAL_BITS = 64, 159


def root(certificate: x509.Certificate, name: str) -> None:
    """A root that comes in for the first time. Raises AuthorityNotAccepted."""
    _check(name, "it is not signed by itself", _signed_by(certificate, certificate))
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    own = x509.BasicConstraints(ca=True, path_length=policy.ROOT_PATH_LENGTH)
    _check(name, "its constraints", basic.critical and basic.value == own)
    alliance = composing.alliance_of(certificate)
    _check(name, "its name", certificate.subject == policy.subject(alliance, name))
    _period_and_serial(certificate, name, None, policy.ROOT_PERIOD)


def issuing(
    certificate: x509.Certificate, asked: Pending, above: Authority, passphrase: bytes, *, urls: Sequence[str]
) -> None:
    """An issuing CA that we asked for; ``urls``: where the files of the root above may be, for good.

    Raises AuthorityNotAccepted, WrongPassphrase, KeysNotAvailable.
    """
    key = keys.open_key(asked.key_name, secret_for(asked.key_name, passphrase)).public_key()
    _check(asked.name, "its key is not ours", certificate.public_key() == key)
    issuer = _certificate(above)
    subject = policy.subject(composing.alliance_of(issuer), asked.name)
    _check(asked.name, "its name", certificate.subject == subject)
    period = policy.PURPOSES[policy.purpose_of(asked.name)].period
    public = _public(certificate)
    wanted = [composing.issuing_extensions(issuer, url, asked.name, public, asked.hosts) for url in urls]
    _below(certificate, asked.name, above, wanted, period)


def cross(
    certificate: x509.Certificate, subject: Authority, above: Authority, *, urls: Sequence[str]
) -> None:
    """A root's key under another root. Raises AuthorityNotAccepted."""
    own, name = _certificate(subject), f"{subject.name} by {above.name}"
    same = certificate.public_key() == own.public_key() and certificate.subject == own.subject
    _check(name, "it is not of that root", same)
    wanted = [composing.cross_extensions(_certificate(above), url, _public(own)) for url in urls]
    _below(certificate, name, above, wanted, policy.ROOT_PERIOD)


def root_list(crl: x509.CertificateRevocationList, root: Authority) -> None:
    """The root's own list. Raises AuthorityNotAccepted."""
    own = _certificate(root)
    _check(root.name, "its revocation list is not its own", crl.is_signature_valid(own.public_key()))  # type: ignore[arg-type]
    _check(root.name, "its revocation list's issuer", crl.issuer.public_bytes() == own.subject.public_bytes())


def _below(
    certificate: x509.Certificate,
    name: str,
    above: Authority,
    wanted: Sequence[list[tuple[x509.ExtensionType, bool]]],
    longest: timedelta,
) -> None:
    _check(name, "it is not signed by that root", _signed_by(certificate, _certificate(above)))
    found = [(extension.value, extension.critical) for extension in certificate.extensions]
    _check(name, "its extensions are not those of its purpose", found in wanted)
    _period_and_serial(certificate, name, above, longest)


def _period_and_serial(
    certificate: x509.Certificate, name: str, above: Authority | None, longest: timedelta
) -> None:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    _check(name, "its period", start - _CLOCKS_APART <= clock.now() <= end)
    _check(name, "its period", end - start + timedelta(seconds=1) <= longest)
    _check(name, "its period", above is None or _within(start, end, above))
    bits = certificate.serial_number.bit_length()
    _check(name, "its serial number", _LEAST_SERIAL_BITS <= bits <= _MOST_SERIAL_BITS)
    text = building.serial_text(certificate.serial_number)
    _check(name, "its serial number was used before", not SerialNumber.objects.filter(pk=text).exists())


def _within(start: datetime, end: datetime, above: Authority) -> bool:
    return above.not_before <= start and end <= above.not_after


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return certificate.issuer.public_bytes() == issuer.subject.public_bytes()


def _check(name: str, what: str, holds: bool) -> None:
    if not holds:
        raise AuthorityNotAccepted(name=name, what=what)


def _certificate(authority: Authority) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(authority.der))


def _public(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    return certificate.public_key()
