"""Our rules, held against the contract on a running ledger for electorates and votes of all sorts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_utils.abi import function_abi_to_4byte_selector
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import HTTPProvider, Web3

from consortium.stack.embedded import EmbeddedLedger
from governance.proposals import rules
from governance.proposals.rules import Weightiness
from tests.contracts.alliance import (
    CONSTITUTIONAL,
    FOUNDER,
    MEMBERSHIP,
    ROUTINE,
    Alliance,
    Bank,
    Proposal,
)
from tests.factories import uscc

electorates = st.lists(st.integers(0, 4), min_size=6, max_size=6).filter(any)
STATES = {
    0: rules.State.PENDING,
    1: rules.State.VOTING,
    3: rules.State.DEFEATED,
    4: rules.State.SUCCEEDED,
}


@pytest.fixture(scope="module")
def bare(own_ledger: EmbeddedLedger) -> Iterator[Alliance]:
    """Contracts without a single seat yet."""
    web3 = Web3(HTTPProvider(own_ledger.url))
    web3.provider.make_request("anvil_autoImpersonateAccount", [True])  # type: ignore[arg-type]
    before = web3.provider.make_request("evm_snapshot", [])["result"]  # type: ignore[arg-type]
    yield Alliance.deployed(web3)
    web3.provider.make_request("evm_revert", [before])  # type: ignore[arg-type]


def banks_of(electorate: list[int]) -> list[Bank]:
    return [
        Bank(f"Bank {number} of category {category}", uscc(700_000 + 10 * category + number), category)
        for category, seats in enumerate(electorate, start=1)
        for number in range(seats)
    ]


def opened(bare: Alliance, kind: int, banks: list[Bank]) -> Proposal:
    """A proposal of that kind, founded by ``banks``, that takes votes now."""
    bare.found(*banks)
    bare.hand_over()
    bare.send(bare.seats.functions.closeFounding(bare.governor.address), FOUNDER)
    seats = bare.seats.functions
    call = {
        ROUTINE: bare.registry.functions.remove(b"settlement".ljust(32, b"\0"), b"n" * 64),
        MEMBERSHIP: seats.suspend(banks[0].id),
        CONSTITUTIONAL: seats.revoke(banks[0].id),
    }[kind]
    return bare.opened(call)


def count_of(bare: Alliance, proposal: Proposal) -> tuple[int, rules.Count]:
    """Kind and count, as the contract tells them; the rule and the numbers alone."""
    kind, rule = bare.governor.functions.ruleOf(proposal.id).call()
    electorate, against, favour, abstain = bare.governor.functions.tally(proposal.id).call()
    votes = [
        (number, support, weight)
        for support, weights in ((0, against), (1, favour), (2, abstain))
        for number, weight in enumerate(weights, start=1)
    ]
    stored = {"quorum": rule[:2], "approval": rule[2:4], "categories": rule[4]}
    return kind, rules.Count(rules.Rule.read(stored), rules.by_category(electorate, votes))


def agree(bare: Alliance, proposal: Proposal, kind: int, mine: rules.Count) -> None:
    """Rule, tally, outlook and state are those of the contract."""
    theirs = count_of(bare, proposal)
    assert theirs == (kind, mine)
    outlook = rules.outlook(mine)
    assert tuple(bare.governor.functions.outlook(proposal.id).call()) == (
        outlook.passes,
        outlook.possible,
        outlook.decided,
        outlook.quorum_missing,
        outlook.approval_missing,
        outlook.categories_missing,
    )
    votes = mine.tally
    assert bare.tally(proposal) == (votes.against, votes.in_favour, votes.abstain)
    expected = rules.State.VOTING
    if outlook.decided:
        expected = rules.State.SUCCEEDED if outlook.passes else rules.State.DEFEATED
    assert STATES[bare.state(proposal)] == expected


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), electorates, st.sampled_from([ROUTINE, MEMBERSHIP, CONSTITUTIONAL]))
def test_after_every_vote_we_say_what_the_contract_says(
    bare: Alliance, data: st.DataObject, electorate: list[int], kind: int
) -> None:
    before = bare.rpc("evm_snapshot")
    try:
        banks = banks_of(electorate)
        proposal = opened(bare, kind, banks)
        cast: list[tuple[int, int, int]] = []
        rule = count_of(bare, proposal)[1].rule
        agree(bare, proposal, kind, rules.Count(rule, rules.by_category(electorate, cast)))
        for bank in data.draw(st.permutations(banks)):
            if bare.state(proposal) != 1:
                return
            support = data.draw(st.sampled_from([0, 1, 1, 2]))
            bare.send(bare.governor.functions.castVote(proposal.id, support), bank.voter)
            cast.append((bank.category, support, 1))
            agree(bare, proposal, kind, rules.Count(rule, rules.by_category(electorate, cast)))
    finally:
        assert bare.rpc("evm_revert", before)


def test_the_kind_of_every_call_is_the_contracts(bare: Alliance) -> None:
    contracts = {
        bare.seats.address: bare.seats,
        bare.registry.address: bare.registry,
        bare.governor.address: bare.governor,
        bare.timelock.address: bare.timelock,
    }
    kinds = set()
    for target, contract in contracts.items():
        for item in contract.abi:
            if item["type"] != "function":
                continue
            selector = "0x" + function_abi_to_4byte_selector(item).hex()
            kind = bare.governor.functions.kindOf([target], [selector]).call()
            mine = rules.weightiness(
                [(target, selector)], seats=bare.seats.address, registry=bare.registry.address
            )
            assert mine == kind, item["name"]
            kinds.add(mine)
    assert kinds == set(Weightiness)
