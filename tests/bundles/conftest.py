"""An alliance on a ledger of these tests' own, and a folder with the keys that sign lists."""

from __future__ import annotations

from tests.permissions.conftest import ceremony, places
from tests.proposals.conftest import keys, own_ledger, stage, web3

__all__ = ["ceremony", "keys", "own_ledger", "places", "stage", "web3"]
