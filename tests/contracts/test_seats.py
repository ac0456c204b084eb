"""Seats: what the members decide about one, and everything that is refused."""

from __future__ import annotations

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    ACTIVE,
    DONGLI,
    LANTIAN,
    MALLORY,
    NOBODY,
    NONE,
    SECRETARIAT,
    SUSPENDED,
    WANGCHAO,
    Alliance,
    Bank,
    events,
    padded,
    person,
)

CATEGORIES = range(1, 7)
NEW_KEY = str(person("Wangchao Bank's second officer").address)


def executor_calls(alliance: Alliance) -> list:
    seats = alliance.seats.functions
    return [
        seats.grant(*LANTIAN.seat),
        seats.suspend(WANGCHAO.id),
        seats.reinstate(WANGCHAO.id),
        seats.revoke(WANGCHAO.id),
        seats.changeVoter(WANGCHAO.id, NEW_KEY),
    ]


class TestOnlyTheExecutor:
    @pytest.mark.parametrize("sender", [SECRETARIAT, WANGCHAO.voter, MALLORY.address, "the governor"])
    def test_nobody_else_changes_a_seat(self, alliance: Alliance, sender: str) -> None:
        sender = alliance.governor.address if sender == "the governor" else sender
        for call in executor_calls(alliance):
            refusal = alliance.refusal(call, sender)
            assert refusal == Refusal(
                "ExecutorOnly", {"actual": sender.lower(), "expected": alliance.timelock.address.lower()}
            )


class TestGranting:
    def test_a_new_member_gets_one_vote(self, alliance: Alliance) -> None:
        receipt = alliance.rule(alliance.seats.functions.grant(*LANTIAN.seat))

        assert alliance.seat(LANTIAN) == (4, LANTIAN.voter, ACTIVE)
        assert alliance.seats.functions.isActive(LANTIAN.id).call()
        assert alliance.weight(LANTIAN.voter) == 1
        assert alliance.seats.functions.seatCount().call() == 6
        assert events(alliance.seats, receipt, "SeatGranted") == [
            {"memberId": LANTIAN.id, "category": 4, "voter": LANTIAN.voter}
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "91330100LT4P6GHE9",  # 17 characters
            "91330100LT4P6GHE9F0",  # 19
            "91330100lt4p6ghe9f",
            "91330100LT4P-GHE9F",
            "913301\x00\x00LT4P6GHE9F",
            "91330100LT4P6GHE9F" + "\x00" * 13 + "X",
        ],
    )
    def test_a_badly_written_member_id_is_refused(self, alliance: Alliance, text: str) -> None:
        call = alliance.seats.functions.grant(padded(text), 4, LANTIAN.voter)

        refusal = alliance.refusal(call, alliance.timelock.address)

        assert refusal == Refusal("InvalidMemberId", {"actual": padded(text)})

    @pytest.mark.parametrize("category", [0, 7, 255])
    def test_an_unknown_category_is_refused(self, alliance: Alliance, category: int) -> None:
        call = alliance.seats.functions.grant(LANTIAN.id, category, LANTIAN.voter)

        refusal = alliance.refusal(call, alliance.timelock.address)

        assert refusal == Refusal("InvalidCategory", {"actual": category, "lowest": 1, "highest": 6})

    @pytest.mark.parametrize("category", [1, 2, 3, 4, 5, 6])
    def test_each_of_the_six_categories_is_accepted(self, alliance: Alliance, category: int) -> None:
        alliance.rule(alliance.seats.functions.grant(LANTIAN.id, category, LANTIAN.voter))

        assert alliance.seat(LANTIAN)[0] == category

    def test_no_member_gets_a_second_seat(self, alliance: Alliance) -> None:
        call = alliance.seats.functions.grant(WANGCHAO.id, 1, NEW_KEY)

        refusal = alliance.refusal(call, alliance.timelock.address)

        assert refusal == Refusal(
            "UnexpectedSeatStatus", {"memberId": WANGCHAO.id, "actual": ACTIVE, "expected": NONE}
        )

    def test_no_address_votes_for_two_members(self, alliance: Alliance) -> None:
        call = alliance.seats.functions.grant(LANTIAN.id, 4, DONGLI.voter)

        refusal = alliance.refusal(call, alliance.timelock.address)

        assert refusal == Refusal("VoterTaken", {"voter": DONGLI.voter.lower(), "holder": DONGLI.id})

    def test_the_zero_address_does_not_vote(self, alliance: Alliance) -> None:
        call = alliance.seats.functions.grant(LANTIAN.id, 4, NOBODY)

        assert alliance.refusal(call, alliance.timelock.address) == Refusal(
            "InvalidVoter", {"actual": NOBODY}
        )


