"""What a member writes to the ledger with its own key is hostile input: following goes on, whatever it is."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from web3 import Web3

from consortium.core.models import Event
from consortium.members.models import Institution
from governance.chain import calls, indexer, selectors
from governance.chain.calls import Call
from governance.chain.models import CastVote, ChainEvent, OnChainProposal
from tests.chain.world import FOR, World, rows
from tests.factories import voter_of

UNREADABLE = "\ufffd"  # what stands for what can't be read or stored
HOSTILE = {
    "a NUL at the end": (b"because\0", "because" + UNREADABLE),
    "no UTF-8 at all": (b"\xff\xfe\xfd\xfc", UNREADABLE * 4),
    "half a surrogate pair": (b"\xed\xa0\x80 half", UNREADABLE * 3 + " half"),
    "cut in the middle of a character": ("\u5408".encode()[:2], UNREADABLE),
    "nothing but NULs": (b"\0" * 40, UNREADABLE * 40),
    "control characters": (b"\x1b[2J\x07\x08", "\x1b[2J\x07\x08"),
    "very long": (b"long " * 30_000, "long " * 30_000),
}
texts = pytest.mark.parametrize(("written", "kept"), HOSTILE.values(), ids=HOSTILE.keys())


def _call(world: World, signature: str, types: list[str], *arguments: object) -> Call:
    """A call of the governor; ``string`` given as ``bytes`` is encoded alike, and may be no text."""
    selector = Web3.keccak(text=signature)[:4]
    return Call(world.ledger.governor, 0, "0x" + (selector + encode(types, arguments)).hex())


def _vote_with_reason(world: World, proposal: int, reason: bytes) -> Call:
    signature = "castVoteWithReason(uint256,uint8,string)"
    return _call(world, signature, ["uint256", "uint8", "bytes"], proposal, FOR, reason)


def _propose(world: World, action: Call, description: bytes) -> Call:
    signature = "propose(address[],uint256[],bytes[],string)"
    data = bytes.fromhex(action.data[2:])
    types = ["address[]", "uint256[]", "bytes[]", "bytes"]
    return _call(world, signature, types, [action.target], [0], [data], description)


def _everybody_else_goes_on(world: World, banks: list[Institution]) -> None:
    """Another proposal is opened and decided, and a rebuild says the same."""
    world.decides(calls.suspend_seat(world.ledger, uscc=banks[4].uscc), banks=banks[:4], text="Go on")
    world.follow()
    assert selectors.head().block == world.height
    assert banks[4].uscc not in selectors.active_member_ids()
    before = rows(world.ledger)
    indexer.rebuild(world.ledger)
    assert rows(world.ledger) == before


@texts
def test_a_vote_with_a_hostile_reason_counts_and_halts_nobody(
    founded: World, banks: list[Institution], written: bytes, kept: str
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[3].uscc))
    assert founded.bank_sends(banks[0], _vote_with_reason(founded, proposal, written))["status"] == 1
    founded.follow()
    assert CastVote.objects.get().member_id == banks[0].uscc
    assert ChainEvent.objects.get(name="VoteCast").args["reason"] == kept
    _everybody_else_goes_on(founded, banks)


@texts
def test_a_proposal_with_a_hostile_description_is_listed_and_halts_nobody(
    founded: World, banks: list[Institution], written: bytes, kept: str
) -> None:
    action = calls.suspend_seat(founded.ledger, uscc=banks[3].uscc)
    binding = founded.described("", proposer=voter_of(banks[0]).address)
    proposed = _propose(founded, action, written + binding.encode())
    assert founded.bank_sends(banks[0], proposed)["status"] == 1
    founded.follow()
    assert OnChainProposal.objects.get().description == kept + binding
    assert ChainEvent.objects.get(name="ProposalCreated").args["description"] == kept + binding
    _everybody_else_goes_on(founded, banks)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)", 7),
        ("ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)", 320),
        ("VoteCast(address,uint256,uint8,uint256,string)", 64),  # and without its second topic
        ("ProposalQueued(uint256,uint256)", 0),
    ],
)
def test_a_log_that_is_not_what_it_says_is_kept_raw_and_recorded(
    founded: World, banks: list[Institution], event: str, data: int
) -> None:
    """A governor of somebody's own making, for a moment: nothing but such a log."""
    code = founded.client.eth.get_code(Web3.to_checksum_address(founded.ledger.governor)).to_0x_hex()
    topic = Web3.keccak(text=event).hex()
    ones = "600019600052600019602052600019604052"  # three words of ff in memory, the rest zeros
    lies = f"0x{ones}7f{topic}61{data:04x}6000a100"  # LOG1, STOP
    founded.rpc("anvil_setCode", founded.ledger.governor, lies)
    receipt = founded.anybody_sends(Call(founded.ledger.governor, 0, "0x"))
    assert len(receipt["logs"]) == 1
    founded.rpc("anvil_setCode", founded.ledger.governor, code)
    founded.follow()
    kept = ChainEvent.objects.get(name="Undecodable")
    log = receipt["logs"][0]
    assert kept.args == {
        "event": event.partition("(")[0],
        "topics": ["0x" + topic],
        "data": log["data"].to_0x_hex(),
    }
    told = Event.objects.get(action="ledger.log_not_decoded")
    assert (told.data["tx_hash"], told.data["block"]) == (kept.tx_hash, kept.block)
    _everybody_else_goes_on(founded, banks)
    assert Event.objects.filter(action="ledger.log_not_decoded").count() == 1
