"""Ledgers and committees on the portal's pages, by role; and handing in what a governor signed."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from consortium.core import clock
from consortium.members.models import Institution
from governance.chain.ledgers import registering, tasks
from governance.chain.ledgers.models import CommitteeTransaction, GovernedLedger, LedgerReading
from governance.chain.models import RegistryEntry, RpcNode
from tests.factories import NetworkFactory, NodeFactory
from tests.ledgers.fisco.test_numbers import alliance_on
from tests.ledgers.fisco.world import NODES, Town, observe, seal, vote_call

pytestmark = pytest.mark.django_db(transaction=True)


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return " ".join(answer.content.decode().split())


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        page(client, path)
    return len(asked)


# --- Ledgers ----------------------------------------------------------------------------------------------
def test_the_list_names_each_ledger_its_way_of_governing_and_its_state(
    town: Town, dongli: Client, relay_key: str
) -> None:
    alliance_on(town, relay_key)
    town.work()
    tasks.follow()
    shown = page(dongli, "/ledgers/")
    for words in ("alliance", "governor contract", "harbour", "FISCO BCOS committee", "read, all addresses"):
        assert words in shown, words
    assert "Contracts" in page(dongli, "/ledgers/alliance/")


def test_a_ledger_that_does_not_answer_is_said_not_to(town: Town, dongli: Client, secretary: Client) -> None:
    town.front.away = True
    tasks.follow()
    tasks.watch_nodes()
    assert "can&#x27;t be read" in page(dongli, "/ledgers/")
    said = LedgerReading.objects.get(ledger=town.ledger).detail
    assert "503" in said
    assert "503" not in page(dongli, "/ledgers/harbour/"), "addresses and errors are the secretariat's"
    assert "503" in page(secretary, "/ledgers/harbour/")
    assert town.front.url in page(secretary, "/ledgers/harbour/")
    assert town.front.url not in page(dongli, "/ledgers/harbour/")


def test_the_committee_is_shown_with_weights_rates_and_whose_they_are(town: Town, dongli: Client) -> None:
    town.work()
    shown = page(dongli, "/ledgers/harbour/")
    for words in ("60 % of the weight has voted", "Weight in all: 3", str(town.banks["Dongli"])):
        assert words in shown, words


def test_who_has_no_part_in_a_networks_ledger_does_not_find_it(
    town: Town, outsider: Client, dongli: Client, regulator: Client
) -> None:
    town.ledger.network = NetworkFactory()
    town.ledger.save()
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    for path in ("/ledgers/harbour/", "/ledgers/harbour/proposals/", f"/ledgers/harbour/proposals/{number}/"):
        page(outsider, path, 404)
        page(dongli, path)
        page(regulator, path)
    assert "harbour" not in page(outsider, "/ledgers/")
    town.ledger.network = None
    town.ledger.save()
    page(outsider, "/ledgers/harbour/")


# --- Proposals --------------------------------------------------------------------------------------------
def test_a_proposal_is_told_in_words_with_votes_weights_and_what_is_needed(
    town: Town, dongli: Client
) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    town.work()
    shown = page(dongli, f"/ledgers/harbour/proposals/{number}/")
    for words in (
        f"node {NODES[4]} becomes an observer",
        "A weight of 1 more must vote",
        "60 % must agree",
        "more blocks until block",
        "passes, carried out at once",
        "denied for good",
        "our address",
        "governance.ballot.committee vote",
        "--vote agree",
    ):
        assert words in shown, words


def test_passed_is_not_applied_and_the_page_says_so(town: Town, dongli: Client, secretary: Client) -> None:
    number = town.open("Wangchao", 51, node=NODES[5], weight=2, add=True)  # no observer: the chain refuses
    town.vote("Haitang", number)
    town.work()
    path = f"/ledgers/harbour/proposals/{number}/"
    shown = page(dongli, path)
    assert "passed, not applied" in shown
    assert "must be an observer before" in shown
    assert "-51104" in shown
    assert "Our vote" not in shown
    assert "passed, not applied" in page(dongli, "/ledgers/harbour/proposals/")
    proposal = town.proposal(number)
    answer = secretary.post(
        f"/admin/ledgers/committeeproposal/{proposal.pk}/wish_anew/", {"reason": "It observes by now."}
    )
    assert answer.status_code == 302, answer.content.decode()
    assert town.ledger.wishes.get().arguments == proposal.arguments


def test_a_proposal_whose_transaction_was_not_found_is_said_to_be_unknown(town: Town, dongli: Client) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    town.ledger.proposals.update(arguments=None, created_tx="", created_block=None)
    assert "does not tell what this proposal does" in page(dongli, f"/ledgers/harbour/proposals/{number}/")
    page(dongli, "/ledgers/harbour/proposals/")


def test_the_lists_take_the_same_queries_however_long_they_are(town: Town, dongli: Client) -> None:
    paths = ("/ledgers/", "/ledgers/harbour/", "/ledgers/harbour/proposals/")
    town.open("Wangchao", 52, node=NODES[1])
    town.wish(observe(NODES[4]))
    town.work()
    for path in paths:
        page(dongli, path)
    few = [queries(dongli, path) for path in paths]
    for name in ("Wangchao", "Dongli", "Haitang"):
        town.open(name, 11, account=town.people[name].address, weight=2)
    town.wish(observe(NODES[5]), observe(NODES[6]))
    town.wish(observe(NODES[7]), seal(NODES[7]))
    town.work()
    assert [queries(dongli, path) for path in paths] == few


def test_lists_are_filtered_by_type_and_state(town: Town, dongli: Client) -> None:
    town.open("Wangchao", 52, node=NODES[1])
    town.open("Wangchao", 12, participates_rate=70, win_rate=51)
    town.work()
    assert "leaves the ledger" not in page(dongli, "/ledgers/harbour/proposals/?type=12")
    assert "70 %" in page(dongli, "/ledgers/harbour/proposals/?type=12&status=1")
    assert "No proposals." in page(dongli, "/ledgers/harbour/proposals/?status=2")
    page(dongli, "/ledgers/harbour/proposals/?type=x&status=99&page=z")


def test_a_number_that_no_row_has_room_for_is_not_found(town: Town, dongli: Client) -> None:
    for path in (f"proposals/{10**30}/", "proposals/0/", f"wishes/{10**30}/", "wishes/9/"):
        page(dongli, f"/ledgers/harbour/{path}", 404)


# --- Handing in -------------------------------------------------------------------------------------------
def test_a_governors_officer_hands_in_a_vote_and_sees_it_arrive(town: Town, dongli: Client) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    town.work()
    path = f"/ledgers/harbour/proposals/{number}/"
    raw = town.sign("Dongli", vote_call(number))
    answer = dongli.post(f"{path}hand-in/", {"choice": "agree", "raw": f"{raw}\n"})
    assert (answer.status_code, answer["Location"]) == (302, path)
    assert CommitteeTransaction.objects.get().raw == raw, "byte for byte"
    town.work()
    shown = page(dongli, path)
    assert "passed and applied" in shown
    assert "on the ledger" in shown


def test_a_refusal_stands_on_the_form_with_its_own_words(town: Town, dongli: Client) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    path = f"/ledgers/harbour/proposals/{number}/hand-in/"
    against = town.sign("Dongli", vote_call(number, agree=False))
    for raw, status, words in (
        ("0xcafe", 400, "no signed transaction"),
        (against, 409, "does not say what it is handed in for"),
        (town.sign("Haitang", vote_call(number)), 403, "is not your institution&#x27;s address"),
        ("", 400, "This field is required"),
    ):
        answer = dongli.post(path, {"choice": "agree", "raw": raw})
        assert answer.status_code == status, (words, answer.content.decode()[:500])
        assert words in answer.content.decode()
    assert not CommitteeTransaction.objects.exists()
    assert dongli.post(path, {"choice": "revoke", "raw": against}).status_code == 400


def test_a_wish_is_opened_by_whoever_signs_it(town: Town, dongli: Client, outsider: Client) -> None:
    [wish, later] = [*town.wish(observe(NODES[4])), *town.wish(observe(NODES[5]))]
    town.work()
    shown = page(dongli, "/ledgers/harbour/")
    assert "Sign ahead" in shown
    assert "Sign ahead" not in page(outsider, "/ledgers/harbour/")
    form = page(dongli, f"/ledgers/harbour/wishes/{wish.pk}/")
    assert f"--set node={NODES[4]}" in form
    assert "--set add=true" in form
    answer = dongli.post(f"/ledgers/harbour/wishes/{wish.pk}/", {"raw": town.signed_wish("Dongli", wish)})
    assert answer.status_code == 302
    ahead = town.signed_wish("Dongli", later, nonce=town.committee.nonce(town.people["Dongli"].address) + 1)
    assert dongli.post(f"/ledgers/harbour/wishes/{later.pk}/", {"raw": ahead}).status_code == 302
    town.work()
    assert town.committee.count() == 1
    assert CommitteeTransaction.objects.get(wish=later).status == CommitteeTransaction.Status.HELD


def test_secretariat_and_regulator_read_here_and_do_not_hand_in(
    town: Town, secretary: Client, regulator: Client
) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    [wish] = town.wish(observe(NODES[4]))
    town.work()
    raw = town.sign("Dongli", vote_call(number))
    for client in (secretary, regulator):
        page(client, f"/ledgers/harbour/proposals/{number}/")
        for path in (f"proposals/{number}/hand-in/", f"wishes/{wish.pk}/"):
            assert client.post(f"/ledgers/harbour/{path}", {"choice": "agree", "raw": raw}).status_code == 403


def test_how_another_bank_fared_is_its_own_affair(town: Town, dongli: Client, outsider: Client) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    town.work()
    path = f"/ledgers/harbour/proposals/{number}/"
    raw = town.sign("Dongli", vote_call(number))
    dongli.post(f"{path}hand-in/", {"choice": "agree", "raw": raw})
    officer = town.officer("Dongli").username
    assert officer in page(dongli, path)
    assert officer not in page(outsider, path).replace("he.qing", "")
    assert "Our transactions" not in page(outsider, path)


# --- Governed elsewhere -----------------------------------------------------------------------------------
@pytest.fixture
def elsewhere(town: Town) -> GovernedLedger:
    return registering.register(
        "customs",
        kind=GovernedLedger.Kind.REGISTRY_ONLY,
        rpc_addresses=[town.front.url],
        native_addresses=[town.front.url],
        network=NetworkFactory(),
        actor=registering.COMMAND,
    )


def decided(ledger: GovernedLedger, bank: Institution, consensus_id: str, role: int) -> None:
    """The alliance's own registry says so."""
    own = alliance_of(ledger)
    RegistryEntry.objects.create(
        ledger=own,
        block=1,
        block_time=clock.now(),
        tx_hash="0x" + "ab" * 32,
        network=ledger.network_id or "",
        consensus_id=consensus_id,
        member_id=bank.uscc,
        role=role,
    )