class TestSuspension:
    def test_the_vote_goes_and_the_seat_stays(self, alliance: Alliance) -> None:
        receipt = alliance.rule(alliance.seats.functions.suspend(DONGLI.id))

        assert alliance.seat(DONGLI) == (1, DONGLI.voter, SUSPENDED)
        assert not alliance.seats.functions.isActive(DONGLI.id).call()
        assert alliance.weight(DONGLI.voter) == 0
        assert alliance.seats.functions.seatCount().call() == 5
        assert alliance.seats.functions.activeSeatCount().call() == 4
        assert events(alliance.seats, receipt, "SeatSuspended") == [{"memberId": DONGLI.id}]

    def test_a_reinstated_member_votes_again(self, alliance: Alliance) -> None:
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))

        receipt = alliance.rule(alliance.seats.functions.reinstate(DONGLI.id))

        assert alliance.seat(DONGLI) == (1, DONGLI.voter, ACTIVE)
        assert alliance.weight(DONGLI.voter) == 1
        assert events(alliance.seats, receipt, "SeatReinstated") == [{"memberId": DONGLI.id}]

    def test_the_past_stays_as_it_was(self, alliance: Alliance) -> None:
        before = alliance.now
        alliance.next_block_at(before + 10)
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))
        alliance.mine_at(before + 20)

        past = alliance.seats.functions.getPastVotes
        total = alliance.seats.functions.getPastTotalSupply
        assert [past(DONGLI.voter, before + second).call() for second in (0, 9, 10, 19)] == [1, 1, 0, 0]
        assert [total(before + second).call() for second in (0, 9, 10, 19)] == [5, 5, 4, 4]

    def test_the_last_member_that_can_vote_is_neither_suspended_nor_revoked(self, ledger: Web3) -> None:
        alliance = Alliance.established(ledger, WANGCHAO, DONGLI)
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))

        for call in (
            alliance.seats.functions.suspend(WANGCHAO.id),
            alliance.seats.functions.revoke(WANGCHAO.id),
        ):
            refusal = alliance.refusal(call, alliance.timelock.address)
            assert refusal == Refusal("LastActiveSeat", {"memberId": WANGCHAO.id})


@pytest.mark.parametrize(
    ("action", "status", "expected"),
    [
        ("suspend", SUSPENDED, ACTIVE),
        ("suspend", NONE, ACTIVE),
        ("reinstate", ACTIVE, SUSPENDED),
        ("reinstate", NONE, SUSPENDED),
    ],
)
def test_a_change_from_the_wrong_state_names_both(
    alliance: Alliance, action: str, status: int, expected: int
) -> None:
    bank = LANTIAN if status == NONE else DONGLI
    if status == SUSPENDED:
        alliance.rule(alliance.seats.functions.suspend(bank.id))

    refusal = alliance.refusal(alliance.seats.functions[action](bank.id), alliance.timelock.address)

    assert refusal == Refusal(
        "UnexpectedSeatStatus", {"memberId": bank.id, "actual": status, "expected": expected}
    )


class TestRevocation:
    def test_seat_and_vote_are_gone(self, alliance: Alliance) -> None:
        receipt = alliance.rule(alliance.seats.functions.revoke(DONGLI.id))

        assert alliance.seat(DONGLI) == (0, NOBODY, NONE)
        assert alliance.weight(DONGLI.voter) == 0
        assert alliance.seats.functions.memberOf(DONGLI.voter).call() == bytes(32)
        assert alliance.seats.functions.balanceOf(DONGLI.voter).call() == 0
        assert alliance.seats.functions.seatCount().call() == 4
        assert alliance.seats.functions.activeSeatCount().call() == 4
        assert events(alliance.seats, receipt, "SeatRevoked") == [{"memberId": DONGLI.id}]

    def test_a_suspended_seat_takes_no_second_vote_along(self, alliance: Alliance) -> None:
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))

        alliance.rule(alliance.seats.functions.revoke(DONGLI.id))

        assert alliance.seat(DONGLI) == (0, NOBODY, NONE)
        assert alliance.seats.functions.activeSeatCount().call() == 4

    def test_a_former_member_may_come_back_with_another_category_and_key(self, alliance: Alliance) -> None:
        alliance.rule(alliance.seats.functions.revoke(DONGLI.id))

        alliance.rule(alliance.seats.functions.grant(DONGLI.id, 5, NEW_KEY))

        assert alliance.seat(DONGLI) == (5, NEW_KEY, ACTIVE)
        assert (alliance.weight(DONGLI.voter), alliance.weight(NEW_KEY)) == (0, 1)

    def test_a_freed_address_may_vote_for_another_member(self, alliance: Alliance) -> None:
        alliance.rule(alliance.seats.functions.revoke(DONGLI.id))

        alliance.rule(alliance.seats.functions.grant(LANTIAN.id, 4, DONGLI.voter))

        assert alliance.seats.functions.memberOf(DONGLI.voter).call() == LANTIAN.id

    def test_nobody_without_a_seat_is_expelled(self, alliance: Alliance) -> None:
        refusal = alliance.refusal(alliance.seats.functions.revoke(LANTIAN.id), alliance.timelock.address)

        assert refusal == Refusal("NoSeat", {"memberId": LANTIAN.id})


