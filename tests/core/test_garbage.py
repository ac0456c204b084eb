"""The collector waits while told to, and is what it was afterwards."""

from __future__ import annotations

import gc

import pytest

from consortium.core import garbage


def test_it_waits_and_goes_on_afterwards() -> None:
    assert gc.isenabled()
    with garbage.collected_later():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_a_failure() -> None:
    with pytest.raises(ValueError, match="work"), garbage.collected_later():
        raise ValueError("work")
    assert gc.isenabled()


def test_work_within_work_does_not_wake_it() -> None:
    with garbage.collected_later():
        with garbage.collected_later():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
