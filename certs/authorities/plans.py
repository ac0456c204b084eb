"""What an authority's key is to be, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from certs import keys
from certs.keystores import kinds
from certs.models import Authority

Purpose = Authority.Purpose
ISSUING = (Purpose.NODES, Purpose.ACCESS, Purpose.LISTS)  # 国密 has its own way, by OpenSSL


@dataclass(frozen=True)
class KeyPlan:
    """``kind`` as in ``certs.keystores.kinds``; ``place``: ``pkcs11:<token>/<label>``, else a sealed file."""

    kind: str = "P-256"
    place: str = ""

    @classmethod
    def parse(cls, text: str) -> KeyPlan:
        """``P-384``, ``RSA-4096``, ``P-256@pkcs11:alliance/nodes``. Raises NotThisKind, ValueError."""
        kind, _, place = text.partition("@")
        kinds.check(kind)
        if place and not keys.in_device(place):
            raise ValueError(f"not a place for a key: {place!r}; wanted: pkcs11:<token>/<label>")
        return cls(kind, place)


ROOT_KEY = KeyPlan("P-384")
ISSUING_KEY = KeyPlan("P-256")
Plans = Mapping[str, KeyPlan]  # by purpose
secret_for = keys.secret_for
