"""Guardians sign outside, anyone relays: what counts as their confirmation, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from governance.contracts.errors import Refusal
from governance.guardian import confirmation
from governance.guardian.confirmation import BadConfirmation, Freeze
from tests.contracts.alliance import MALLORY, SECRETARIAT, Alliance, padded, person
from tests.contracts.guardians import (
    ANOTHER_REASON,
    GU,
    HE,
    HOUR,
    MA,
    MAINNET,
    NODE,
    REASON,
    ROUND,
    admit,
    confirm,
    confirmed,
    confirming,
    is_frozen,
    relaying,
    relaying_cancel,
    sign_cancel,
    sign_freeze,
)

SECOND_NODE = person("Wangchao Bank's second node")._key_obj.public_key.to_bytes()
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def guarded(alliance: Alliance) -> Alliance:
    """Wangchao Bank has a sealer; two of three guardians may freeze it."""
    admit(alliance)
    return alliance


def signed(alliance: Alliance, guardian: Any, until: int = 0, /, **wrong: Any) -> Any:
    """The call that relays a guardian's confirmation, good for a day unless told otherwise."""
    deadline = until or alliance.now + ROUND
    return relaying(alliance, guardian, deadline, sign_freeze(alliance, guardian, deadline, **wrong))


def refused(alliance: Alliance, call: Any) -> Refusal:
    return alliance.refusal(call, SECRETARIAT)


INVALID = Refusal("InvalidConfirmation", {"guardian": GU.address.lower()})


def test_two_signatures_freeze_a_node(guarded: Alliance) -> None:
    guarded.send(signed(guarded, GU), SECRETARIAT)
    assert not is_frozen(guarded)
    assert confirmed(guarded) == [GU.address]

    guarded.send(signed(guarded, HE), SECRETARIAT)

    assert is_frozen(guarded)


def test_so_do_one_and_a_transaction(guarded: Alliance) -> None:
    guarded.send(signed(guarded, MA), str(MALLORY.address))

    confirm(guarded, GU)

    assert is_frozen(guarded)


def test_a_guardian_counts_once_in_either_way(guarded: Alliance) -> None:
    confirm(guarded, GU)

    assert refused(guarded, signed(guarded, GU)).name == "AlreadyConfirmed"


def test_nor_twice_by_signature(guarded: Alliance) -> None:
    guarded.send(signed(guarded, GU), SECRETARIAT)

    assert refused(guarded, signed(guarded, GU)).name == "AlreadyConfirmed"
    assert guarded.refusal(confirming(guarded), str(GU.address)).name == "AlreadyConfirmed"


def test_an_outsiders_own_signature_does_not_count(guarded: Alliance) -> None:
    refusal = refused(guarded, signed(guarded, MALLORY))

    assert refusal == Refusal("NotAGuardian", {"account": MALLORY.address.lower()})


def twin(signature: bytes) -> bytes:
    """Another signature of the same thing by the same key: s above half the order, and the other v."""
    s = SECP256K1_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


@pytest.mark.parametrize(
    "form",
    [twin, lambda it: it[:64] + bytes([it[64] - 27]), lambda it: it[:64], lambda it: it + b"\0"],
    ids=["high s", "v from 0", "without v", "longer"],
)
def test_each_signature_counts_in_one_form_here_and_off_the_ledger(
    guarded: Alliance, form: Callable[[bytes], bytes]
) -> None:
    deadline, reason = guarded.now + ROUND, "Its key was found on a stolen disk."
    assert confirmation.reason_hash(reason) == REASON
    key = guarded.break_glass.functions.freezeNonceKey(MAINNET, NODE, REASON).call()
    freeze = Freeze(
        chain_id=guarded.ledger.eth.chain_id,
        contract=guarded.break_glass.address,
        reason=reason,
        guardian=str(GU.address),
        nonce=guarded.break_glass.functions.nonces(GU.address, key).call(),
        deadline=deadline,
        network="settlement-main",
        consensus_id=NODE.hex(),
    )
    good = sign_freeze(guarded, GU, deadline)
    assert confirmation.recover(freeze, "0x" + good.hex()) == GU.address

    assert refused(guarded, relaying(guarded, GU, deadline, form(good))) == INVALID
    with pytest.raises(BadConfirmation):
        confirmation.recover(freeze, "0x" + form(good).hex())


