"""Calls are built as the contracts read them, and read back in plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.chain import calls, contracts
from governance.chain.calls import Call
from governance.chain.errors import InvalidChainText, UnknownCall
from governance.chain.models import Ledger
from tests.chain.world import World
from tests.factories import consensus_id, uscc, voter

LEDGER = Ledger(
    slug="paper",
    chain_id=1,
    seats="0x" + "11" * 20,
    governor="0x" + "22" * 20,
    registry="0x" + "33" * 20,
    timelock="0x" + "44" * 20,
    break_glass="0x" + "55" * 20,
)
BANK, VOTER, NODE = uscc(7), voter(7).address, consensus_id(7)

RULE = ("quorumNum", "quorumDen", "approvalNum", "approvalDen", "categories")

WORDS = {
    "grant": (calls.grant_seat(LEDGER, uscc=BANK, category=3, voter=VOTER), (BANK, 3, VOTER)),
    "suspend": (calls.suspend_seat(LEDGER, uscc=BANK), (BANK,)),
    "reinstate": (calls.reinstate_seat(LEDGER, uscc=BANK), (BANK,)),
    "revoke": (calls.revoke_seat(LEDGER, uscc=BANK), (BANK,)),
    "changeVoter": (calls.change_voter(LEDGER, uscc=BANK, voter=VOTER), (BANK, VOTER)),
    "setRole": (
        calls.set_role(LEDGER, network="settlement", consensus_id=NODE, uscc=BANK, role=2),
        ("settlement", "0x" + NODE, BANK, 2),
    ),
    "setAccount": (
        calls.set_account(LEDGER, network="settlement", account=VOTER, uscc=BANK, permission=2),
        ("settlement", VOTER, BANK, 2),
    ),
    "ratifyFreeze": (
        calls.ratify_freeze(LEDGER, network="settlement", consensus_id=NODE, number=7),
        ("settlement", "0x" + NODE, 7),
    ),
    "thaw": (
        calls.thaw_node(LEDGER, network="settlement", consensus_id=NODE),
        ("settlement", "0x" + NODE),
    ),
    "setRule": (
        calls.set_rule(LEDGER, kind=1, quorum=(1, 2), approval=(2, 3), categories=3),
        (1, dict(zip(RULE, (1, 2, 2, 3, 3), strict=True))),
    ),
    "setGuardians": (calls.set_guardians(LEDGER, guardians=[VOTER], threshold=2), ([VOTER], 2)),
    "setVotingPeriod": (calls.set_terms(LEDGER, voting_period=60)[0], (60,)),
    "updateDelay": (calls.set_terms(LEDGER, timelock=60)[0], (60,)),
    "grantRole": (
        calls.hand_over(LEDGER, governor=VOTER)[0],
        (contracts.PROPOSER_ROLE, VOTER),
    ),
    "remove": (
        calls.remove_node(LEDGER, network="settlement", consensus_id=NODE),
        ("settlement", "0x" + NODE),
    ),
}


def _home(name: str) -> str:
    """The contract that the function is of."""
    contract, _, _ = calls.decode_call(WORDS[name][0])
    return {
        contracts.SEATS: LEDGER.seats,
        contracts.REGISTRY: LEDGER.registry,
        contracts.GOVERNOR: LEDGER.governor,
        contracts.TIMELOCK: LEDGER.timelock,
        contracts.BREAK_GLASS: LEDGER.break_glass,
    }[contract]


@pytest.mark.parametrize("name", WORDS)
def test_what_a_proposal_does_is_read_back_in_plain_words(name: str) -> None:
    call, arguments = WORDS[name]
    decoded, values = calls.decode(call)
    assert (decoded, tuple(values.values())) == (name, arguments)
    assert call.target == _home(name)


def test_founding_lists_are_read_back_member_by_member() -> None:
    node = calls.NodeRole("settlement", NODE, BANK, 1)
    name, values = calls.decode(calls.found_nodes(LEDGER, [node]))
    assert (name, values["networks"], values["memberIds"]) == ("found", ["settlement"], [BANK])
    assert values["consensusIds"] == ["0x" + NODE]


def test_what_a_guardian_signed_is_read_back_with_its_content() -> None:
    action = calls.suspend_seat(LEDGER, uscc=BANK)
    reason, signature = "0x" + "ab" * 32, "0x" + "cd" * 65
    signed = calls.confirm_cancel_by_sig(
        LEDGER, [action], "A text", reason_hash=reason, guardian=VOTER, deadline=9, signature=signature
    )
    contract, name, values = calls.decode_call(signed)
    assert (contract, name, values["guardian"]) == (contracts.BREAK_GLASS, "confirmCancelBySig", VOTER)
    assert values["content"]["targets"] == [action.target]
    assert values["content"]["calldatas"] == [action.data]
    frozen = calls.confirm_freeze_by_sig(
        LEDGER,
        network="settlement",
        consensus_id=NODE,
        reason_hash=reason,
        guardian=VOTER,
        deadline=9,
        signature=signature,
    )
    name, values = calls.decode(frozen)
    assert (name, values["network"], values["consensusId"]) == (
        "confirmFreezeBySig",
        "settlement",
        "0x" + NODE,
    )


@pytest.mark.parametrize("data", ["0x", "0xa9", calls.suspend_seat(LEDGER, uscc=BANK).data[:40]])
def test_a_call_that_is_cut_off_is_no_known_one(data: str) -> None:
    with pytest.raises(UnknownCall):
        calls.decode(Call(LEDGER.seats, 0, data))


def test_a_name_that_is_no_text_is_shown_as_it_is() -> None:
    data = calls.suspend_seat(LEDGER, uscc=BANK).data
    odd = data[:10] + "ff" * 32
    assert calls.decode(Call(LEDGER.seats, 0, odd)) == ("suspend", {"memberId": "0x" + "ff" * 32})


def test_a_call_of_something_else_is_named_by_its_selector() -> None:
    with pytest.raises(UnknownCall, match="0xdeadbeef"):
        calls.decode(Call(LEDGER.seats, 0, "0xdeadbeef"))


def test_the_id_of_a_proposal_is_the_governors(world: World) -> None:
    actions, text = [calls.suspend_seat(world.ledger, uscc=BANK)], "暂停一家成员机构 #proposer=0x00"
    content = [call.target for call in actions], [0], [call.data for call in actions]
    on_chain = world.governor.functions.hashProposal(*content, world.client.keccak(text=text)).call()
    assert calls.proposal_id(actions, text) == on_chain


@given(st.text(min_size=1, max_size=20))
def test_only_what_the_contracts_take_becomes_a_member_id(text: str) -> None:
    fits = len(text) == 18 and all(letter in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" for letter in text)
    if fits:
        assert contracts.text(contracts.member_id_bytes(text)) == text
    else:
        with pytest.raises(InvalidChainText):
            contracts.member_id_bytes(text)


@pytest.mark.parametrize("slug", ["", "Settlement", "清算", "a" * 33, "a_b", "a b", "a\n"])
def test_a_network_that_the_registry_would_refuse_is_refused_here(slug: str) -> None:
    with pytest.raises(InvalidChainText):
        contracts.network_bytes(slug)


@pytest.mark.parametrize("slug", ["a", "settlement-2", "a" * 32])
def test_a_networks_name_comes_back_as_it_was(slug: str) -> None:
    assert contracts.text(contracts.network_bytes(slug)) == slug
