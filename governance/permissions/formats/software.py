"""What a version of a node's software can do with its lists, and what it must be spared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

Version = tuple[int, int]


class Reload(StrEnum):
    """How a changed list takes effect."""

    RPC = "rpc"  # a call says whether it worked
    BY_ITSELF = "by itself"  # read again at every connection; peers that are connected stay
    SIGNAL = "signal"
    TOUCH = "touch"  # of a file; for the white list alone
    RESTART = "restart"
    UNKNOWN = "unknown"


class Matching(StrEnum):
    """What an entry is compared with when a peer connects."""

    ADDRESS = "address"  # whoever is there, whatever its key
    KEY = "key"
    KEY_AND_ADDRESS = "key and address"
    CERTIFICATE = "certificate"


@dataclass(frozen=True)
class Capabilities:
    reload: Reload
    matching: Matching
    drops_peers: bool  # does a node that left the list lose its connection by the reload alone?
    reloads_black_list: bool = False
    reload_may_hang: bool = False
    removed_on_chain: bool = False  # permissioning by contract was taken out: files or RPC are left


_BESU = Capabilities(Reload.RPC, Matching.ADDRESS, drops_peers=True, removed_on_chain=True)
_SIGNAL = Capabilities(Reload.SIGNAL, Matching.CERTIFICATE, drops_peers=True, reloads_black_list=True)

# From this version on, newest first; the last line is for older ones. An unknown version counts as the newest
# for matching by address (more is refused then) and as the oldest for reloading (a restart always helps).
_TABLE: dict[str, tuple[tuple[Version, Capabilities], ...]] = {
    "besu": (
        ((26, 3), _BESU),
        ((25, 6), Capabilities(Reload.RPC, Matching.KEY_AND_ADDRESS, True, removed_on_chain=True)),
        ((0, 0), Capabilities(Reload.RPC, Matching.KEY_AND_ADDRESS, True)),
    ),
    "goquorum": (((0, 0), Capabilities(Reload.BY_ITSELF, Matching.KEY, False, reloads_black_list=True)),),
    "geth": (((0, 0), Capabilities(Reload.RPC, Matching.KEY, drops_peers=False)),),
    "fisco-bcos": (
        ((3, 5), _SIGNAL),
        (
            (3, 4),
            Capabilities(
                Reload.SIGNAL, Matching.CERTIFICATE, True, reloads_black_list=True, reload_may_hang=True
            ),
        ),
        ((3, 0), Capabilities(Reload.RESTART, Matching.CERTIFICATE, drops_peers=True)),
        ((0, 0), Capabilities(Reload.TOUCH, Matching.CERTIFICATE, drops_peers=True)),
    ),
}
_UNKNOWN = {
    "besu": _BESU,
    "fisco-bcos": Capabilities(Reload.RESTART, Matching.CERTIFICATE, drops_peers=True),
}
_NOTHING_KNOWN = Capabilities(Reload.UNKNOWN, Matching.ADDRESS, drops_peers=False)
_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:[.+_-].*)?", re.IGNORECASE)


def parsed(version: str) -> Version | None:
    """``26.3.0-RC0`` as (26, 3); None where it can't be read."""
    found = _VERSION.fullmatch(version.strip())
    return (int(found[1]), int(found[2])) if found else None


def capabilities(software: str, version: str) -> Capabilities:
    """Of ``software`` (as a node record names it) in ``version``; cautious where either is not known."""
    table = _TABLE.get(software, ())
    number = parsed(version)
    if number is None:
        return _UNKNOWN.get(software) or (table[-1][1] if table else _NOTHING_KNOWN)
    return next((able for least, able in table if number >= least), _NOTHING_KNOWN)


def fisco_form(version: str, *, sm: bool = False) -> str:
    """Which form of the lists a FISCO BCOS node reads: 2.x, 3.x, or sm for a 3.x node in SM mode."""
    number = parsed(version)
    if number is not None and number < (3, 0):
        return "2.x"
    return "sm" if sm else "3.x"
