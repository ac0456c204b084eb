"""The ceremony that makes root and issuing CA. Each part that is there already is left as it is."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from certs import building, crl, gate, keys, publication, rules
from certs.issuing import issuer_url
from certs.models import Authority, SeenKey, SerialNumber
from certs.profiles import ISSUING_PERIOD, ROOT_PERIOD, authority_subject
from consortium.core import clock, events

ROOT, ISSUING = "root", "issuing"  # names in /pki/<name>.crt, and of the sealed keys


def create(alliance: str, *, passphrase: bytes, root_passphrase: bytes) -> tuple[Authority, Authority]:
    """Make (or complete, after a crash) root and issuing CA, their CRLs and their published files.

    Raises WrongPassphrase where a key that is sealed already does not open, KeysNotAvailable where the
    authority is recorded but its key is not on this machine and something must be signed with it.
    """
    root = _existing(Authority.Kind.ROOT) or _create_root(alliance, root_passphrase)
    issuing = _existing(Authority.Kind.ISSUING) or _create_issuing(
        alliance, root, passphrase, root_passphrase
    )
    for authority, word in ((root, root_passphrase), (issuing, passphrase)):
        publication.write_authority(authority)
        _publish_crl(authority, word)
    return root, issuing


def _existing(kind: Authority.Kind) -> Authority | None:
    return Authority.objects.filter(kind=kind).order_by("-created_at").first()


def _publish_crl(authority: Authority, passphrase: bytes) -> None:
    """The root's key may be on its way to the safe already: then its CRL is left as it is."""
    if keys.exists(authority.key_name):
        crl.publish(authority.pk, open_key=lambda name: keys.open_key(name, passphrase))
    else:
        publication.write_crl(authority)


def _create_root(alliance: str, passphrase: bytes) -> Authority:
    key = _key(ROOT, ec.SECP384R1(), passphrase)
    subject = authority_subject(alliance, "Root")
    serial = building.new_serial()
    builder = building.compose(
        subject=subject,
        public_key=key.public_key(),
        issuer=subject,
        serial=serial,
        validity=rules.period(clock.now(), ROOT_PERIOD, None),
        extensions=building.authority_extensions(
            key.public_key(), issuer=None, path_length=1, issuer_url=None
        ),
    )
    return _record(ROOT, Authority.Kind.ROOT, None, builder.sign(key, building.hash_for(key)))


def _create_issuing(alliance: str, root: Authority, passphrase: bytes, root_passphrase: bytes) -> Authority:
    key = _key(ISSUING, ec.SECP256R1(), passphrase)
    above = x509.load_der_x509_certificate(bytes(root.der))
    root_key = keys.open_key(root.key_name, root_passphrase)
    builder = building.compose(
        subject=authority_subject(alliance, "Issuing"),
        public_key=key.public_key(),
        issuer=above.subject,
        serial=building.new_serial(),
        validity=rules.period(clock.now(), ISSUING_PERIOD, above.not_valid_after_utc),
        extensions=building.authority_extensions(
            key.public_key(), issuer=above, path_length=0, issuer_url=issuer_url(root)
        ),
    )
    signed = builder.sign(root_key, building.hash_for(root_key))
    signed.verify_directly_issued_by(above)
    return _record(ISSUING, Authority.Kind.ISSUING, root, signed)


def _key(name: str, curve: ec.EllipticCurve, passphrase: bytes) -> ec.EllipticCurvePrivateKey:
    """Sealed before it is used: a crash leaves a key without a certificate, never the other way round."""
    if not keys.exists(name):
        keys.seal(name, ec.generate_private_key(curve), passphrase)
    key = keys.open_key(name, passphrase)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"the sealed key {name} is not an EC key")
    return key


@transaction.atomic(durable=True)
def _record(name: str, kind: Authority.Kind, parent: Authority | None, signed: x509.Certificate) -> Authority:
    """Certificate, serial number and key fingerprint together; nothing was released before."""
    now, der = clock.now(), signed.public_bytes(Encoding.DER)
    fingerprint = gate.fingerprint(signed.public_key())
    authority = Authority.objects.create(
        name=name,
        kind=kind,
        parent=parent,
        der=der,
        key_name=name,
        spki_sha256=fingerprint,
        not_before=signed.not_valid_before_utc,
        not_after=signed.not_valid_after_utc,
        created_at=now,
    )
    SerialNumber.objects.create(
        serial=building.serial_text(signed.serial_number),
        authority=parent or authority,
        allocated_at=now,
        intent=der,
    )
    SeenKey.objects.create(spki_sha256=fingerprint, authority=authority, seen_at=now)
    events.record("authority.created", authority, actor=events.COMMAND, spki_sha256=fingerprint)
    return authority
