"""The node gateway's own TLS certificate: the one key that is made here, since it is this server's."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings
from django.db import transaction

from certs import building, gate, inspection, keys, rules, selectors
from certs.issuing import issuer_url
from certs.models import Authority, SeenKey, SerialNumber
from certs.profiles import GATEWAY_PERIOD, host_subject
from consortium.core import clock, events, files

RENEW_BEFORE = timedelta(days=30)


def ensure(hosts: list[str], *, passphrase: bytes | None = None) -> bool:
    """Write ``KEY_DIR/gateway.{key,crt}`` for ``hosts`` (names or addresses); True when a new one was made.

    What is there stays while it fits: same hosts, current CA, more than 30 days to go, key and certificate
    of one pair. Raises KeysNotAvailable, NoAuthority.
    """
    authority = selectors.issuing_authority()
    if _fits(hosts, authority):
        return False
    signing_key = keys.open_key(authority.key_name, passphrase)
    key = ec.generate_private_key(ec.SECP256R1())
    serial = _allocate(hosts, key.public_key(), authority)
    intent = x509.load_der_x509_certificate(bytes(serial.intent))
    issuer = x509.load_der_x509_certificate(bytes(authority.der))
    signed = building.sign_intended(intent, signing_key, issuer)
    _record(serial, hosts, signed)
    # The key first: a crash in between leaves a pair that does not match, which the next call replaces.
    files.replace(key_path(), _pem(key), mode=0o600)
    chain = signed.public_bytes(Encoding.PEM) + selectors.pem(authority.der).encode()
    files.replace(certificate_path(), chain, mode=0o600)
    return True


def key_path() -> Path:
    """The gateway's private key, PEM."""
    return Path(settings.KEY_DIR) / "gateway.key"


def certificate_path() -> Path:
    """The gateway's certificate and the issuing CA's, PEM."""
    return Path(settings.KEY_DIR) / "gateway.crt"


@transaction.atomic(durable=True)
def _allocate(hosts: list[str], public_key: ec.EllipticCurvePublicKey, authority: Authority) -> SerialNumber:
    serial, now = building.new_serial(), clock.now()
    intent = _compose(hosts, public_key, authority, serial)
    fingerprint = gate.fingerprint(public_key)
    SeenKey.objects.create(spki_sha256=fingerprint, seen_at=now)
    return SerialNumber.objects.create(
        serial=building.serial_text(serial),
        authority=authority,
        allocated_at=now,
        intent=intent.public_bytes(Encoding.DER),
    )


@transaction.atomic(durable=True)
def _record(serial: SerialNumber, hosts: list[str], signed: x509.Certificate) -> None:
    """Once it is signed and before it is in its file: none is served that is not on record, as it is."""
    events.record(
        "gateway_certificate.issued",
        serial,
        actor=events.COMMAND,
        hosts=hosts,
        serial=serial.serial,
        not_after=signed.not_valid_after_utc.isoformat(),
        fingerprint_sha256=signed.fingerprint(hashes.SHA256()).hex(),
        certificate=signed.public_bytes(Encoding.PEM).decode(),
    )


def _compose(
    hosts: list[str], public_key: ec.EllipticCurvePublicKey, authority: Authority, serial: int
) -> x509.Certificate:
    issuer = x509.load_der_x509_certificate(bytes(authority.der))
    names, subject = _names(hosts), host_subject(hosts[0])
    builder = building.compose(
        subject=subject,
        public_key=public_key,
        issuer=issuer.subject,
        serial=serial,
        validity=rules.period(clock.now(), GATEWAY_PERIOD, issuer.not_valid_after_utc),
        extensions=building.end_entity_extensions(
            public_key,
            issuer=issuer,
            names=names,
            usages=[ExtendedKeyUsageOID.SERVER_AUTH],
            issuer_url=issuer_url(authority),
        ),
    )
    key = building.throwaway_key()
    intent = builder.sign(key, building.hash_for(key))
    inspection.inspect_end_entity(
        intent,
        issuer=issuer,
        subject=subject,
        spki_sha256=gate.fingerprint(public_key),
        names=names,
        longest=GATEWAY_PERIOD,
    )
    return intent


def _fits(hosts: list[str], authority: Authority) -> bool:
    try:
        current = x509.load_pem_x509_certificate(certificate_path().read_bytes())
        key = load_pem_private_key(key_path().read_bytes(), None)
        current.verify_directly_issued_by(x509.load_der_x509_certificate(bytes(authority.der)))
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    names = current.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        list(names) == _names(hosts)
        and current.public_key() == key.public_key()
        and current.not_valid_after_utc - clock.now() > RENEW_BEFORE
    )


def _names(hosts: list[str]) -> list[x509.GeneralName]:
    return [_name(host) for host in hosts]


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
