"""Whatever is decided, in whatever order: votes and seats stay in step, and the past stays as it was."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.alliance import (
    ACTIVE,
    DONGLI,
    HAITANG,
    LANTIAN,
    NONE,
    QIONGTAI,
    SUSPENDED,
    WANGCHAO,
    YUNFAN,
    Alliance,
    Bank,
    person,
    sent,
)

MEMBERS = (WANGCHAO, DONGLI, LANTIAN)
OTHER_SEATS = 3  # founding members about whom nothing is decided here
SPARE = tuple(str(person(f"officer {number}").address) for number in range(2))
ADDRESSES = (*SPARE, *(bank.voter for bank in MEMBERS))

Decision = tuple[str, Bank, str]
DECISIONS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "suspend", "reinstate", "revoke", "changeVoter"]),
        st.sampled_from(MEMBERS),
        st.sampled_from(ADDRESSES),
    ),
    min_size=1,
    max_size=10,
)


@dataclass
class Model:
    """The rules of the seats in a few lines: each member's status and voting address."""

    status: dict[Bank, int] = field(default_factory=lambda: {WANGCHAO: ACTIVE, DONGLI: ACTIVE})
    voter: dict[Bank, str] = field(default_factory=lambda: {WANGCHAO: WANGCHAO.voter, DONGLI: DONGLI.voter})

    def decide(self, action: str, bank: Bank, address: str) -> bool:
        """Carry out a decision; False, and nothing changed, if the rules refuse it."""
        if not self.allows(action, bank, address):
            return False
        if action == "revoke":
            del self.status[bank], self.voter[bank]
        elif action == "suspend":
            self.status[bank] = SUSPENDED
        elif action == "changeVoter":
            self.voter[bank] = address
        else:
            self.status[bank] = ACTIVE
            self.voter[bank] = address if action == "grant" else self.voter[bank]
        return True

    def allows(self, action: str, bank: Bank, address: str) -> bool:
        status = self.status.get(bank, NONE)
        free = address not in self.voter.values()
        return {
            "grant": status == NONE and free,
            "suspend": status == ACTIVE,
            "reinstate": status == SUSPENDED,
            "revoke": status != NONE,
            "changeVoter": status != NONE and free,
        }[action]

    def weights(self) -> list[int]:
        active = {self.voter[bank] for bank, status in self.status.items() if status == ACTIVE}
        return [int(address in active) for address in ADDRESSES]

    def supplies(self) -> list[int]:
        active = [bank for bank, status in self.status.items() if status == ACTIVE]
        seated = [bank.category for bank in (*active, QIONGTAI, HAITANG, YUNFAN)]
        return [seated.count(category) for category in range(1, 7)]


def decide(alliance: Alliance, decision: Decision) -> bool:
    """The same on the ledger."""
    action, bank, address = decision
    arguments = {"grant": (bank.id, bank.category, address), "changeVoter": (bank.id, address)}
    call = alliance.seats.functions[action](*arguments.get(action, (bank.id,)))
    sender = {"from": alliance.timelock.address, "gas": 1_000_000, "gasPrice": 0}
    return sent(alliance.ledger, call.transact(sender))["status"] == 1


@settings(max_examples=12, deadline=None)
@given(decisions=DECISIONS)
def test_votes_follow_the_seats_and_the_past_does_not_change(
    founded: Alliance, decisions: list[Decision]
) -> None:
    before = founded.rpc("evm_snapshot")
    try:
        follow(founded, decisions)
    finally:
        assert founded.rpc("evm_revert", before)


def follow(alliance: Alliance, decisions: list[Decision]) -> None:
    model, history, seats = Model(), {}, alliance.seats.functions
    for decision in decisions:
        alliance.next_block_at(alliance.now + 10)
        assert decide(alliance, decision) == model.decide(*decision), decision
        history[alliance.now] = model.weights(), model.supplies()
    alliance.mine_at(alliance.now + 10)

    for moment, (weights, supplies) in history.items():
        assert [seats.getPastVotes(address, moment).call() for address in ADDRESSES] == weights
        assert seats.getPastTotalSupply(moment).call() == sum(weights) + OTHER_SEATS == sum(supplies)
        assert seats.getPastCategorySupplies(moment).call() == supplies
    assert seats.seatCount().call() == len(model.status) + OTHER_SEATS
    for bank in MEMBERS:
        status = model.status.get(bank, NONE)
        assert alliance.seat(bank)[2] == status
        if status != NONE:
            assert seats.memberOf(model.voter[bank]).call() == bank.id
