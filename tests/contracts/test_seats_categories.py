"""Seats counted by industry category."""

from __future__ import annotations

import pytest

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    DONGLI,
    LANTIAN,
    MALLORY,
    WANGCHAO,
    YUNFAN,
    Alliance,
    person,
)

CATEGORIES = range(1, 7)
NEW_KEY = str(person("Wangchao Bank's second officer").address)


class TestCategories:
    """Seats are counted by category as they are in total: now, and at every earlier moment."""

    def supplies(self, alliance: Alliance) -> list[int]:
        return [alliance.seats.functions.categorySupply(category).call() for category in CATEGORIES]

    def test_the_founding_members_are_counted_in_theirs(self, alliance: Alliance) -> None:
        assert self.supplies(alliance) == [2, 1, 1, 0, 0, 1]

    def test_a_seat_counts_in_its_category_while_it_may_vote(self, alliance: Alliance) -> None:
        seats = alliance.seats.functions
        steps = {
            seats.grant(*LANTIAN.seat): [2, 1, 1, 1, 0, 1],
            seats.suspend(WANGCHAO.id): [1, 1, 1, 1, 0, 1],
            seats.changeVoter(WANGCHAO.id, NEW_KEY): [1, 1, 1, 1, 0, 1],
            seats.reinstate(WANGCHAO.id): [2, 1, 1, 1, 0, 1],
            seats.changeVoter(DONGLI.id, WANGCHAO.voter): [2, 1, 1, 1, 0, 1],
            seats.revoke(LANTIAN.id): [2, 1, 1, 0, 0, 1],
        }
        for call, expected in steps.items():
            alliance.rule(call)
            assert self.supplies(alliance) == expected, call.fn_name

    def test_the_past_stays_as_it_was(self, alliance: Alliance) -> None:
        before, seats = alliance.now, alliance.seats.functions
        alliance.next_block_at(before + 10)
        alliance.rule(seats.suspend(DONGLI.id))
        alliance.mine_at(before + 20)

        assert [seats.getPastCategorySupply(1, before + second).call() for second in (9, 10)] == [2, 1]
        assert seats.getPastCategorySupplies(before + 9).call() == [2, 1, 1, 0, 0, 1]
        assert seats.getPastCategorySupplies(before + 10).call() == [1, 1, 1, 0, 0, 1]
        assert [seats.categoryOf(DONGLI.voter, before + second).call() for second in (9, 10)] == [1, 0]

    def test_a_freed_address_votes_in_the_category_of_its_new_member(self, alliance: Alliance) -> None:
        alliance.mine_at(alliance.now + 5)  # the seat is older than the moment before
        alliance.rule(alliance.seats.functions.revoke(YUNFAN.id))
        revoked = alliance.now
        alliance.next_block_at(revoked + 5)
        alliance.rule(alliance.seats.functions.grant(LANTIAN.id, 4, YUNFAN.voter))
        alliance.mine_at(revoked + 10)

        category = alliance.seats.functions.categoryOf
        moments = (revoked - 1, revoked, revoked + 5)
        assert [category(YUNFAN.voter, moment).call() for moment in moments] == [6, 0, 4]

    def test_who_never_had_a_seat_has_no_category(self, alliance: Alliance) -> None:
        assert alliance.seats.functions.categoryOf(MALLORY.address, alliance.now - 1).call() == 0

    def test_the_present_is_not_past_yet(self, alliance: Alliance) -> None:
        seats, now = alliance.seats.functions, alliance.now
        for call in (
            seats.getPastCategorySupply(1, now),
            seats.getPastCategorySupplies(now),
            seats.categoryOf(WANGCHAO.voter, now),
        ):
            refusal = alliance.refusal(call, MALLORY.address, block="latest")
            assert refusal == Refusal("ERC5805FutureLookup", {"timepoint": now, "clock": now})

    @pytest.mark.parametrize("category", [0, 7])
    def test_there_are_six(self, alliance: Alliance, category: int) -> None:
        seats = alliance.seats.functions
        for call in (seats.categorySupply(category), seats.getPastCategorySupply(category, 1)):
            refusal = alliance.refusal(call, MALLORY.address)
            assert refusal == Refusal("InvalidCategory", {"actual": category, "lowest": 1, "highest": 6})
