"""What a contract says counts only where it is that contract's to say."""

from __future__ import annotations

from eth_abi import encode
from eth_account import Account
from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3

from consortium.members.models import Institution
from governance.chain import calls, indexer
from governance.chain.calls import Call
from governance.chain.contracts import REGISTRY, SEATS
from governance.chain.models import ChainEvent, Governor, IndexedBlock, Seat
from governance.contracts import artifact
from tests.chain.world import World, rows

# Emits what it is given: LOG2 of the call data's first two words as topics and the rest as data.
_LOUDSPEAKER = "6014 80 600b 6000 39 6000 f3" + "6020 35 6000 35 6040 36 03 80 6040 6000 37 6000 a2 00"
GHOST = b"91440300GHOST00001".ljust(32, b"\0")
STRANGER = "0x" + "ab" * 20


def _loudspeaker(world: World) -> str:
    receipt = world.from_account(Account.create(), Call("", 0, "0x" + _LOUDSPEAKER.replace(" ", "")))
    address = receipt["contractAddress"]
    assert address is not None
    return address


def _says(world: World, speaker: str, contract: str, name: str, topic: bytes, data: bytes) -> None:
    event = next(abi for abi in artifact(contract)["abi"] if abi["type"] == "event" and abi["name"] == name)
    payload = event_abi_to_log_topic(event) + topic + data
    assert world.anybody_sends(Call(speaker, 0, "0x" + payload.hex()))["status"] == 1


def test_the_guardians_contract_can_grant_no_seat(founded: World, banks: list[Institution]) -> None:
    """Members let it freeze nodes, and it is followed for that; whatever else it says is nobody's word."""
    speaker = _loudspeaker(founded)
    guardian = calls.name_guardian(founded.ledger, break_glass=speaker)[:1]  # the registry's alone
    founded.decides(*guardian, banks=banks[:4])
    founded.follow()
    founded.ledger.refresh_from_db()
    assert founded.ledger.break_glass == speaker
    seats = set(Seat.objects.values_list("member_id", flat=True))
    _says(founded, speaker, SEATS, "SeatGranted", GHOST, encode(["uint8", "address"], [1, STRANGER]))
    _says(founded, speaker, REGISTRY, "GuardianSet", bytes(12) + Web3.to_bytes(hexstr=STRANGER), b"")
    founded.follow()

    assert IndexedBlock.objects.latest("number").number == founded.height
    assert set(Seat.objects.values_list("member_id", flat=True)) == seats
    assert not ChainEvent.objects.filter(contract=speaker).exists()
    assert not Governor.objects.filter(address=STRANGER).exists()
    before = rows(founded.ledger)
    indexer.rebuild(founded.ledger)
    assert rows(founded.ledger) == before
