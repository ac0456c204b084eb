"""Certificates of the console's own services: node gateway, status responders, signers of lists.

They have no request and nobody approves them: the key is this server's. The order is that of every issuing:
serial number stored, composed, linted under a throwaway signature, intent stored, signed, compared, recorded.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from certs import gate, keys, rules, selectors
from certs.ceremony.composing import alliance_of
from certs.errors import ContentMismatch, KeySeenBefore
from certs.gate.keys import spki
from certs.issuing import linting, plans, serials, signing, storing
from certs.issuing.families import Family, family_of
from certs.issuing.plans import Plan
from certs.models import Authority, Certificate, Profile, SeenKey, SerialNumber
from certs.profiles import CONSOLE, ProfileSpec
from consortium.core import clock, events, files
from consortium.core.errors import ConsoleError

Purpose = Authority.Purpose


def issue(
    *,
    profile: str,
    authority: Authority,
    public_key: CertificatePublicKeyTypes,
    subject: x509.Name,
    names: Sequence[x509.GeneralName] = (),
    passphrase: bytes | None = None,
) -> Certificate:
    """Issue for a service of the console; returns the row.

    Raises KeysNotAvailable or WrongPassphrase before a serial is spent; KeySeenBefore; ContentMismatch or
    LintFinding, and then the serial is voided.
    """
    spec = rules.profile(profile)
    if spec.needs != CONSOLE:
        raise ContentMismatch(what="the profile")
    rules.check_key(spec, gate.key_facts(public_key))
    family = family_of(bytes(authority.der))
    secret = None if passphrase is None else keys.secret_for(authority.key_name, passphrase)
    key = family.open_key(authority.key_name, secret)
    serial = _allocate(spec, authority, public_key)
    wanted = plans.Subject(subject, tuple(names), spki(public_key), gate.key_facts(public_key).kind)
    plan = plans.plan(spec, authority, wanted, serial=int(serial.pk, 16), start=clock.now())
    try:
        linted = _lint(plan, family, serial)
        signed = signing.sign(linted, key)
    except ConsoleError as refusal:
        _void(serial, refusal)
        raise
    return _store(plan, serial, signed)


def ensure_gateway(hosts: list[str], *, passphrase: bytes | None = None) -> bool:
    """Write ``KEY_DIR/gateway.{key,crt}`` for ``hosts`` (names or addresses); True when a new one was made.

    What is there stays while it fits: same hosts, current CA, not revoked, not yet to be renewed, key and
    certificate of one pair. Raises KeysNotAvailable, NoAuthority.
    """
    authority = selectors.issuing_authority(Purpose.ACCESS)
    current = _current_gateway(hosts, authority)
    if current is None:
        key = ec.generate_private_key(ec.SECP256R1())
        spec = rules.profile(Profile.GATEWAY)
        made = issue(
            profile=Profile.GATEWAY,
            authority=authority,
            public_key=key.public_key(),
            subject=spec.subject(hosts[0], _alliance(authority)),
            names=[_name(host) for host in hosts],
            passphrase=passphrase,
        )
        # The key first: a crash in between leaves a pair that does not match, which the next call replaces.
        files.replace(gateway_key_path(), _pem(key), mode=0o600)
    _write_chain(current or made)
    return current is None


def ensure_list_signer(
    name: str, public_key: CertificatePublicKeyTypes, *, passphrase: bytes | None = None
) -> bool:
    """Publish ``PKI_DIR/lists/<name>.crt`` (DER) for a key that signs lists; True when a new one was made.

    Raises KeysNotAvailable, NoAuthority.
    """
    authority = selectors.issuing_authority(Purpose.LISTS)
    spec = rules.profile(Profile.LIST_SIGNER)
    current = _valid(spec, authority).filter(spki_sha256=gate.fingerprint(public_key)).first()
    shown = current or issue(
        profile=Profile.LIST_SIGNER,
        authority=authority,
        public_key=public_key,
        subject=spec.subject(name, _alliance(authority)),
        passphrase=passphrase,
    )
    path = list_signer_path(name)
    if not path.exists() or path.read_bytes() != bytes(shown.der):
        files.replace(path, bytes(shown.der))
    return current is None


def gateway_key_path() -> Path:
    """The gateway's private key, PEM."""
    return Path(settings.KEY_DIR) / "gateway.key"


