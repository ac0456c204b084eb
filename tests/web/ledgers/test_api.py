"""Ledgers and committees through the API: what the pages show, and the same refusals with their codes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consortium.members.models import User
from governance.chain.ledgers.models import CommitteeTransaction
from tests.factories import InstitutionFactory, NetworkFactory, UserFactory
from tests.ledgers.fisco.test_numbers import alliance_on
from tests.ledgers.fisco.world import NODES, Town, observe, vote_call
from tests.web.api.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)


def answer(found: Any, status: int = 200) -> Any:
    assert found.status_code == status, found.content.decode()[:1000]
    return found.json()


@pytest.fixture
def dongli(town: Town) -> Api:
    return Api(town.officer("Dongli"))


@pytest.fixture
def outsider(town: Town) -> Api:
    user: User = UserFactory(username="he.qing", institution=InstitutionFactory(n=77, active=True))
    return Api(user)


def test_ledgers_with_their_way_of_governing_their_health_and_their_committee(
    town: Town, dongli: Api, relay_key: str
) -> None:
    alliance_on(town, relay_key)
    town.work()
    listed = answer(dongli.get("ledgers/"))
    assert [(row["slug"], row["kind"]) for row in listed["results"]] == [
        ("alliance", "governor"),
        ("harbour", "committee"),
    ]
    found = answer(dongli.get("ledgers/harbour/"))
    assert (found["committee"]["participation"], found["committee"]["weight"]) == (60, 3)
    mine = str(town.banks["Dongli"].pk)
    assert mine in {each["institution"] for each in found["committee"]["governors"]}
    assert {each["consensus_id"] for each in found["nodes"]} == set(NODES[:2])
    assert answer(dongli.get("ledgers/alliance/"))["committee"] is None
    answer(dongli.get("ledgers/nowhere/"), 404)
    assert "rpc_addresses" not in found


def test_a_proposal_in_words_with_its_votes_its_deadline_and_how_to_sign(town: Town, dongli: Api) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    town.work()
    [row] = answer(dongli.get("committee-proposals/", ledger="harbour", type="51"))["results"]
    assert (row["number"], row["state"], row["weights"]["participation_missing"]) == (number, "open", 1)
    assert row["words"] == f"node {NODES[4]} becomes an observer"
    assert row["deadline"]["blocks_left"] > 0
    found = answer(dongli.get(f"committee-proposals/harbour:{number}/"))
    voters = {each["address"]: each for each in found["voters"]}
    assert voters[town.people["Wangchao"].address]["vote"] == "for"
    mine = voters[town.people["Dongli"].address]
    assert (mine["weight"], mine["if_agree"], mine["if_against"]) == (1, "passed", "denied")
    assert {each["choice"] for each in found["commands"]} == {"agree", "against"}
    assert found["needed"]


def test_a_signed_vote_is_relayed_and_seen(town: Town, dongli: Api) -> None:
    number = town.open("Wangchao", 51, node=NODES[5], weight=2, add=True)
    town.work()
    path = f"committee-proposals/harbour:{number}/"
    raw = town.sign("Dongli", vote_call(number))
    sent = answer(dongli.post(f"{path}transactions/", {"choice": "agree", "raw": raw}), 201)
    assert (sent["status"], sent["proposal"]) == ("signed", number)
    again = answer(dongli.post(f"{path}transactions/", {"choice": "agree", "raw": raw}), 201)
    assert again["tx_hash"] == sent["tx_hash"]
    town.work()
    found = answer(dongli.get(path))
    assert (found["state"], found["result"]) == ("not_applied", -51104)
    assert "observer" in found["failure"]
    [mine] = answer(dongli.get("committee-transactions/"))["results"]
    assert (mine["status"], mine["tx_hash"]) == ("mined", sent["tx_hash"])


def test_refusals_have_codes(town: Town, dongli: Api, outsider: Api) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    path = f"committee-proposals/harbour:{number}/transactions/"
    against = town.sign("Dongli", vote_call(number, agree=False))
    for body, status, code in (
        ({"choice": "agree", "raw": "0x00"}, 400, "transaction_not_legacy"),
        ({"choice": "agree", "raw": against}, 409, "transaction_says_otherwise"),
        ({"choice": "revoke", "raw": against}, 409, "transaction_says_otherwise"),
        ({"choice": "maybe", "raw": against}, 400, "invalid_input"),
        ({"choice": "agree"}, 400, "invalid_input"),
    ):
        assert answer(dongli.post(path, body), status)["code"] == code
    assert (
        answer(outsider.post(path, {"choice": "against", "raw": against}), 403)["code"] == "not_your_governor"
    )
    for ref in ("harbour:99", "harbour:", "harbour", "harbour:-1", f"harbour:{10**20}", "nowhere:1"):
        answer(dongli.get(f"committee-proposals/{ref}/"), 404)
    assert not CommitteeTransaction.objects.exists()


def test_a_wish_is_opened_by_its_signed_transaction(town: Town, dongli: Api) -> None:
    [wish] = town.wish(observe(NODES[4]))
    town.work()
    [row] = answer(dongli.get("committee-wishes/", ledger="harbour"))["results"]
    assert (row["id"], row["state"], row["proposal"]) == (wish.pk, "ready", None)
    assert "--type 51" in row["command"]
    raw = town.signed_wish("Dongli", wish)
    answer(dongli.post(f"committee-wishes/{wish.pk}/transactions/", {"raw": raw}), 201)
    town.work()
    assert answer(dongli.get(f"committee-wishes/{wish.pk}/"))["proposal"] == 1


def test_each_sees_its_own_and_writes_nothing_that_is_not_a_members(
    town: Town, dongli: Api, outsider: Api
) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    path = f"committee-proposals/harbour:{number}/transactions/"
    raw = town.sign("Dongli", vote_call(number))
    for user in (town.secretary, UserFactory(regulator=True)):
        answer(Api(user).get(f"committee-proposals/harbour:{number}/"))
        answer(Api(user).post(path, {"choice": "agree", "raw": raw}), 403)
    answer(dongli.post(path, {"choice": "agree", "raw": raw}), 201)
    assert answer(outsider.get("committee-transactions/"))["count"] == 0
    assert answer(Api(town.secretary).get("committee-transactions/"))["count"] == 1
    town.ledger.network = NetworkFactory()
    town.ledger.save()
    answer(outsider.get(f"committee-proposals/harbour:{number}/"), 404)
    assert answer(outsider.get("committee-proposals/"))["count"] == 0
    assert answer(outsider.get("ledgers/"))["count"] == 0
    assert answer(dongli.get("ledgers/"))["count"] == 1


def test_lists_take_the_same_queries_however_long(town: Town, dongli: Api) -> None:
    paths = ("ledgers/", "committee-proposals/", "committee-wishes/", "committee-transactions/")

    def asked() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as seen:
                answer(dongli.get(path))
            found.append(len(seen))
        return found

    town.open("Wangchao", 52, node=NODES[1])
    town.wish(observe(NODES[4]))
    town.work()
    asked()
    few = asked()
    for name in ("Wangchao", "Dongli", "Haitang"):
        town.open(name, 11, account=town.people[name].address, weight=2)
    town.wish(observe(NODES[5]))
    town.work()
    assert asked() == few
