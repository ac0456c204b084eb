"""From the founding to a node's role and back, by nothing but members' signatures."""

from __future__ import annotations

from web3 import Web3
from web3.contract.contract import ContractFunction

from tests.contracts.alliance import (
    AGAINST,
    DEFEATED,
    EXECUTED,
    FOR,
    LANTIAN,
    MALLORY,
    OPEN,
    SEALER,
    SUCCEEDED,
    Alliance,
    Bank,
    padded,
    person,
)

NETWORK = padded("settlement-main")
NODE = person("Lantian Trust's node")._key_obj.public_key.to_bytes()
TWENTY = [Bank(f"Bank {number}", f"91440300M{number:09d}", number % 6 + 1) for number in range(1, 21)]


def vote(alliance: Alliance, banks: list[Bank], support: int, *calls: ContractFunction) -> int:
    """The banks vote on a proposal of these calls; the state in which it ends."""
    proposal = alliance.opened(*calls)
    for bank in banks:
        if alliance.state(proposal) == OPEN:
            alliance.cast(bank, proposal, support)
    if alliance.state(proposal) == OPEN:
        alliance.close(proposal)
    if alliance.state(proposal) == SUCCEEDED:
        alliance.queue(proposal, sender=MALLORY.address)
        alliance.wait(proposal)
        alliance.execute(proposal, sender=MALLORY.address)
    return alliance.state(proposal)


def test_twenty_members_admit_another_and_its_node_and_expel_them_again(ledger: Web3) -> None:
    alliance = Alliance.established(ledger, *TWENTY)
    seats, registry = alliance.seats.functions, alliance.registry.functions
    admission = registry.setRole(NETWORK, NODE, LANTIAN.id, SEALER)
    twelve = TWENTY[:12]  # two of each category

    assert vote(alliance, TWENTY[:9], FOR, seats.grant(*LANTIAN.seat)) == DEFEATED
    assert vote(alliance, twelve, FOR, seats.grant(*LANTIAN.seat)) == EXECUTED
    assert alliance.weight(LANTIAN.voter) == 1

    assert vote(alliance, [*TWENTY[:11], LANTIAN], FOR, admission) == EXECUTED
    assert registry.roleOf(NETWORK, NODE).call() == [SEALER, LANTIAN.id]

    assert vote(alliance, twelve, AGAINST, registry.remove(NETWORK, NODE)) == DEFEATED
    assert registry.roleOf(NETWORK, NODE).call() == [SEALER, LANTIAN.id]

    expulsion = registry.remove(NETWORK, NODE), seats.revoke(LANTIAN.id)
    assert vote(alliance, twelve, FOR, *expulsion) == DEFEATED  # that takes 14 of 21
    assert vote(alliance, TWENTY, FOR, *expulsion) == EXECUTED
    assert registry.roleOf(NETWORK, NODE).call() == [0, bytes(32)]
    assert seats.seatCount().call() == 20
    assert alliance.weight(LANTIAN.voter) == 0
