"""FISCO BCOS's lists, by the node's own rules: what it can't read it only logs, so none may be there."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass

from governance.agent import files
from governance.agent.errors import Refused

_BLACK, _WHITE = b"certificate_blacklist", b"certificate_whitelist"
SECTIONS = files.SPLICED
_PREFIX = {_BLACK: "crl", _WHITE: "cal"}
_LINE = re.compile(r"\s*([^=\s]+)\s*=\s*(\S*)\s*")
_PEER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9.]+):([0-9]{1,5})")


@dataclass(frozen=True)
class Lists:
    """Ids by list. The black list wins; **an empty white list means that everybody may connect**."""

    white: frozenset[str]
    black: frozenset[str]

    def admits(self, peer: str) -> bool:
        return peer not in self.black and (not self.white or peer in self.white)


def parse(data: bytes, path: str, digits: int) -> Lists:
    """Lists that the node reads whole. Raises Refused."""
    found: dict[bytes, dict[str, str]] = {name: {} for name in SECTIONS}
    for section, line in files.lines(data):
        if section not in SECTIONS:
            raise Refused(f"{path}: a line outside of the two sections: {_shown(line)}")
        if not line.strip() or line.strip().startswith(b"["):
            continue
        name, value = _pair(line)
        if not name.startswith(f"{_PREFIX[section]}."):
            raise Refused(f"{path}: the node would pass over this line: {_shown(line)}")
        if name in found[section]:
            raise Refused(f"{path}: {name} is there twice, and the node would not read the file")
        if not is_id(value, digits):
            raise Refused(f"{path}: not an id of {digits} hex digits: {_shown(value.encode())}")
        found[section][name] = value.lower()
    if not found[_WHITE]:
        raise Refused(f"{path}: an empty white list would let everybody in")
    return Lists(frozenset(found[_WHITE].values()), frozenset(found[_BLACK].values()))


def in_force(data: bytes, digits: int) -> Lists:
    """What a node takes from a whole ``config.ini``: it passes over what it can't read."""
    found: dict[bytes, set[str]] = {name: set() for name in SECTIONS}
    for section, line in files.lines(data):
        name, value = _pair(line)
        if section in SECTIONS and name.startswith(f"{_PREFIX[section]}.") and is_id(value, digits):
            found[section].add(value.lower())
    return Lists(frozenset(found[_WHITE]), frozenset(found[_BLACK]))


def is_id(value: str, digits: int) -> bool:
    """A 0x before it, another length or zeros alone, and the node passes over it."""
    return re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", value) is not None and value.strip("0") != ""


def peers(data: bytes, path: str) -> frozenset[str]:
    """The addresses in ``nodes.json``. Raises Refused: with one that it can't read, a node reads no list."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path}: not JSON, and the node would not read its lists either") from error
    found = values.get("nodes") if isinstance(values, dict) else None
    if not isinstance(found, list) or not all(isinstance(peer, str) and _is_peer(peer) for peer in found):
        raise Refused(f"{path}: not a list of nodes with address and port")
    return frozenset(found)


def _is_peer(peer: str) -> bool:
    match = _PEER.fullmatch(peer)
    if match is None or not 0 < int(match.group(2)) < 65536:
        return False
    try:
        ipaddress.ip_address(match.group(1).strip("[]"))
    except ValueError:
        return False
    return True


def _pair(line: bytes) -> tuple[str, str]:
    match = _LINE.fullmatch(line.decode("utf-8", errors="replace"))
    return (match.group(1), match.group(2)) if match else ("", "")


def _shown(text: bytes) -> str:
    return repr(text.decode("utf-8", errors="replace")[:80])
