"""The portal's two banks, for the pages to have something to show."""

from __future__ import annotations

from tests.web.portal.conftest import (
    _no_rate_limits_left_over,
    client,
    keys,
    own_ledger,
    pki,
    places,
    sealed_keys,
    stage,
    town,
    web3,
    workstation,
)

__all__ = [
    "_no_rate_limits_left_over", "client", "keys", "own_ledger", "pki", "places", "sealed_keys", "stage",
    "town", "web3", "workstation",
]  # fmt: skip
