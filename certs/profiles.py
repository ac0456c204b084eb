"""What each certificate profile holds: accepted keys, subject, period. Pure data, no Django.

A profile is chosen by the requester; everything in the certificate comes from here and from the member's
record, nothing from the request but its public key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

LEAF_PERIOD = timedelta(days=365)
GATEWAY_PERIOD = timedelta(days=365)
ISSUING_PERIOD = timedelta(days=3652)  # ten years
ROOT_PERIOD = timedelta(days=7305)  # twenty years
CRL_PERIOD = timedelta(hours=24)
ROOT_CRL_PERIOD = timedelta(days=365)  # the root signs in ceremonies alone


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys of one kind, from ``least`` to ``most`` bits."""

    kind: str
    least: int
    most: int

    def __str__(self) -> str:
        if self.kind != "RSA":
            return self.kind
        return f"RSA {self.least}" if self.least == self.most else f"RSA {self.least}–{self.most}"


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """One profile: ``subject(node_name, short_name)`` makes the distinguished name."""

    name: str
    keys: tuple[KeyRange, ...]
    subject: Callable[[str, str], x509.Name]
    period: timedelta = LEAF_PERIOD


def _fisco_subject(node_name: str, short_name: str) -> x509.Name:
    """As FISCO BCOS's own tools write it: the node takes the agency's unit (facts of release 3.x)."""
    return _name(
        (NameOID.COMMON_NAME, node_name), (_O, short_name), (NameOID.ORGANIZATIONAL_UNIT_NAME, "agency")
    )


def _evm_subject(node_name: str, short_name: str) -> x509.Name:
    """Without a slash in it: both names together can be longer than the 64 characters of a common name."""
    return _name((NameOID.COMMON_NAME, node_name), (_O, short_name))


_O = NameOID.ORGANIZATION_NAME


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def authority_subject(alliance: str, kind: str) -> x509.Name:
    """A CA's name. The common name comes first: FISCO BCOS reads the agency from the first part with CN."""
    return _name((NameOID.COMMON_NAME, f"{alliance} {kind} CA"), (_O, alliance))


def host_subject(host: str) -> x509.Name:
    """The gateway's name: decoration, since clients read the subject alternative names."""
    return _name((NameOID.COMMON_NAME, host[:64]))


PROFILES: dict[str, ProfileSpec] = {
    spec.name: spec
    for spec in (
        # Its lists know a TLS peer by the modulus, and take 512 hex digits alone.
        ProfileSpec("fisco-bcos-3", (KeyRange("RSA", 2048, 2048),), _fisco_subject),
        ProfileSpec("evm-node", (KeyRange("P-256", 256, 256), KeyRange("RSA", 3072, 8192)), _evm_subject),
    )
}