@pytest.mark.parametrize(
    "wrong",
    [
        {"signer": MALLORY},
        {"signer": HE},
        {"chain": 1},
        {"contract": MALLORY.address},
        {"network": padded("settlement-test")},
        {"consensusId": SECOND_NODE},
        {"reasonHash": ANOTHER_REASON},
        {"guardian": HE.address},
        {"nonce": 0},
        {"deadline": 2**255},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_signature_counts_for_exactly_what_was_signed(guarded: Alliance, wrong: dict[str, Any]) -> None:
    assert refused(guarded, signed(guarded, GU, **wrong)) == INVALID


def test_one_for_a_cancellation_is_none_for_a_freeze(guarded: Alliance) -> None:
    deadline = guarded.now + ROUND
    proposal = guarded.propose(guarded.registry.functions.remove(MAINNET, NODE))
    signature = sign_cancel(guarded, GU, proposal, deadline)

    assert refused(guarded, relaying(guarded, GU, deadline, signature)) == INVALID


def test_it_counts_until_its_deadline(guarded: Alliance) -> None:
    deadline = guarded.now + HOUR
    call = signed(guarded, GU, deadline)
    guarded.next_block_at(deadline)

    guarded.send(call, SECRETARIAT)

    assert confirmed(guarded) == [GU.address]


def test_and_no_longer(guarded: Alliance) -> None:
    deadline = guarded.now + HOUR
    call = signed(guarded, GU, deadline)
    guarded.mine_at(deadline + 1)

    refusal = guarded.refusal(call, SECRETARIAT, block="latest")

    assert refusal == Refusal("ConfirmationExpired", {"deadline": deadline, "clock": deadline + 1})


class TestReplay:
    def test_in_the_next_round(self, guarded: Alliance) -> None:
        call = signed(guarded, GU, guarded.now + 10 * ROUND)
        guarded.send(call, SECRETARIAT)
        guarded.mine_at(guarded.now + ROUND + 1)
        assert confirmed(guarded) == []

        assert refused(guarded, call) == INVALID

    def test_after_the_node_has_rested(self, guarded: Alliance) -> None:
        calls = [signed(guarded, guardian, 2**47) for guardian in (GU, HE)]
        for call in calls:
            guarded.send(call, SECRETARIAT)
        guarded.mine_at(guarded.registry.functions.freezeOf(MAINNET, NODE).call()[2] + 1)

        assert refused(guarded, calls[0]) == INVALID

    def test_after_the_guardians_have_changed(self, guarded: Alliance) -> None:
        call = signed(guarded, GU)
        guarded.send(call, SECRETARIAT)
        guarded.rule(guarded.break_glass.functions.setGuardians([GU.address, MA.address], 2))

        assert refused(guarded, call) == INVALID

    def test_of_a_guardian_who_left(self, guarded: Alliance) -> None:
        call = signed(guarded, GU)
        guarded.rule(guarded.break_glass.functions.setGuardians([HE.address, MA.address], 2))

        assert refused(guarded, call).name == "NotAGuardian"

    def test_with_the_other_half_of_the_curve(self, guarded: Alliance) -> None:
        """(r, n - s) verifies wherever (r, s) does; only the lower s counts."""
        deadline = guarded.now + ROUND
        signature = sign_freeze(guarded, GU, deadline)
        s = SECP256K1_ORDER - int.from_bytes(signature[32:64])
        twin = signature[:32] + s.to_bytes(32) + bytes([signature[64] ^ 7])

        assert refused(guarded, relaying(guarded, GU, deadline, twin)) == INVALID


def test_a_refused_signature_uses_up_nothing(guarded: Alliance) -> None:
    """Mallory can't make a guardian's signature worthless by sending a wrong one first."""
    call = signed(guarded, GU)
    forged = signed(guarded, GU, signer=MALLORY)
    transaction = forged.transact({"from": MALLORY.address, "gas": 1_000_000, "gasPrice": 0})
    assert guarded.ledger.eth.wait_for_transaction_receipt(transaction)["status"] == 0

    guarded.send(call, SECRETARIAT)

    assert confirmed(guarded) == [GU.address]


def test_matters_do_not_wait_for_each_other(guarded: Alliance) -> None:
    """Two confirmations signed at once are relayed in either order: each matter has nonces of its own."""
    deadline = guarded.now + ROUND
    first = sign_freeze(guarded, GU, deadline)
    proposal = guarded.propose(guarded.registry.functions.remove(MAINNET, NODE))
    second = sign_cancel(guarded, GU, proposal, deadline)

    guarded.send(relaying_cancel(guarded, GU, proposal, deadline, second), SECRETARIAT)
    guarded.send(relaying(guarded, GU, deadline, first), SECRETARIAT)

    assert confirmed(guarded) == [GU.address]
    pending = guarded.break_glass.functions.cancelConfirmations(proposal.id, REASON)
    assert pending.call()[0] == [GU.address]


@given(place=st.integers(0, 64), bit=st.integers(0, 7))
def test_a_signature_with_any_bit_changed_is_none(founded: Alliance, place: int, bit: int) -> None:
    deadline = founded.now + ROUND
    signature = bytearray(sign_freeze(founded, GU, deadline))
    signature[place] ^= 1 << bit

    assert refused(founded, relaying(founded, GU, deadline, bytes(signature))) == INVALID


@given(signature=st.binary(max_size=100))
def test_nor_is_anything_else(founded: Alliance, signature: bytes) -> None:
    assert refused(founded, relaying(founded, GU, founded.now + ROUND, signature)) == INVALID


def test_the_nonce_is_told(guarded: Alliance) -> None:
    contract = guarded.break_glass.functions
    key = contract.freezeNonceKey(MAINNET, NODE, REASON).call()
    typehash = Web3.keccak(
        text="FreezeConfirmation(bytes32 network,bytes consensusId,bytes32 reasonHash,"
        "address guardian,uint256 nonce,uint256 deadline)"
    )
    assert contract.FREEZE_TYPEHASH().call() == bytes(typehash)
    assert contract.nonces(GU.address, key).call() == key << 64

    guarded.send(signed(guarded, GU), SECRETARIAT)

    assert contract.nonces(GU.address, key).call() == (key << 64) + 1
