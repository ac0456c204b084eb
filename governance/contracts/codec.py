"""Reading what the ledger holds without failing over it: anybody with a seat can put anything there."""

from __future__ import annotations

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.registry import BaseEquals
from web3._utils.abi import build_strict_registry


def patient_codec() -> ABICodec:
    """web3's own codec, but that text which is no UTF-8 decodes, with U+FFFD for what can't be read."""
    registry = build_strict_registry()
    registry.unregister_decoder("string")
    registry.register_decoder(
        BaseEquals("string"),  # type: ignore[no-untyped-call]
        StringDecoder(handle_string_errors="replace"),  # type: ignore[no-untyped-call]
        label="string",
    )
    return ABICodec(registry)
