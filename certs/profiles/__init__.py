"""What each certificate profile holds, as data: a file for each, read and checked once at the start.

A profile is chosen by the requester; everything in the certificate comes from here and from the member's
record, nothing from the request but its public key.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

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
    "parse",
]

PROFILES: dict[str, ProfileSpec] = load(Path(__file__).parent)

ISSUING_PERIOD = timedelta(days=3652)  # ten years
ROOT_PERIOD = timedelta(days=7305)  # twenty years
CRL_PERIOD = timedelta(hours=24)
ROOT_CRL_PERIOD = timedelta(days=365)  # the root signs in ceremonies alone
