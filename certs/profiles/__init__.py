"""What each certificate profile holds, as data: a file for each, read and checked once at the start.

A profile is chosen by the requester; everything in the certificate comes from here and from the member's
record, nothing from the request but its public key.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from certs.profiles.loading import InvalidProfile, load, parse
from certs.profiles.spec import CONSOLE, HOLDER, NODE, OWN, Extensions, KeyRange, ProfileSpec

__all__ = [
    "CONSOLE",
    "CRL_PERIOD",
    "HOLDER",
    "ISSUING_PERIOD",
    "NODE",
    "OWN",
    "PROFILES",
    "ROOT_CRL_PERIOD",
    "ROOT_PERIOD",
    "Extensions",
    "InvalidProfile",
    "KeyRange",
    "ProfileSpec",
    "authority_subject",
    "parse",
]

PROFILES: dict[str, ProfileSpec] = load(Path(__file__).parent)

ISSUING_PERIOD = timedelta(days=3652)  # ten years
ROOT_PERIOD = timedelta(days=7305)  # twenty years
CRL_PERIOD = timedelta(hours=24)
ROOT_CRL_PERIOD = timedelta(days=365)  # the root signs in ceremonies alone


def authority_subject(alliance: str, kind: str) -> x509.Name:
    """A CA's name. The common name comes first: FISCO BCOS reads the agency from the first part with CN."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"{alliance} {kind} CA"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, alliance),
        ]
    )
