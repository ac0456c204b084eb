"""The responders' opened keys, in the two processes that have their passphrase: signing worker and responder.

A responder's key signs status answers and nothing else; the authorities' own keys never open here.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from certs import keys
from certs.errors import ContentMismatch, KeysNotAvailable
from certs.status import ocsp
from certs.status.responders import Responder
from certs.status.signing import ClassicSigner

_opened: dict[tuple[str, str], ClassicSigner] = {}
_lock = threading.Lock()  # opening takes 64 MiB and a tenth of a second, by intent: one at a time


@dataclass(frozen=True, slots=True)
class Opened:
    """A responder that can sign."""

    responder: Responder
    signer: ClassicSigner

    def respond(self, singles: Iterable[ocsp.Single], now: datetime, nonce: bytes = b"") -> bytes:
        """The signed response, DER. Raises ContentMismatch where the key signed wrongly."""
        return ocsp.respond(
            singles,
            responder=self.responder.certificate,
            key_hash=self.responder.key_hash,
            signer=self.signer,
            produced_at=now,
            nonce=nonce,
        )


def passphrase() -> bytes:
    """Raises KeysNotAvailable in a process that is not told where the passphrase is."""
    if not settings.OCSP_PASSPHRASE_FILE:
        raise KeysNotAvailable
    return keys.read_passphrase(settings.OCSP_PASSPHRASE_FILE)


def opened(responder: Responder) -> Opened:
    """With its key, opened once.

    Raises KeysNotAvailable, WrongPassphrase; ContentMismatch where the key is another's.
    """
    place = (str(settings.KEY_DIR), responder.key_name)
    with _lock:
        if place not in _opened:
            signer = ClassicSigner(keys.open_key(responder.key_name, passphrase()))
            # What it signs is checked by its own public key, so that must be the one in the certificate.
            if hashlib.sha256(signer.public_key_der).hexdigest() != responder.spki_sha256:
                raise ContentMismatch(what="the responder's key")
            _opened[place] = signer
        return Opened(responder, _opened[place])
