"""Status responders' keys and certificates: one for each issuing CA, made and renewed by the signing worker.

A responder's key lives as long as its certificate, a week. It is sealed under a passphrase of its own, so the
process that answers from the network never holds an authority's.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db.models import QuerySet

from certs import console_certificates, keys, rules, selectors
from certs.ceremony.composing import alliance_of
from certs.models import Authority, Certificate, Profile
from certs.status import keyring, responders
from certs.status.keyring import Opened
from certs.status.responders import Responder
from consortium.core import clock, files

logger = logging.getLogger(__name__)

_ABANDONED = 3600  # seconds after which a key without certificate is a crash's


def ensure(authority: Authority) -> Opened:
    """The authority's responder, certified anew in good time, published and able to sign.

    Raises KeysNotAvailable without the passphrases (the authority's own is needed for a new certificate).
    """
    responder = _current(authority, clock.now()) or _certify(authority)
    opened = keyring.opened(responder)
    chain = selectors.pem(responder.certificate) + selectors.pem(authority.der)
    path = responders.path_of(authority.name)
    if not path.exists() or path.read_text(encoding="ascii") != chain:
        files.replace(path, chain.encode("ascii"))
    return opened


def tidy() -> int:
    """Take away sealed keys whose certificate has ended or never came. Returns how many."""
    used = {responders.key_name(spki) for spki in _living(clock.now()).values_list("spki_sha256", flat=True)}
    left = [path for path in Path(settings.KEY_DIR).glob("ocsp-*.key") if path.stem not in used]
    old = [path for path in left if time.time() - path.stat().st_mtime > _ABANDONED]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _current(authority: Authority, now: datetime) -> Responder | None:
    """The newest that is not due for renewal and whose key is here."""
    spec = rules.profile(Profile.OCSP)
    for row in _living(now).filter(authority=authority).order_by("-not_after"):
        responder = responders.describe(authority.name, bytes(row.der), bytes(authority.der))
        # One that the authority's own end cut off can't be made longer.
        lasts = now < spec.renewal_opens(row.not_after) or row.not_after >= authority.not_after
        if lasts and keys.exists(responder.key_name):
            return responder
    return None


def _living(now: datetime) -> QuerySet[Certificate]:
    return selectors.valid_certificates(now).filter(profile=Profile.OCSP)


def _certify(authority: Authority) -> Responder:
    """The key is sealed first: without its key a certificate would be of no use."""
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    keys.seal(responders.key_name(hashlib.sha256(spki).hexdigest()), key, keyring.passphrase())
    certificate = console_certificates.issue(
        profile=Profile.OCSP,
        authority=authority,
        public_key=key.public_key(),
        subject=_subject(authority),
        names=[],
    )
    logger.info("the responder of %s has a new certificate, to %s", authority.name, certificate.not_after)
    return responders.describe(authority.name, bytes(certificate.der), bytes(authority.der))


def _subject(authority: Authority) -> x509.Name:
    alliance = alliance_of(x509.load_der_x509_certificate(bytes(authority.der)))
    return rules.profile(Profile.OCSP).subject(f"Status of {authority.name}", alliance)
