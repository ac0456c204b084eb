"""From a log as JSON-RPC has it to its arguments: each event's decoder is made once.

web3.py's own way builds objects for every log and looks up its event in the ABI each time; following a ledger
would spend most of its time there. What comes out is the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, cast

from eth_abi.decoding import ContextFramesBytesIO
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic
from eth_utils.address import to_checksum_address

from governance.contracts import artifact
from governance.contracts.codec import patient_codec

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # PostgreSQL takes neither NUL nor half a surrogate pair

Shape = Callable[[Any], Any]
Decode = Callable[[bytes], tuple[Any, ...]]
checksum = lru_cache(maxsize=2**14)(to_checksum_address)


@dataclass(frozen=True, slots=True)
class Decoder:
    """How one event of a contract is read. Arguments come out in the ABI's order, as JSON."""

    contract: str
    name: str
    names: tuple[str, ...]
    indexed: tuple[tuple[int, Decode, Shape], ...]  # place among the arguments
    plain: tuple[tuple[int, Shape], ...]
    data: Decode

    def arguments(self, topics: list[str], data: str) -> dict[str, Any]:
        """Raises ValueError or eth_abi's DecodingError where the log is not what its first topic says."""
        if len(topics) != len(self.indexed) + 1:
            raise ValueError(f"{len(topics)} topics")
        found: list[Any] = [None] * len(self.names)
        for topic, (place, decode, shape) in zip(topics[1:], self.indexed, strict=True):
            found[place] = shape(decode(bytes.fromhex(topic[2:]))[0])
        values = self.data(bytes.fromhex(data[2:]))
        for value, (place, shape) in zip(values, self.plain, strict=True):
            found[place] = shape(value)
        return dict(zip(self.names, found, strict=True))


def by_topic(followed: dict[str, tuple[str, ...]]) -> dict[str, Decoder]:
    """The decoders of contracts' events, by first topic in 0x-hex."""
    return {
        "0x" + event_abi_to_log_topic(abi).hex(): _decoder(contract, abi)
        for contract, names in followed.items()
        for abi in artifact(contract)["abi"]
        if abi["type"] == "event" and abi["name"] in names
    }


def _decoder(contract: str, abi: Any) -> Decoder:
    places = list(enumerate(abi["inputs"]))
    plain = [(place, each) for place, each in places if not each["indexed"]]
    return Decoder(
        contract,
        abi["name"],
        tuple(each["name"] for each in abi["inputs"]),
        tuple((place, *_topic(each)) for place, each in places if each["indexed"]),
        tuple((place, _shape(each)) for place, each in plain),
        _decode(*(collapse_if_tuple(each) for _, each in plain)),
    )


def _topic(item: Any) -> tuple[Decode, Shape]:
    """Of what has no fixed length, the topic holds the hash."""
    kind = collapse_if_tuple(item)
    if kind in {"string", "bytes"} or "[" in kind or "(" in kind:
        return _decode("bytes32"), _hex
    return _decode(kind), _shape(item)


def _decode(*kinds: str) -> Decode:
    decoder = _codec()._registry.get_tuple_decoder(*kinds)
    return lambda raw: cast("tuple[Any, ...]", decoder(ContextFramesBytesIO(raw)))  # type: ignore[no-untyped-call]


@cache
def _codec() -> Any:
    return patient_codec()


# --- JSON without loss ------------------------------------------------------------------------------------
def _shape(item: Any) -> Shape:
    """Bytes as 0x-hex, uint256 as decimal text, structs as lists. Of text, what can be stored."""
    kind = item["type"]
    if kind.endswith("]"):
        one = _shape({**item, "type": kind[: kind.rindex("[")]})
        return lambda values: [one(value) for value in values]
    if kind == "tuple":
        shapes = [_shape(each) for each in item["components"]]
        return lambda values: [shape(value) for shape, value in zip(shapes, values, strict=True)]
    return _SCALARS.get(kind.rstrip("0123456789") if kind.startswith("bytes") else kind, _same)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _text(value: str) -> str:
    return _UNSTORABLE.sub("\ufffd", value)


def _same(value: Any) -> Any:
    return value


_SCALARS: dict[str, Shape] = {
    "address": lambda value: str(checksum(value)),
    "bytes": _hex,
    "string": _text,
    "uint256": str,
}
