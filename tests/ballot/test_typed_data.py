"""The ballot that we hash is the ballot that the governor recovers a signer from."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.ballot.typed_data import HIGHEST_S, BadSignature, Ballot, Support, keyed_nonce, recover, sign
from tests.contracts.alliance import FOR, MALLORY, SECRETARIAT, WANGCHAO, Alliance, Proposal

GOVERNOR = "0x" + "11" * 20
ballots = st.builds(
    Ballot,
    chain_id=st.integers(1, 2**64),
    governor=st.just(GOVERNOR),
    proposal_id=st.integers(0, 2**256 - 1),
    support=st.integers(0, 2),
    voter=st.just(WANGCHAO.voter),
    nonce=st.integers(0, 2**63),
)


def test_the_governor_counts_what_we_sign(alliance: Alliance, proposal: Proposal) -> None:
    nonce = keyed_nonce(proposal.id)
    ballot = Ballot(
        alliance.ledger.eth.chain_id, alliance.governor.address, proposal.id, FOR, WANGCHAO.voter, nonce
    )
    signature = bytes.fromhex(sign(ballot, WANGCHAO.key)[2:])

    alliance.send(alliance.casting(WANGCHAO, proposal, FOR, signature), SECRETARIAT)

    assert alliance.tally(proposal) == (0, 1, 0)
    assert signature == alliance.sign(WANGCHAO, proposal, FOR, nonce=nonce)


@settings(deadline=None)
@given(ballots)
def test_the_signer_is_recovered_from_exactly_this_ballot(ballot: Ballot) -> None:
    signature = sign(ballot, WANGCHAO.key)

    assert recover(ballot, signature) == WANGCHAO.voter
    assert sign(ballot, WANGCHAO.key) == signature
    other = Ballot(**{**ballot.__dict__, "support": (ballot.support + 1) % 3})
    assert recover(other, signature) != WANGCHAO.voter


@settings(deadline=None)
@given(ballots)
def test_the_mirrored_signature_is_refused(ballot: Ballot) -> None:
    raw = bytes.fromhex(sign(ballot, WANGCHAO.key)[2:])
    mirrored = (2 * HIGHEST_S + 1 - int.from_bytes(raw[32:64])).to_bytes(32)
    with pytest.raises(BadSignature):
        recover(ballot, (raw[:32] + mirrored + bytes([55 - raw[64]])).hex())


@settings(deadline=None)
@given(st.binary(max_size=70))
def test_any_bytes_are_no_signature_or_somebody_elses(raw: bytes) -> None:
    ballot = Ballot(1, GOVERNOR, 1, Support.FOR, WANGCHAO.voter, 0)
    try:
        signer = recover(ballot, raw.hex())
    except BadSignature:
        return
    assert signer != WANGCHAO.voter


def test_mallory_is_recognised(alliance: Alliance) -> None:
    ballot = Ballot(1, alliance.governor.address, 1, Support.FOR, WANGCHAO.voter, 0)
    assert recover(ballot, sign(ballot, MALLORY)) == MALLORY.address != Account.create().address
