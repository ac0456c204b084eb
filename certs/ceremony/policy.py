"""What each authority may do: its certificate's name, path length, constraints and period. Pure data."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.ceremony.errors import Refused

ROOT = "root"
ROOT_PERIOD = timedelta(days=7305)  # twenty years
ROOT_CRL_PERIOD = timedelta(days=365)  # the root signs in ceremonies alone
# An issuing CA has one CA above it, or two while a cross-certificate bridges a change of roots.
ROOT_PATH_LENGTH, CROSS_PATH_LENGTH, ISSUING_PATH_LENGTH = 2, 1, 0
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
_NAME = re.compile(r"(root|nodes|access|lists)(?:-([2-9]|[1-9][0-9]{1,2}))?")


@dataclass(frozen=True)
class Purpose:
    """An issuing CA's purpose. ``usages`` bounds what its certificates may be used for.

    Status signing is never among them: it would make the CA a responder for its own issuer, as happened to
    many in 2020. Its own responder it delegates by a certificate (RFC 6960 section 4.2.2.2).
    """

    word: str
    usages: tuple[x509.ObjectIdentifier, ...]
    hosts: bool = False  # may its certificates name hosts?
    period: timedelta = timedelta(days=3652)  # ten years


PURPOSES = {
    "nodes": Purpose("Nodes", (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)),
    "access": Purpose(
        "Access",
        (
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.CLIENT_AUTH,
            ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ),
        hosts=True,
    ),
    "lists": Purpose("Lists", (DOCUMENT_SIGNING,)),
}


def purpose_of(name: str) -> str:
    """``nodes-2`` is of purpose ``nodes``. Raises Refused on a name of another form."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise Refused(f"{name!r}: an authority is called root, nodes, access or lists, later ones nodes-2, …")
    return found[1]


def generation_of(name: str) -> int:
    """``nodes-2`` is the second; ``nodes`` the first."""
    found = _NAME.fullmatch(name)
    return int(found[2] or 1) if found else 1


def subject(alliance: str, name: str) -> x509.Name:
    """An authority's name. The common name comes first: FISCO BCOS takes the agency from the first part."""
    purpose, generation = purpose_of(name), generation_of(name)
    word = "Root" if purpose == ROOT else PURPOSES[purpose].word
    number = f" {generation}" if generation > 1 else ""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"{alliance} {word} CA{number}"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, alliance),
        ]
    )


def name_constraints(purpose: str, hosts: Sequence[str]) -> x509.NameConstraints | None:
    """Hosts that its certificates may name: none, or, for those that name any, ``hosts`` if given.

    Nodes and people are named by urn, which has no host and so can't be constrained (RFC 5280 4.2.1.10).
    """
    if not PURPOSES[purpose].hosts:
        return x509.NameConstraints(permitted_subtrees=None, excluded_subtrees=[_EVERY_NAME, *_EVERY_ADDRESS])
    if not hosts:
        return None
    permitted = [_subtree(host) for host in hosts]
    kinds = {type(subtree) for subtree in permitted}
    # A kind that is not named would be free: of addresses, or names, there are then to be none.
    closed: list[x509.GeneralName] = [_EVERY_NAME] if x509.DNSName not in kinds else []
    closed += _EVERY_ADDRESS if x509.IPAddress not in kinds else []
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=closed or None)


_EVERY_NAME = x509.DNSName("")
_EVERY_ADDRESS: list[x509.GeneralName] = [
    x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
    x509.IPAddress(ipaddress.ip_network("::/0")),
]


def _subtree(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_network(host))
    except ValueError:
        return x509.DNSName(host)


def root_name(certificate: x509.Certificate) -> str:
    """What a root is called, by its common name: ``… Root CA 2`` is ``root-2``. Raises Refused."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    found = re.fullmatch(r".* Root CA(?: ([0-9]{1,3}))?", str(common[0].value) if common else "")
    if found is None:
        raise Refused(f"{certificate.subject.rfc4514_string()}: not called as a root of ours")
    return f"root-{found[1]}" if found[1] else ROOT
