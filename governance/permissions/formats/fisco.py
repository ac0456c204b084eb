"""How FISCO BCOS reads its lists. What it can't read it passes over in silence: none of that may be there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from governance.permissions.formats.enodes import ADDRESS, is_ipv6
from governance.permissions.formats.errors import Malformed, once

_SECTIONS = {"[certificate_blacklist]": "crl", "[certificate_whitelist]": "cal"}
_KEY = re.compile(r" {4}(crl|cal)\.(0|[1-9][0-9]*)=")
_DIGITS = b"0123456789abcdef"


@dataclass(frozen=True)
class FiscoLists:
    """What a node takes from its configuration. ``is_nobody``: the white list names an id of no key."""

    white: frozenset[str]
    black: frozenset[str]
    peers: frozenset[str]
    is_nobody: bool


def certificates(path: str, content: bytes, digits: int) -> tuple[frozenset[str], frozenset[str]]:
    """(white, black). Raises Malformed.

    An empty white list lets everybody in, and so does one of entries that the node passes over: of another
    length, with 0x before them, all zeros. What is on both lists is kept out.
    """
    found = _sections(path, content)
    if found.keys() != set(_SECTIONS.values()):
        raise Malformed(path, "section_missing", ", ".join(found))
    ids = {
        name: once(path, "duplicate_id", [value for _key, value in entries])
        for name, entries in found.items()
    }
    for name, entries in found.items():
        once(path, "duplicate_key", [f"{name}.{key}" for key, _value in entries])
        for value in ids[name]:
            _check_id(path, value, digits)
    white, black = ids["cal"], ids["crl"]
    if not white:
        raise Malformed(path, "empty_white_list")
    if both := white & black:
        raise Malformed(path, "black_list_wins", min(both))
    return white, black


def _sections(path: str, content: bytes) -> dict[str, list[tuple[str, str]]]:
    """Entries (number, id) by the prefix of their section."""
    found: dict[str, list[tuple[str, str]]] = {}
    current = ""
    for line in _lines(path, content):
        if line in _SECTIONS:
            current = _SECTIONS[line]
            if current in found:
                raise Malformed(path, "section_repeated", line)
            found[current] = []
            continue
        match = _KEY.match(line)
        value = line[match.end() :] if match else ""
        if match is None or match[1] != current or value != value.strip():
            raise Malformed(path, "line", line)
        found[current].append((match[2], value))
    return found


def _lines(path: str, content: bytes) -> list[str]:
    try:
        return content.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise Malformed(path, "not_ascii") from None


def _check_id(path: str, value: str, digits: int) -> None:
    if value.startswith("0x"):
        raise Malformed(path, "id_with_prefix", value)
    if len(value) != digits or value.encode().translate(None, _DIGITS):  # what is left is no digit
        raise Malformed(path, "id", value)
    if not value.strip("0"):
        raise Malformed(path, "id_of_zeros", value)


def peers(path: str, content: bytes) -> frozenset[str]:
    """``{"nodes": ["ip:port"]}``. A node that can't read it leaves its lists as they were, too."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed(path, "not_json") from None
    if not isinstance(found, dict) or found.keys() != {"nodes"} or not isinstance(found["nodes"], list):
        raise Malformed(path, "nodes_needed")
    for peer in found["nodes"]:
        match = ADDRESS.fullmatch(peer) if isinstance(peer, str) else None
        if match is None or (match[1] is not None and not is_ipv6(match[1])):
            raise Malformed(path, "peer", str(peer))
    return once(path, "duplicate_peer", found["nodes"])
