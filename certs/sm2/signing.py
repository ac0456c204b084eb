"""How the authorities of 国密 sign their revocation lists.

Lists are all the status they publish. OCSP is left out, and their certificates name no responder: OpenSSL
verifies an OCSP answer's signature without the signer's id, and ``openssl ocsp`` has no option for one, so an
answer signed with SM2 would be one that nobody can check (see openssl/openssl#23471). FISCO BCOS asks for
neither: it has lists of ids.
"""

from __future__ import annotations

from certs import keys
from certs.issuing import reading
from certs.models import Authority
from certs.sm2.family import SM2Family
from certs.sm2.library import PrivateKey
from certs.sm2.names import SM2_WITH_SM3
from certs.status import signing
from certs.status.signing import KeyOpener


class SM2Signer:
    """One authority's key, ready to sign."""

    algorithm = SM2_WITH_SM3

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    def sign(self, content: bytes) -> bytes:
        """The DER of r and s over SM3 of ``content``."""
        return self._key.sign(content)

    def holds(self, content: bytes, signature: bytes) -> bool:
        """Does its public key verify it?"""
        return self._key.verifies(signature, content)


def signer_of(authority: Authority, open_key: KeyOpener) -> SM2Signer:
    """The authority's signer; ``open_key`` counts where a ceremony brought its own.

    Raises KeysNotAvailable, WrongPassphrase, SM2NotAvailable; ContentMismatch where the key is another's.
    """
    family = SM2Family(reading.spki_of(bytes(authority.der)))
    if open_key is keys.open_key:  # which knows what cryptography can hold
        return SM2Signer(family.open_key(authority.key_name))
    return SM2Signer(family.own(open_key(authority.key_name)))


def register() -> None:
    """Have the lists of 国密's authorities signed here."""
    for purpose in (Authority.Purpose.SM_ROOT, Authority.Purpose.SM_NODES):
        signing.register(purpose, signer_of)
