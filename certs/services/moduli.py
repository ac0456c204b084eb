"""The RSA moduli of all requests that ever passed the gate, as this process knows them."""

from __future__ import annotations

import logging
import threading
import uuid
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils.translation import gettext_noop

from certs.errors import WeakKey
from certs.gate.shared import Moduli
from certs.models import CertificateRequest
from certs.rules import ReadRequest

logger = logging.getLogger(__name__)

# A request may commit later than one that was made after it: this far back we look again.
_OVERLAP = timedelta(hours=1)


class _Read:
    """What was read of the table so far; only what is new is read again."""

    def __init__(self) -> None:
        self.moduli = Moduli()
        self._lock = threading.Lock()
        self._until: datetime | None = None
        self._recent: dict[uuid.UUID, datetime] = {}

    def catch_up(self) -> None:
        with self._lock:
            rows = CertificateRequest.objects.filter(key_description__startswith="RSA")
            if self._until is not None:
                rows = rows.filter(requested_at__gt=self._until - _OVERLAP).exclude(pk__in=list(self._recent))
            new = list(rows.values_list("pk", "requested_at", "csr"))
            self.moduli.add(modulus for pk, _at, csr in new if (modulus := _modulus(pk, bytes(csr))))
            self._recent |= {pk: at for pk, at, _csr in new}
            self._until = max((at for _pk, at, _csr in new), default=self._until)
            self._forget()

    def _forget(self) -> None:
        if self._until is not None:
            oldest = self._until - _OVERLAP
            self._recent = {pk: at for pk, at in self._recent.items() if at > oldest}


def _modulus(pk: uuid.UUID, csr: bytes) -> int:
    """0 where the key is of another kind, or can't be read: one bad row must not stop all that come after."""
    try:
        key = x509.load_der_x509_csr(csr).public_key()
    except (ValueError, UnsupportedAlgorithm):
        logger.exception("the request %s can't be read: no key is held against its own", pk)
        return 0
    return key.public_numbers().n if isinstance(key, rsa.RSAPublicKey) else 0


_read = _Read()


def check_unshared(read: ReadRequest) -> None:
    """Raises WeakKey where an RSA key has a prime in common with another that was seen here."""
    if not isinstance(read.public_key, rsa.RSAPublicKey):
        return
    _read.catch_up()
    if _read.moduli.share_a_prime_with(read.public_key.public_numbers().n):
        raise WeakKey(flaw=gettext_noop("shared prime"))
