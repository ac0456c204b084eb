"""The alliance's own ledger, as the chain's tests make it."""

from tests.chain.conftest import anvil, banks, founded, relay_key, world

__all__ = ["anvil", "banks", "founded", "relay_key", "world"]
