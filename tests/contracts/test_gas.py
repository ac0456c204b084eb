"""The table of what each action costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web3 import Web3

from tests.contracts.conftest import running_anvil
from tests.contracts.gas import Meter, documented

BLOCK = 30_000  # thousand gas that a block holds, at the least


@pytest.fixture(scope="module")
def fresh() -> Iterator[Web3]:
    with running_anvil() as ledger:
        yield ledger


def test_each_action_costs_what_the_table_says(fresh: Web3) -> None:
    measured, told = Meter(fresh).measure(), documented()

    assert measured.keys() == told.keys()
    for action, gas in measured.items():
        assert abs(gas / 1000 - told[action]) <= max(3, told[action] * 0.05), action


def test_each_action_fits_into_a_block() -> None:
    assert all(0 < gas < BLOCK for gas in documented().values())
