"""What a profile is, once its file has been read. Pure data, no Django."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.profiles import support

NODE, HOLDER, CONSOLE = "node", "holder", "console"
OWN = "own"  # certified by the very authority that it speaks for
CLASSIC, SM = "classic", "sm"
LONGEST_NAME = 64  # of a CN, O or OU (X.520, upper bounds): octets, so that everybody's count agrees

ATTRIBUTES = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}
EXTENDED_USAGES = {
    "server_auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "ocsp_signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "document_signing": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # RFC 9336
}


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys of one kind, from ``least`` to ``most`` bits, and what such a key is used for (KeyUsage)."""

    kind: str
    least: int
    most: int
    usages: frozenset[str] = frozenset({"digital_signature"})

    def __str__(self) -> str:
        if self.kind != "RSA":
            return self.kind
        return f"RSA {self.least}" if self.least == self.most else f"RSA {self.least}–{self.most}"


@dataclass(frozen=True, slots=True)
class Extensions:
    """Which extensions the certificate has beside the key identifiers, and which of them are critical.

    ``names``: it has alternative names. ``nocheck``: it says that nobody need ask for its status, and names
    neither list nor responder. ``responder``: it names the status responder beside its revocation list.
    There is no field for CA: what a profile certifies never is one.
    """

    extended_usages: tuple[str, ...]
    names: bool
    nocheck: bool
    responder: bool = True
    basic_constraints_critical: bool = True
    key_usage_critical: bool = True
    extended_usages_critical: bool = False
    names_critical: bool = False

    @property
    def extended_usage_oids(self) -> list[x509.ObjectIdentifier]:
        """In the order of the file."""
        return [EXTENDED_USAGES[name] for name in self.extended_usages]


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """One profile.

    ``purpose``: the authority that certifies it, by its purpose, or OWN. ``needs``: whom it is for.
    ``in_person``: only who the certificate names may ask. ``rdns``: the distinguished name's parts in order.
    ``window``: how long before its end a renewal is due. ``requires``: what the machine must be able to do.
    ``off``: why nobody gets one, empty when it can be had.
    """

    name: str
    keys: tuple[KeyRange, ...]
    rdns: tuple[tuple[str, str], ...]
    purpose: str
    needs: str
    extensions: Extensions
    period: timedelta
    window: timedelta
    keeps_key: bool = False
    in_person: bool = False
    family: str = CLASSIC
    requires: str = ""
    off: str = ""

    @property
    def enabled(self) -> bool:
        """Can it be had here?"""
        return not self.why_off

    @property
    def why_off(self) -> str:
        """Why it can't be had: by decision of its file, or because this machine lacks something."""
        return self.off or support.lacking(self.requires)

    def subject(self, name: str, institution: str) -> x509.Name:
        """The distinguished name: ``name`` of node, account or service, ``institution``'s short name."""
        values = {"name": name, "institution": institution}
        return x509.Name([_attribute(kind, _cut(text.format_map(values))) for kind, text in self.rdns])

    def usages_of(self, kind: str) -> frozenset[str]:
        """What a key of that kind is used for, as cryptography's KeyUsage spells it; empty: not accepted."""
        return frozenset().union(*(keys.usages for keys in self.keys if keys.kind == kind))

    def renewal_opens(self, not_after: datetime) -> datetime:
        """From when on a certificate that ends at ``not_after`` may be renewed."""
        return not_after - self.window


@lru_cache(maxsize=1024)
def _attribute(kind: str, text: str) -> x509.NameAttribute[str]:
    """One part of a name; an institution's is the same in all of its certificates."""
    return x509.NameAttribute(ATTRIBUTES[kind], text)


def _cut(text: str) -> str:
    return text.encode()[:LONGEST_NAME].decode(errors="ignore")
