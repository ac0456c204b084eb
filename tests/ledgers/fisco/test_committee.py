"""What the committee decides, seen from the console: points of the published interface, one by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from governance.chain.ledgers.base import State
from governance.contracts import fisco
from tests.ledgers.fisco.world import NODES, Town


def test_a_proposal_is_known_with_what_it_does_though_the_chain_cant_tell(town: Town) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    town.work()
    kept = town.proposal(number)
    assert kept.arguments == {"node": NODES[4], "weight": 0, "add": True}
    assert (kept.type, kept.proposer) == (51, town.people["Wangchao"].address)
    assert kept.created_tx.startswith("0x")
    assert [vote.voter for vote in town.ledger.votes.all()] == [kept.proposer]  # it voted by proposing


def test_what_passes_is_carried_out_by_the_deciding_vote(town: Town) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    receipt = town.vote("Dongli", number)
    town.work()
    kept = town.proposal(number)
    assert (kept.status, kept.exec_code, kept.applied) == (fisco.PASSED, 0, True)
    assert kept.closed_tx == receipt["transactionHash"].to_0x_hex()
    assert town.committee.proposal(str(number)).state is State.APPLIED


def test_passed_is_not_applied(town: Town) -> None:
    """Point 4: receipt and proposal say that all went well, and only execResult that it did not."""
    number = town.open("Wangchao", 51, node=NODES[4], weight=1, add=True)  # a sealer that never observed
    receipt = town.vote("Dongli", number)
    assert receipt["status"] == 1
    town.work()
    kept = town.proposal(number)
    assert (kept.status, kept.exec_code, kept.applied) == (fisco.PASSED, -51104, False)
    found = town.committee.proposal(str(number))
    assert (found.state, found.error_code) == (State.NOT_APPLIED, -51104)


@pytest.mark.parametrize(
    ("type_", "arguments"),
    [
        (11, {"account": "0x00000000000000000000000000000000000000AA", "weight": 5}),
        (12, {"participates_rate": 51, "win_rate": 67}),
        (13, {"computer": "0x00000000000000000000000000000000000000bb"}),
        (21, {"deploy_type": 1}),
        (22, {"account": "0x00000000000000000000000000000000000000AA", "open": True}),
        (
            31,
            {
                "admin": "0x00000000000000000000000000000000000000AA",
                "contract": "0x00000000000000000000000000000000000000cc",
            },
        ),
        (41, {"key": "tx_count_limit", "value": "2000"}),
        (51, {"node": NODES[4], "weight": 0, "add": True}),
        (52, {"node": NODES[1]}),
    ],
)
def test_every_type_is_opened_and_read_back(town: Town, type_: int, arguments: dict[str, object]) -> None:
    if type_ == 13:
        arguments = {"computer": town.view("_voteComputer", to=town.committee.addresses().proposals)}
    number = town.open("Haitang", type_, **arguments)
    town.work()
    kept = town.proposal(number)
    assert (kept.type, kept.arguments) == (type_, arguments)
    assert town.view("getProposalType", number) == type_


def test_a_denial_is_for_good_though_votes_are_outstanding(make_town: Callable[..., Town]) -> None:
    town = make_town((60, 60), Wangchao=2, Dongli=3, Haitang=5)
    number = town.open("Wangchao", 52, node=NODES[1])
    town.vote("Haitang", number, agree=False)  # 7 of 10 voted, 2 of 7 agree; Dongli's 3 come too late
    town.work()
    assert town.proposal(number).status == fisco.DENIED
    assert town.send("Dongli", fisco.call(fisco.VOTE, {"proposal": number, "agree": True}))["status"] == 0
