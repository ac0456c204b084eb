"""What is read of the ledger, how, and that it comes out the same whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.forms.models import model_to_dict

from consortium.core import clock
from consortium.core.models import Event
from governance.chain.errors import LedgerUnreachable, OtherLedger
from governance.chain.ledgers import codes, handing_in, indexing, node, registering, selectors, wishes
from governance.chain.ledgers.committee import FUSE
from governance.chain.ledgers.errors import (
    NoRpcAddress,
    NotACommitteeLedger,
    TransactionSaysOtherwise,
)
from governance.chain.ledgers.models import (
    CommitteeCall,
    CommitteeGovernor,
    CommitteeProposal,
    CommitteeTransaction,
    CommitteeVote,
    GovernedLedger,
)
from governance.contracts import fisco
from tests.ledgers.fisco import build
from tests.ledgers.fisco.front import Front
from tests.ledgers.fisco.world import NODES, Town, observe, vote_call

Kind = GovernedLedger.Kind


def everything(town: Town) -> dict[str, list[dict[str, Any]]]:
    """All projected rows, without their keys."""
    models = (CommitteeCall, CommitteeProposal, CommitteeVote, CommitteeGovernor)
    return {
        model.__name__: sorted(
            ({**model_to_dict(row), "id": None} for row in model.objects.filter(ledger=town.ledger)), key=repr
        )
        for model in models
    }


def busy(town: Town) -> None:
    """A bit of everything: passed, denied, not applied, revoked, outdated, open."""
    town.vote("Dongli", town.open("Wangchao", 51, node=NODES[4], weight=0, add=True))
    town.vote("Haitang", town.open("Wangchao", 51, node=NODES[5], weight=2, add=True))
    town.vote("Dongli", town.open("Wangchao", 52, node=NODES[1]), agree=False)
    town.send("Dongli", fisco.call(fisco.REVOKE, {"proposal": town.open("Dongli", 52, node=NODES[0])}))
    town.open("Haitang", 41, key="tx_count_limit", value="500", interval=2)
    town.mine(25)
    town.vote("Wangchao", town.open("Dongli", 11, account=town.people["Haitang"].address, weight=4))
    town.open("Dongli", 12, participates_rate=70, win_rate=51)


def test_events_are_asked_for_in_ranges_that_a_node_covers(town: Town) -> None:
    """More than ten blocks a question, and the rest is lost without a word."""
    busy(town)
    town.front.forget()
    indexing.follow(town.ledger)
    assert town.web3.eth.block_number > 3 * FUSE
    assert town.front.log_ranges
    assert max(town.front.log_ranges) <= FUSE == 10
    with pytest.raises(ValueError, match="11 blocks"):
        town.committee.results(0, 10)


def test_a_ledger_that_is_said_to_cover_more_is_still_asked_for_ten(town: Town) -> None:
    town.ledger.log_range = 5000
    assert town.committee.log_range == 10
    town.ledger.log_range = 3
    assert town.committee.log_range == 3


def test_what_one_pass_sees_is_what_a_rebuild_sees(town: Town) -> None:
    busy(town)
    town.work()
    before = everything(town)
    assert {row["status"] for row in before["CommitteeProposal"]} == {1, 2, 3, 4, 5}
    indexing.rebuild(town.ledger)
    assert everything(town) == before
    for model in (CommitteeCall, CommitteeProposal, CommitteeVote, CommitteeGovernor):
        model.objects.all().delete()
    indexing.rebuild(town.ledger)
    assert everything(town) == before


def test_a_rebuild_tells_no_story_twice(town: Town) -> None:
    busy(town)
    town.work()
    told = Event.objects.filter(action__startswith="committee.").count()
    indexing.rebuild(town.ledger)
    assert Event.objects.filter(action__startswith="committee.").count() == told


def test_a_reorganisation_takes_proposals_and_votes_back(town: Town) -> None:
    first = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    fork = town.ask("evm_snapshot")
    town.vote("Dongli", first)
    town.open("Haitang", 12, participates_rate=70, win_rate=51)
    town.work()
    assert (town.proposal(first).status, town.ledger.proposals.count()) == (fisco.PASSED, 2)
    assert town.ask("evm_revert", fork)
    town.vote("Dongli", first, agree=False)
    town.mine(5)
    town.work()
    kept = town.proposal(first)
    assert (kept.status, kept.exec_code, town.ledger.proposals.count()) == (fisco.DENIED, None, 1)
    assert [vote.agree for vote in town.ledger.votes.order_by("block")] == [True, False]


def test_a_relayed_vote_that_the_ledger_took_back_is_sent_again(town: Town) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    fork = town.ask("evm_snapshot")
    raw = town.sign("Dongli", vote_call(number))
    row = handing_in.vote(town.ledger, number, raw, agree=True, actor=town.officer("Dongli"))
    town.work()
    assert town.ask("evm_revert", fork)
    town.mine(5)
    assert town.committee.info(number).status == fisco.OPEN
    town.work()
    row.refresh_from_db()
    assert row.status == CommitteeTransaction.Status.MINED
    assert town.committee.info(number).status == fisco.PASSED


def test_a_vote_before_the_console_knew_the_ledger_counts_but_is_not_dated(
    make_town: Callable[..., Town],
) -> None:
    town = make_town()
    number = town.open("Wangchao", 52, node=NODES[1])
    town.mine(3)
    GovernedLedger.objects.update(start_block=town.web3.eth.block_number)
    town.ledger.refresh_from_db()
    town.vote("Dongli", number)
    town.work()
    kept = town.proposal(number)
    assert (kept.status, kept.arguments, kept.created_tx) == (fisco.PASSED, None, "")
    assert kept.applied is None  # nobody can tell
    assert "was not found" in selectors.action_words(kept.type, kept.arguments)
    assert town.committee.proposal(str(number)).actions is None


def test_text_that_no_database_takes_does_not_stop_following(town: Town) -> None:
    number = town.open("Wangchao", 41, key="ke\0y", value="\x1b[2J\0")
    town.work()
    assert town.proposal(number).arguments == {"key": "ke\ufffdy", "value": "\x1b[2J\ufffd"}


def test_bytes_that_are_no_call_do_not_stop_following(town: Town) -> None:
    town.send("Wangchao", "0xdeadbeef")
    broken = fisco.call(fisco.CREATES[41], {"key": "abc", "value": "d"}).replace("616263", "ff6263")
    town.send("Wangchao", broken)  # no UTF-8; the chain takes it
    town.open("Wangchao", 52, node=NODES[1])
    town.work()
    assert town.ledger.proposals.count() == town.committee.count()


def test_sealers_and_observers_are_read_from_the_ledger(town: Town) -> None:
    town.work()
    assert dict(town.ledger.nodes.values_list("consensus_id", "role")) == {NODES[0]: 2, NODES[1]: 2}
    town.vote("Dongli", town.open("Wangchao", 51, node=NODES[4], weight=0, add=True))
    town.vote("Dongli", town.open("Wangchao", 52, node=NODES[1]))
    town.work()
    assert dict(town.ledger.nodes.values_list("consensus_id", "role")) == {NODES[0]: 2, NODES[4]: 1}


def test_weights_and_rates_are_those_of_the_moment(town: Town) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.vote("Haitang", town.open("Dongli", 11, account=town.people["Wangchao"].address, weight=9))
    town.work()
    view = selectors.view(town.proposal(number), clock.now())
    assert (view.tally.agree, view.tally.all) == (9, 11)  # opened with 1 of 3
    assert town.committee.tally(str(number)).agree == 9


def test_the_outlook_is_in_words_before_anybody_votes(town: Town) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    said = "\n".join(selectors.view(town.proposal(number), clock.now()).outlook_words)
    dongli = town.people["Dongli"].address
    assert f"If {dongli} votes against next, it is denied for good." in said
    assert f"If {dongli} agrees next, it passes and is carried out at once." in said
    assert "The order of votes matters" in said


def test_passed_and_not_applied_is_told_in_words(town: Town) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=1, add=True)
    town.vote("Dongli", number)
    town.work()
    view = selectors.view(town.proposal(number), clock.now())
    assert view.state_words == "passed, not applied"
    assert "must be an observer before it becomes a sealer" in view.failure_words
    assert "make a new proposal" in view.failure_words


@pytest.mark.parametrize("code", [-51100, -51101, -51102, -51103, -51104])
def test_every_published_code_has_words(code: int) -> None:
    assert str(code) not in codes.words(code)
    assert "-77" in codes.words(-77)


def test_contracts_count_milliseconds_until_the_flag_is_on(town: Town) -> None:
    ticks, header = town.committee.clock, town.web3.eth.get_block("latest")
    moment = indexing.block_time(header)
    assert ticks.to_contract(moment) == header["timestamp"] * 1000
    assert ticks.from_contract(ticks.to_contract(moment)) == moment
    town.vote("Dongli", town.open("Wangchao", 41, key="feature_evm_timestamp", value="1"))
    assert town.committee.contract_ticks() == 1


def test_any_governor_freezes_an_account_without_a_vote(town: Town) -> None:
    account = "0x00000000000000000000000000000000000000AA"
    freeze = fisco.call(fisco.SET_ACCOUNT_STATUS, {"account": account, "status": 1})
    town.send("Dongli", freeze, to=fisco.ACCOUNT_MANAGER)
    assert town.committee.account(account).frozen


def test_transactions_are_made_as_this_ledger_takes_them(town: Town) -> None:
    sender = town.people["Dongli"].address
    town.open("Wangchao", 52, node=NODES[1])
    made = town.committee.vote("1", agree=True, sender=sender)
    assert (made.gas_price, made.gas, town.committee.style.legacy) == (0, 3_000_000, True)
    sent = town.web3.eth.send_raw_transaction(
        town.people["Dongli"].sign_transaction(made.fields()).raw_transaction
    )
    assert town.web3.eth.wait_for_transaction_receipt(sent)["status"] == 1


def test_a_new_contracts_address_is_taken_from_the_receipt(town: Town) -> None:
    """FISCO BCOS does not compute it as Ethereum does; nothing here derives one."""
    computer = build.compiled()["VoteComputer"]["evm"]["bytecode"]["object"]
    argument = town.committee.addresses().committee[2:].rjust(64, "0")
    fields = {"chainId": town.ledger.chain_id, "data": "0x" + computer + argument, "nonce": 0}
    signed = town.people["Haitang"].sign_transaction({**fields, "gas": 3_000_000, "gasPrice": 0, "value": 0})
    sent = town.web3.eth.send_raw_transaction(signed.raw_transaction)
    address = town.web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    number = town.open("Wangchao", 13, computer=address)
    town.vote("Dongli", number)
    town.work()
    assert town.view("_voteComputer", to=town.committee.addresses().proposals) == address
    assert town.proposal(number).applied is True


# --- Which ledger it is ---------------------------------------------------------------------------------
def test_one_address_that_is_silent_or_another_ledger_is_left_for_the_next(
    transactional_db: None, town: Town, ledger_url: str
) -> None:
    silent = "http://127.0.0.1:9"
    town.ledger.rpc_addresses = [silent, ledger_url, town.front.url]  # the second is the session's own ledger
    assert town.committee.count() == 0
    town.ledger.rpc_addresses = [silent]
    with pytest.raises(LedgerUnreachable):
        town.committee.head()
    town.ledger.rpc_addresses = [ledger_url]
    with pytest.raises(OtherLedger):
        town.committee.head()


def test_one_that_goes_away_is_passed_over_within_the_question(transactional_db: None, town: Town) -> None:
    town.ledger.rpc_addresses = [town.front.url, town.front.ledger_url]
    town.ledger.save()
    assert town.committee.head() >= 0
    town.front.away = True
    assert town.committee.head() >= 0


def test_a_ledger_without_a_committee_is_not_entered_as_one(ledger_url: str, db: None) -> None:
    with pytest.raises(NotACommitteeLedger):
        registering.register(
            "elsewhere", kind=Kind.COMMITTEE, rpc_addresses=[ledger_url], actor=registering.COMMAND
        )
    with pytest.raises(NoRpcAddress):
        registering.register("nowhere", kind=Kind.COMMITTEE, rpc_addresses=[], actor=registering.COMMAND)
    assert not GovernedLedger.objects.exists()


def test_two_ledgers_keep_to_themselves(town: Town) -> None:
    """The same chain under two names: what is wished, held and indexed for one is not the other's."""
    twin = registering.register(
        "twin",
        kind=Kind.COMMITTEE,
        rpc_addresses=[town.front.url],
        native_addresses=[town.front.url],
        actor=registering.COMMAND,
    )
    [mine] = town.wish(observe(NODES[4]))
    town.work()
    assert twin.calls.count() == twin.proposals.count() == twin.wishes.count() == 0
    [theirs] = wishes.wish(twin, [observe(NODES[5])], actor=town.secretary, reason="theirs", interval=40)
    raw = town.signed_wish("Wangchao", theirs)
    with pytest.raises(TransactionSaysOtherwise):
        handing_in.propose(mine, raw, actor=town.officer("Wangchao"))


def test_the_front_is_as_narrow_as_a_node(front: Front, town: Town) -> None:
    """The manners that the tests rely on are really there."""
    town.mine(30)
    client = node.connect(front.url)
    assert client.eth.get_balance(town.people["Dongli"].address, 0) == 10**18  # the past is not answered
    town.vote("Dongli", town.open("Wangchao", 51, node=NODES[4], weight=0, add=True))
    topic = {"address": fisco.COMMITTEE_MANAGER, "fromBlock": 0, "toBlock": town.web3.eth.block_number}
    assert client.eth.get_logs(topic) == []  # it is there, but not in the first ten blocks
    assert town.web3.eth.get_logs(topic)
