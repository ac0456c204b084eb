"""Everybody who holds a role in the timelock is named, whoever gave it and when."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from consortium.members.models import Institution
from governance.chain import calls, contracts, roles
from governance.chain.calls import Call
from governance.chain.contracts import TIMELOCK, offline
from governance.chain.roles import Holding
from tests.chain.world import World
from tests.factories import voter_of


def _printed() -> list[str]:
    out = StringIO()
    call_command("check_offices", stdout=out)
    return out.getvalue().splitlines()


def _grant(world: World, role: str, account: str) -> Call:
    data = offline(TIMELOCK).encode_abi("grantRole", args=[bytes.fromhex(role[2:]), account])
    return Call(world.ledger.timelock, 0, data)


@pytest.mark.parametrize("size", [1, 1000])
def test_after_the_founding_there_are_the_governor_and_the_timelock(
    founded: World, settings: Any, size: int
) -> None:
    settings.LEDGER_LOG_RANGE = size
    ledger = founded.ledger
    assert _printed() == [
        f"DEFAULT_ADMIN_ROLE {ledger.timelock}",
        *(f"{name} {ledger.governor}" for name in ("PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE")),
    ]


def test_an_accomplice_is_named(founded: World, banks: list[Institution]) -> None:
    accomplice = voter_of(banks[0]).address
    grants = [
        _grant(founded, contracts.CANCELLER_ROLE, accomplice),
        _grant(founded, contracts.EXECUTOR_ROLE, calls.NOBODY),
    ]
    founded.decides(*grants, banks=banks[:4], text="As a founder might")
    with pytest.raises(CommandError) as caught:
        _printed()
    assert str(caught.value).splitlines() == [
        "should not be: EXECUTOR_ROLE anybody",
        f"should not be: CANCELLER_ROLE {accomplice}",
    ]


def test_what_was_taken_back_is_held_no_more(founded: World, banks: list[Institution]) -> None:
    role, account = contracts.PROPOSER_ROLE, voter_of(banks[0]).address
    founded.decides(_grant(founded, role, account), banks=banks[:4], text="Give")
    assert Holding(role, account) in roles.holdings(founded.ledger)
    data = offline(TIMELOCK).encode_abi("revokeRole", args=[bytes.fromhex(role[2:]), account])
    founded.decides(Call(founded.ledger.timelock, 0, data), banks=banks[:4], text="Take")
    assert roles.holdings(founded.ledger) == roles.proper(founded.ledger)
