"""The root of a Merkle Patricia trie over a list, as blocks commit to transactions and receipts by it.

Yellow Paper, appendix D. Keys are ``rlp(index)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rlp
from eth_utils.crypto import keccak

_Node = Any  # bytes, or a list of such
_Items = list[tuple[tuple[int, ...], bytes]]  # nibbles of the key, value


def root(values: Sequence[bytes]) -> bytes:
    """32 bytes."""
    if not values:
        return keccak(rlp.encode(b""))
    items = [(_nibbles(rlp.encode(index)), value) for index, value in enumerate(values)]
    return keccak(rlp.encode(_node(items)))


def _nibbles(key: bytes) -> tuple[int, ...]:
    return tuple(half for byte in key for half in (byte >> 4, byte & 15))


def _node(items: _Items) -> _Node:
    if len(items) == 1:
        path, value = items[0]
        return [_packed(path, leaf=True), value]
    shared = _shared([path for path, _value in items])
    if shared:
        rest = [(path[len(shared) :], value) for path, value in items]
        return [_packed(shared, leaf=False), _reference(_node(rest))]
    return _branch(items)


def _branch(items: _Items) -> _Node:
    children: list[_Node] = []
    for nibble in range(16):
        below = [(path[1:], value) for path, value in items if path and path[0] == nibble]
        children.append(_reference(_node(below)) if below else b"")
    ends = [value for path, value in items if not path]
    return [*children, ends[0] if ends else b""]


def _reference(node: _Node) -> _Node:
    """The node itself where it is short, else its hash."""
    encoded = rlp.encode(node)
    return node if len(encoded) < 32 else keccak(encoded)


def _shared(paths: list[tuple[int, ...]]) -> tuple[int, ...]:
    first, last = min(paths), max(paths)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


def _packed(path: tuple[int, ...], *, leaf: bool) -> bytes:
    flag = 2 * leaf + len(path) % 2
    nibbles = (flag, *path) if len(path) % 2 else (flag, 0, *path)
    return bytes(high << 4 | low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True))
