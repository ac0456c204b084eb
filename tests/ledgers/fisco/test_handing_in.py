"""A signed transaction is relayed as it is, or refused with a reason; nobody's key is on the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3

from consortium.core.errors import ConsoleError, NotAllowed
from governance.chain.ledgers import handing_in, signed
from governance.chain.ledgers.errors import (
    LedgerCannot,
    LedgerRefuses,
    NonceUnusable,
    NotAGovernor,
    NotTheProposer,
    NotYourGovernor,
    ProposalNotOpen,
    SenderWithoutFunds,
    TransactionForOtherChain,
    TransactionForOtherContract,
    TransactionNotLegacy,
    TransactionSaysOtherwise,
    TransactionTerms,
    TransactionUnreadable,
    UnknownProposal,
    VotedAlready,
)
from governance.chain.ledgers.models import CommitteeTransaction, GovernedLedger
from governance.contracts import fisco
from tests.factories import UserFactory
from tests.ledgers.fisco.world import NODES, Town, observe, person, vote_call

Status = CommitteeTransaction.Status


@pytest.fixture
def open_town(town: Town) -> Town:
    """Proposal 1 is open: to remove a node; Wangchao proposed it."""
    town.open("Wangchao", 52, node=NODES[1])
    town.work()
    return town


def vote(
    town: Town, raw: str, *, number: int = 1, agree: bool = True, by: str = "Dongli"
) -> CommitteeTransaction:
    return handing_in.vote(town.ledger, number, raw, agree=agree, actor=town.officer(by))


def test_a_vote_is_relayed_byte_for_byte(open_town: Town) -> None:
    raw = open_town.sign("Dongli", vote_call(1))
    row = vote(open_town, raw)
    open_town.work()
    row.refresh_from_db()
    assert (row.status, row.raw) == (Status.MINED, raw)
    assert open_town.web3.eth.get_transaction(row.tx_hash)["from"] == open_town.people["Dongli"].address
    assert open_town.proposal(1).status == fisco.PASSED


def test_handed_in_twice_is_once(open_town: Town) -> None:
    raw = open_town.sign("Dongli", vote_call(1))
    first = vote(open_town, raw)
    assert vote(open_town, raw) == first
    open_town.work()
    assert vote(open_town, raw).pk == first.pk  # also long after
    assert CommitteeTransaction.objects.count() == 1


def test_the_proposer_revokes(open_town: Town) -> None:
    data = fisco.call(fisco.REVOKE, {"proposal": 1})
    with pytest.raises(NotTheProposer):
        handing_in.revoke(
            open_town.ledger, 1, open_town.sign("Dongli", data), actor=open_town.officer("Dongli")
        )
    handing_in.revoke(
        open_town.ledger, 1, open_town.sign("Wangchao", data), actor=open_town.officer("Wangchao")
    )
    open_town.work()
    kept = open_town.proposal(1)
    assert (kept.status, bool(kept.closed_tx)) == (fisco.REVOKED, True)


REFUSALS: dict[str, tuple[Callable[[Town], str], type[ConsoleError]]] = {
    "another chain": (lambda t: t.sign("Dongli", vote_call(1), chainId=1), TransactionForOtherChain),
    "another contract": (
        lambda t: t.sign("Dongli", vote_call(1), to=fisco.ACCOUNT_MANAGER),
        TransactionForOtherContract,
    ),
    "another proposal": (lambda t: t.sign("Dongli", vote_call(2)), TransactionSaysOtherwise),
    "the other way": (lambda t: t.sign("Dongli", vote_call(1, agree=False)), TransactionSaysOtherwise),
    "another function": (
        lambda t: t.sign("Dongli", fisco.call(fisco.REVOKE, {"proposal": 1})),
        TransactionSaysOtherwise,
    ),
    "no function": (lambda t: t.sign("Dongli", "0xdeadbeef"), TransactionUnreadable),
    "padded": (lambda t: t.sign("Dongli", vote_call(1) + "00" * 32), TransactionUnreadable),
    "a price": (lambda t: t.sign("Dongli", vote_call(1), gasPrice=1), TransactionTerms),
    "a value": (lambda t: t.sign("Dongli", vote_call(1), value=1), TransactionTerms),
    "too little gas": (lambda t: t.sign("Dongli", vote_call(1), gas=21_000), TransactionTerms),
    "too much gas": (lambda t: t.sign("Dongli", vote_call(1), gas=30_000_001), TransactionTerms),
    "a spent number": (lambda t: _after_one(t), NonceUnusable),
    "a number too far": (lambda t: t.sign("Dongli", vote_call(1), nonce=5), NonceUnusable),
    "a fee market": (lambda t: _typed(t), TransactionNotLegacy),
    "unprotected": (lambda t: _unprotected(t), TransactionNotLegacy),
    "cut off": (lambda t: t.sign("Dongli", vote_call(1))[:-2], TransactionUnreadable),
    "no hexadecimal": (lambda t: "0xzz", TransactionUnreadable),
    "nothing": (lambda t: "", TransactionUnreadable),
    "endless": (lambda t: "0x" + "c0" * 30_000, TransactionUnreadable),
}


@pytest.mark.parametrize("case", sorted(REFUSALS))
def test_it_is_refused(open_town: Town, case: str) -> None:
    make, refusal = REFUSALS[case]
    raw = make(open_town)
    with pytest.raises(refusal):
        vote(open_town, raw)
    assert not CommitteeTransaction.objects.exists()


def test_nobody_but_a_governor_votes(open_town: Town) -> None:
    open_town.people["Mallory"] = person("Mallory")
    open_town.fund(person("Mallory").address)
    with pytest.raises(NotAGovernor):
        vote(open_town, open_town.sign("Mallory", vote_call(1)), by="Mallory")


def test_an_account_without_a_balance_is_told_so(open_town: Town) -> None:
    raw = open_town.sign("Dongli", vote_call(1))
    open_town.ask("anvil_setBalance", open_town.people["Dongli"].address, "0x0")
    with pytest.raises(SenderWithoutFunds):
        vote(open_town, raw)


def test_nobody_votes_twice(open_town: Town) -> None:
    with pytest.raises(VotedAlready):
        vote(open_town, open_town.sign("Wangchao", vote_call(1)), by="Wangchao")  # by proposing


def test_a_decided_proposal_takes_no_vote(open_town: Town) -> None:
    open_town.vote("Haitang", 1, agree=False)
    with pytest.raises(ProposalNotOpen):
        vote(open_town, open_town.sign("Dongli", vote_call(1)))


def test_there_must_be_such_a_proposal(open_town: Town) -> None:
    with pytest.raises(UnknownProposal):
        vote(open_town, open_town.sign("Dongli", vote_call(77)), number=77)


def test_what_the_ledger_would_refuse_is_not_sent(open_town: Town) -> None:
    """Nobody removes itself with the deciding vote: only a dry run tells before it costs a number."""
    number = open_town.open("Wangchao", 11, account=open_town.people["Dongli"].address, weight=0)
    with pytest.raises(LedgerRefuses):
        vote(open_town, open_town.sign("Dongli", vote_call(number)), number=number)
    assert not CommitteeTransaction.objects.exists()


def test_an_officer_hands_in_with_its_own_banks_key_alone(open_town: Town) -> None:
    raw = open_town.sign("Dongli", vote_call(1))
    with pytest.raises(NotYourGovernor):
        vote(open_town, raw, by="Haitang")
    with pytest.raises(NotAllowed):
        handing_in.vote(open_town.ledger, 1, raw, agree=True, actor=UserFactory(regulator=True))
    row = handing_in.vote(open_town.ledger, 1, raw, agree=True, actor=open_town.secretary)
    assert row.status == Status.SIGNED


def test_another_banks_officer_learns_nothing_of_what_is_stored(open_town: Town) -> None:
    raw = open_town.sign("Dongli", vote_call(1))
    vote(open_town, raw)
    with pytest.raises(NotYourGovernor):
        vote(open_town, raw, by="Haitang")


def test_one_transaction_is_no_answer_to_two_wishes(town: Town) -> None:
    [first] = town.wish(observe(NODES[4]))
    raw = town.signed_wish("Wangchao", first)
    handing_in.propose(first, raw, actor=town.officer("Wangchao"))
    [again] = town.wish(observe(NODES[4]))
    with pytest.raises(TransactionSaysOtherwise):
        handing_in.propose(again, raw, actor=town.officer("Wangchao"))


def test_a_wish_is_signed_with_its_own_interval_and_arguments(town: Town) -> None:
    [row] = town.wish(observe(NODES[4]))
    longer = fisco.call(fisco.CREATES[51], row.arguments, 9999)
    other = fisco.call(fisco.CREATES[51], {**row.arguments, "node": NODES[5]}, int(row.interval))
    for data in (longer, other):
        with pytest.raises(TransactionSaysOtherwise):
            handing_in.propose(row, town.sign("Wangchao", data), actor=town.officer("Wangchao"))


def test_a_ledger_that_is_only_read_takes_nothing(town: Town) -> None:
    raw = town.sign("Dongli", vote_call(1))
    GovernedLedger.objects.filter(pk=town.ledger.pk).update(kind=GovernedLedger.Kind.REGISTRY_ONLY)
    town.ledger.refresh_from_db()
    with pytest.raises(LedgerCannot):
        vote(town, raw)


def test_the_other_form_of_a_signature_is_refused(town: Town) -> None:
    """Else the same vote has two hashes, and the one that we know may never be on the ledger."""
    import rlp

    fields = rlp.decode(bytes.fromhex(town.sign("Dongli", vote_call(1))[2:]))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    v, s = int.from_bytes(fields[6]), order - int.from_bytes(fields[8])
    flipped = rlp.encode([*fields[:6], v + 1 if v % 2 else v - 1, fields[7], s])
    assert Account.recover_transaction(flipped) == town.people["Dongli"].address
    with pytest.raises(TransactionUnreadable):
        signed.read("0x" + flipped.hex())


def _after_one(town: Town) -> str:
    raw = town.sign("Dongli", vote_call(1))
    town.web3.eth.send_raw_transaction(town.sign("Dongli", "0x", to=town.people["Haitang"].address))
    return raw


def _typed(town: Town) -> str:
    account = town.people["Dongli"]
    fields: dict[str, Any] = {
        "chainId": town.ledger.chain_id,
        "to": Web3.to_checksum_address(fisco.COMMITTEE_MANAGER),
        "data": vote_call(1),
        "nonce": 0,
        "gas": 100_000,
        "maxFeePerGas": 0,
        "maxPriorityFeePerGas": 0,
        "value": 0,
    }
    return str(account.sign_transaction(fields).raw_transaction.to_0x_hex())


def _unprotected(town: Town) -> str:
    import rlp

    fields = rlp.decode(bytes.fromhex(town.sign("Dongli", vote_call(1))[2:]))
    return "0x" + rlp.encode([*fields[:6], 27, *fields[7:]]).hex()