class TestVotingAddress:
    def test_the_vote_moves_to_the_new_address(self, alliance: Alliance) -> None:
        receipt = alliance.rule(alliance.seats.functions.changeVoter(WANGCHAO.id, NEW_KEY))

        assert alliance.seat(WANGCHAO) == (1, NEW_KEY, ACTIVE)
        assert (alliance.weight(WANGCHAO.voter), alliance.weight(NEW_KEY)) == (0, 1)
        assert alliance.seats.functions.memberOf(WANGCHAO.voter).call() == bytes(32)
        assert alliance.seats.functions.memberOf(NEW_KEY).call() == WANGCHAO.id
        assert alliance.seats.functions.seatCount().call() == 5
        assert events(alliance.seats, receipt, "SeatVoterChanged") == [
            {"memberId": WANGCHAO.id, "voter": NEW_KEY}
        ]

    def test_a_suspended_member_stays_suspended(self, alliance: Alliance) -> None:
        alliance.rule(alliance.seats.functions.suspend(WANGCHAO.id))

        alliance.rule(alliance.seats.functions.changeVoter(WANGCHAO.id, NEW_KEY))

        assert alliance.seat(WANGCHAO) == (1, NEW_KEY, SUSPENDED)
        assert alliance.weight(NEW_KEY) == 0
        alliance.rule(alliance.seats.functions.reinstate(WANGCHAO.id))
        assert (alliance.weight(WANGCHAO.voter), alliance.weight(NEW_KEY)) == (0, 1)

    @pytest.mark.parametrize("holder", [DONGLI, WANGCHAO])
    def test_an_address_that_votes_already_is_refused(self, alliance: Alliance, holder: Bank) -> None:
        call = alliance.seats.functions.changeVoter(WANGCHAO.id, holder.voter)

        refusal = alliance.refusal(call, alliance.timelock.address)

        assert refusal == Refusal("VoterTaken", {"voter": holder.voter.lower(), "holder": holder.id})

    def test_the_zero_address_is_refused(self, alliance: Alliance) -> None:
        call = alliance.seats.functions.changeVoter(WANGCHAO.id, NOBODY)

        assert alliance.refusal(call, alliance.timelock.address).name == "InvalidVoter"

    def test_a_member_without_a_seat_has_none_to_change(self, alliance: Alliance) -> None:
        call = alliance.seats.functions.changeVoter(LANTIAN.id, NEW_KEY)

        assert alliance.refusal(call, alliance.timelock.address) == Refusal(
            "NoSeat", {"memberId": LANTIAN.id}
        )


class TestSoulbound:
    def test_a_seat_is_not_transferred(self, alliance: Alliance) -> None:
        token = int.from_bytes(WANGCHAO.id, "big")
        seats = alliance.seats.functions
        for call in (
            seats.transferFrom(WANGCHAO.voter, MALLORY.address, token),
            seats["safeTransferFrom(address,address,uint256)"](WANGCHAO.voter, MALLORY.address, token),
            seats["safeTransferFrom(address,address,uint256,bytes)"](
                WANGCHAO.voter, MALLORY.address, token, b""
            ),
            seats.approve(MALLORY.address, token),
        ):
            refusal = alliance.refusal(call, WANGCHAO.voter)
            assert refusal == Refusal("SeatNotTransferable", {"memberId": WANGCHAO.id})

    def test_no_agent_is_approved(self, alliance: Alliance) -> None:
        call = alliance.seats.functions.setApprovalForAll(MALLORY.address, True)

        refusal = alliance.refusal(call, WANGCHAO.voter)

        assert refusal == Refusal("ApprovalRefused", {"owner": WANGCHAO.voter.lower()})

    def test_a_vote_is_not_delegated(self, alliance: Alliance) -> None:
        refusal = alliance.refusal(alliance.seats.functions.delegate(DONGLI.voter), WANGCHAO.voter)

        assert refusal == Refusal("DelegationRefused", {"account": WANGCHAO.voter.lower()})

    def test_nor_by_signature(self, alliance: Alliance) -> None:
        expiry = alliance.now + 10_000
        signed = WANGCHAO.key.sign_typed_data(
            {
                "name": "Consortium Seats",
                "version": "1",
                "chainId": alliance.ledger.eth.chain_id,
                "verifyingContract": alliance.seats.address,
            },
            {
                "Delegation": [
                    {"name": "delegatee", "type": "address"},
                    {"name": "nonce", "type": "uint256"},
                    {"name": "expiry", "type": "uint256"},
                ]
            },
            {"delegatee": DONGLI.voter, "nonce": 0, "expiry": expiry},
        )
        call = alliance.seats.functions.delegateBySig(
            DONGLI.voter, 0, expiry, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
        )

        refusal = alliance.refusal(call, MALLORY.address)

        assert refusal == Refusal("DelegationRefused", {"account": WANGCHAO.voter.lower()})

    def test_everybody_is_their_own_delegate(self, alliance: Alliance) -> None:
        assert alliance.seats.functions.delegates(WANGCHAO.voter).call() == WANGCHAO.voter
        assert alliance.weight(WANGCHAO.voter) == 1


def test_the_clock_is_the_blocks_timestamp(alliance: Alliance) -> None:
    block = alliance.ledger.eth.get_block("latest")

    assert alliance.seats.functions.clock().call() == block["timestamp"]
    assert alliance.seats.functions.CLOCK_MODE().call() == "mode=timestamp"
