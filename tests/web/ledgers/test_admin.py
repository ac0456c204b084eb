"""Committees in the admin: the secretariat wishes, cancels and passes on; the regulator reads."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance.chain.ledgers import tasks
from governance.chain.ledgers.models import CommitteeTransaction, CommitteeWish
from governance.contracts import fisco
from tests.factories import NetworkFactory, NodeFactory
from tests.ledgers.fisco.world import NODES, Town, observe, vote_call

pytestmark = pytest.mark.django_db(transaction=True)

LISTS = ("governedledger", "committeeproposal", "committeewish", "committeetransaction")


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return " ".join(answer.content.decode().split())


def test_the_regulator_reads_every_page_and_finds_no_button(town: Town, regulator: Client) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    [wish] = town.wish(observe(NODES[5]))
    town.work()
    tasks.watch_nodes()
    proposal = town.proposal(number)
    for path in (
        *(f"/admin/ledgers/{name}/" for name in LISTS),
        "/admin/ledgers/governedledger/harbour/change/",
        f"/admin/ledgers/committeeproposal/{proposal.pk}/change/",
        f"/admin/ledgers/committeewish/{wish.pk}/change/",
        "/admin/chain/rpcnode/",
    ):
        shown = page(regulator, path)
        assert "hand_in/" not in shown
        assert "/cancel/" not in shown
    assert regulator.post(f"/admin/ledgers/committeewish/{wish.pk}/cancel/").status_code == 403
    assert "harbour" in page(regulator, "/admin/chain/rpcnode/")


def test_a_member_does_not_find_them(town: Town, dongli: Client) -> None:
    for name in LISTS:
        page(dongli, f"/admin/ledgers/{name}/", 404)


def test_the_secretariat_wishes_and_cancels(town: Town, secretary: Client) -> None:
    form = page(secretary, "/admin/ledgers/committeewish/wish/")
    assert "participates_rate win_rate" in form
    given = {
        "ledger": "harbour",
        "type": "51",
        "arguments": f"node={NODES[4]}\r\nweight=0\r\nadd=true\r\n",
        "interval": "40",
        "reason": "The board asked for it.",
    }
    answer = secretary.post("/admin/ledgers/committeewish/wish/", {**given, "arguments": "node=1"})
    assert (answer.status_code, "takes node, weight, add" in answer.content.decode()) == (400, True)
    assert secretary.post("/admin/ledgers/committeewish/wish/", given).status_code == 302
    wish = CommitteeWish.objects.get()
    assert wish.arguments == {"node": NODES[4], "weight": 0, "add": True}
    answer = secretary.post(
        f"/admin/ledgers/committeewish/{wish.pk}/cancel/", {"reason": "The board thought again."}
    )
    assert answer.status_code == 302
    wish.refresh_from_db()
    assert wish.cancelled_at is not None
    assert "cancelled" in page(secretary, f"/admin/ledgers/committeewish/{wish.pk}/change/")


def test_a_role_is_wished_for_in_one_go_whatever_steps_it_takes(town: Town, secretary: Client) -> None:
    node = NodeFactory(consensus_id=NODES[4])
    given = {"ledger": "harbour", "node": node.pk, "role": "2", "weight": "3", "interval": "40"}
    path = "/admin/ledgers/committeewish/role/"
    assert str(node) in page(secretary, path)
    assert secretary.post(path, given).status_code == 400  # no reason
    assert not CommitteeWish.objects.exists()
    assert secretary.post(path, {**given, "reason": "The vote of May."}).status_code == 302
    observes, seals = CommitteeWish.objects.order_by("pk")
    assert (observes.type, observes.arguments) == (51, {"node": NODES[4], "weight": 0, "add": True})
    assert (seals.arguments["weight"], seals.after, seals.institution) == (3, observes, node.institution)


def test_a_wish_is_for_a_node_of_the_ledgers_network_and_a_time_that_there_is(
    town: Town, secretary: Client
) -> None:
    town.ledger.network = NetworkFactory()
    town.ledger.save(update_fields=["network"])
    elsewhere = NodeFactory(network=NetworkFactory(slug="custody"))
    given = {"ledger": "harbour", "node": elsewhere.pk, "role": "1", "weight": "1", "reason": "The vote."}
    refused = secretary.post("/admin/ledgers/committeewish/role/", {**given, "interval": "40"})
    assert "the node belongs to another network" in refused.content.decode()
    for interval in (-1, 0, 2**62, 2**70):
        with pytest.raises(CommandError, match="invalid_action"):
            call_command(
                "committee", "harbour", node=NODES[4], role="observer", reason="Ours.", interval=interval
            )
    assert not CommitteeWish.objects.exists()


def test_in_chinese_a_refusal_is_chinese(town: Town, secretary: Client) -> None:
    secretary.cookies["django_language"] = "zh-hans"
    given = {"ledger": "harbour", "type": "51", "interval": "40", "reason": "董事会的要求。"}
    for arguments in ("node=1", "foo=bar", "node=12\nweight=0\nadd=true"):
        said = secretary.post("/admin/ledgers/committeewish/wish/", {**given, "arguments": arguments})
        assert said.status_code == 400
        errors = re.findall(r'class="[^"]*errornote[^"]*"[^>]*>(.*?)</', said.content.decode(), re.DOTALL)
        shown = " ".join(errors) or said.content.decode().split("不能这样提案", 1)[1][:200]
        assert not re.search(r"\b(takes|argument|digits|small)\b", shown), shown


def test_an_accounts_permission_is_wished_for_with_the_list_it_needs(town: Town, secretary: Client) -> None:
    account = town.people["Haitang"].address
    path = "/admin/ledgers/committeewish/permission/"
    given = {"ledger": "harbour", "account": account, "permission": "2", "interval": "40", "reason": "Ours."}
    assert "may transact and deploy contracts" in page(secretary, path)
    refused = secretary.post(path, {**given, "account": "0x12"})
    assert (refused.status_code, CommitteeWish.objects.count()) == (400, 0)
    assert "this is not an address" in refused.content.decode()
    assert "Wish for an account&#x27;s permission" in page(secretary, path), "escaped once"
    assert "&amp;#x27;" not in page(secretary, path)
    assert secretary.post(path, given).status_code == 302
    listed, opened = CommitteeWish.objects.order_by("pk")
    assert (listed.type, listed.arguments) == (21, {"deploy_type": fisco.WHITE_LIST})
    assert (opened.type, opened.arguments) == (22, {"account": account, "open": True})


def test_the_command_wishes_for_both(town: Town) -> None:
    account = town.people["Haitang"].address
    call_command("committee", "harbour", node=NODES[4], role="observer", reason="Ours.", stdout=StringIO())
    call_command(
        "committee", "harbour", account=account, permission="deploy", reason="Ours.", stdout=StringIO()
    )
    assert [row.type for row in CommitteeWish.objects.order_by("pk")] == [51, 21, 22]
    for missing in ({"node": NODES[4]}, {"account": account}):
        with pytest.raises(CommandError, match="needs --"):
            call_command("committee", "harbour", **missing, stdout=StringIO())


def test_the_secretariat_passes_on_for_anybody_byte_for_byte(town: Town, secretary: Client) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True)
    town.work()
    proposal = town.proposal(number)
    path = f"/admin/ledgers/committeeproposal/{proposal.pk}/hand_in/"
    assert "governance.ballot.committee vote" in page(secretary, path)
    raw = town.sign("Haitang", vote_call(number))
    refused = secretary.post(path, {"choice": "against", "raw": raw})
    assert refused.status_code == 409
    assert secretary.post(path, {"choice": "agree", "raw": raw}).status_code == 302
    assert CommitteeTransaction.objects.get().raw == raw
    town.work()
    assert town.proposal(number).status == fisco.PASSED
    assert "passed and applied" in page(secretary, f"/admin/ledgers/committeeproposal/{proposal.pk}/change/")


def test_the_lists_take_the_same_queries_however_long(town: Town, secretary: Client) -> None:
    def asked() -> list[int]:
        found = []
        for name in LISTS:
            with CaptureQueriesContext(connection) as seen:
                page(secretary, f"/admin/ledgers/{name}/")
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