def alliance_of(ledger: GovernedLedger) -> object:
    from governance.chain.models import Ledger

    found, _ = Ledger.objects.get_or_create(
        slug="alliance",
        defaults={
            "chain_id": 1,
            "genesis_hash": "0x" + "cd" * 32,
            "seats": "0x" + "11" * 20,
            "governor": "0x" + "22" * 20,
            "registry": "0x" + "33" * 20,
            "relay_address": "0x" + "44" * 20,
            "start_block": 0,
        },
    )
    return found


def test_a_ledger_governed_elsewhere_shows_what_is_read_when_and_how_it_drifts(
    town: Town, elsewhere: GovernedLedger, regulator: Client
) -> None:
    bank = town.banks["Dongli"]
    NodeFactory(institution=bank, network=elsewhere.network, consensus_id=NODES[0])
    decided(elsewhere, bank, NODES[0], 1)  # a sealer on the ledger
    decided(elsewhere, bank, NODES[8], 2)  # in none of its lists
    tasks.attend(elsewhere)
    shown = page(regulator, "/ledgers/customs/")
    for words in (
        "governed elsewhere",
        "the node's own lists of sealers and observers",
        "another role than the alliance decided",
        "admitted by the alliance, not on the ledger",
        "on the ledger, but no member has registered it here",
        "3 drift",
    ):
        assert words in shown, words
    assert "Hand in" not in shown
    reading = LedgerReading.objects.get(ledger=elsewhere)
    assert reading.nodes_read_at is not None
    assert reading.head == town.web3.eth.block_number
    assert f"{reading.nodes_read_at:%H:%M:%S} UTC" in shown


def test_a_ledger_of_which_all_is_as_it_should_be_says_that(
    town: Town, elsewhere: GovernedLedger, regulator: Client
) -> None:
    bank = town.banks["Dongli"]
    for node in NODES[:2]:
        NodeFactory(institution=bank, network=elsewhere.network, consensus_id=node)
    tasks.attend(elsewhere)
    assert "no drift" in page(regulator, "/ledgers/customs/")
    assert "customs" not in page(regulator, "/ledgers/harbour/")
    assert RpcNode.objects.count() == 0


def test_nothing_is_handed_in_on_a_ledger_governed_elsewhere(
    town: Town, elsewhere: GovernedLedger, dongli: Client
) -> None:
    page(dongli, "/ledgers/customs/proposals/", 404)