def gateway_certificate_path() -> Path:
    """The gateway's certificate, its CA's and what bridges to older roots, PEM."""
    return Path(settings.KEY_DIR) / "gateway.crt"


def list_signer_path(name: str) -> Path:
    """The published certificate of a key that signs lists."""
    return Path(settings.PKI_DIR) / "lists" / f"{name}.crt"


@transaction.atomic(durable=True)
def _allocate(spec: ProfileSpec, authority: Authority, public_key: CertificatePublicKeyTypes) -> SerialNumber:
    """Serial number and key fingerprint, before anything is built."""
    fingerprint = gate.fingerprint(public_key)
    seen, new = SeenKey.objects.get_or_create(spki_sha256=fingerprint, defaults={"seen_at": clock.now()})
    if not new and not (spec.keeps_key and _is_ours(seen, spec)):
        raise KeySeenBefore
    return serials.allocate([(authority, None)])[0]


def _is_ours(seen: SeenKey, spec: ProfileSpec) -> bool:
    """A key of the same service: neither a request's nor an authority's, nor of another profile."""
    others = Certificate.objects.filter(spki_sha256=seen.pk).exclude(profile=spec.name)
    return seen.request_id is None and seen.authority_id is None and not others.exists()


def _lint(plan: Plan, family: Family, serial: SerialNumber) -> linting.Linted:
    linted = linting.lint(linting.compose(plan, family), plan, family, now=clock.now())
    if serial.pk not in serials.store_intents({serial.pk: linted.intent}):
        raise ContentMismatch(what="the serial number")
    return linted


@transaction.atomic(durable=True)
def _void(serial: SerialNumber, refusal: ConsoleError) -> None:
    serials.void([serial], reason=str(refusal), actor=events.COMMAND)


@transaction.atomic(durable=True)
def _store(plan: Plan, serial: SerialNumber, signed: bytes) -> Certificate:
    """Once it is signed and before it is in its file: none is served that is not on record, as it is."""
    made = Certificate.objects.create(serial=serial, **storing.facts(plan, serial, signed))
    events.record(
        "console_certificate.issued",
        made,
        actor=events.COMMAND,
        profile=made.profile,
        name=made.subject,
        serial=made.serial_id,
        not_after=made.not_after.isoformat(),
        fingerprint_sha256=made.fingerprint_sha256,
    )
    return made


def _valid(spec: ProfileSpec, authority: Authority) -> QuerySet[Certificate]:
    """Certificates of that profile that need no successor yet; the newest first."""
    now = clock.now()
    rows = selectors.valid_certificates(now).filter(profile=spec.name, authority=authority)
    # One that a short-lived CA cut off can't be made longer: it is kept to its end.
    return rows.filter(not_after__gt=min(now + spec.window, authority.not_after)).order_by("-issued_at")


def _current_gateway(hosts: list[str], authority: Authority) -> Certificate | None:
    try:
        current = x509.load_pem_x509_certificate(gateway_certificate_path().read_bytes())
        key = load_pem_private_key(gateway_key_path().read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    der = current.public_bytes(Encoding.DER)
    found = _valid(rules.profile(Profile.GATEWAY), authority).filter(der=der).first()
    names = current.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    same = list(names) == [_name(host) for host in hosts] and current.public_key() == key.public_key()
    return found if same else None


def _write_chain(certificate: Certificate) -> None:
    """Without the root, which a client has or has not; with what leads to an older one that it may have."""
    above = certificate.authority
    bridges = selectors.bridges(above.parent) if above.parent else []
    chain = "".join(map(selectors.pem, [certificate.der, above.der, *bridges])).encode()
    path = gateway_certificate_path()
    if not path.exists() or path.read_bytes() != chain:
        files.replace(path, chain, mode=0o600)


def _alliance(authority: Authority) -> str:
    """The organisation in the authority's own name."""
    return alliance_of(x509.load_der_x509_certificate(bytes(authority.der)))


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
