"""A secretariat's program has nodes leave, and everybody concerned follows step by step."""

from __future__ import annotations

from typing import Any

from consortium.core import clock
from governance.permissions import services as permissions
from governance.permissions.models import Epoch, EpochMember, Removal
from tests.factories import NodeFactory
from tests.web.portal.town import Town

WHY = {"revocation_reason": "cessationOfOperation", "reason": "The site closes."}


def test_the_secretariat_orders_a_removal_and_sees_where_it_stands(town: Town, api: Any) -> None:
    secretary = api(town.wang_min)
    made = secretary.post("removals/", {"node": str(town.heming.node.pk), **WHY})
    assert made.status_code == 201, made.content
    (row,) = made.json()
    assert (row["state"], row["ordered_by"], row["name"]) == ("under_way", "wang.min", str(town.heming.node))
    found = secretary.get(f"removals/{row['id']}/").json()
    names = [step["name"] for step in found["steps"]]
    assert names == ["consensus", "lists", "applied", "revocation"]
    (due,) = [step for step in found["steps"] if step["state"] == "due"]
    assert (due["name"], due["waits_for"]) == ("lists", "signing")
    again = secretary.post("removals/", {"node": str(town.heming.node.pk), **WHY})
    assert (again.status_code, again.json()["code"]) == (409, "removal_under_way")


def test_a_key_in_other_hands_goes_the_other_way_round(town: Town, api: Any) -> None:
    body = {"node": str(town.heming.node.pk), **WHY, "revocation_reason": "keyCompromise"}
    (row,) = api(town.wang_min).post("removals/", body).json()
    assert (row["steps"][0]["name"], row["steps"][0]["state"]) == ("revocation", "done")
    town.heming.certificate.refresh_from_db()
    assert town.heming.certificate.revocation.reason == "keyCompromise"


def test_all_nodes_of_an_expelled_member_leave_but_those_on_their_way(town: Town, api: Any) -> None:
    body = {"institution": str(town.heming.institution.pk), **WHY, "revocation_reason": "privilegeWithdrawn"}
    made = api(town.wang_min).post("removals/", body).json()
    assert [row["node"] for row in made] == [str(town.heming.node.pk)]


def test_a_body_names_a_node_or_a_member(town: Town, api: Any) -> None:
    secretary = api(town.wang_min)
    both = {"node": str(town.heming.node.pk), "institution": str(town.heming.institution.pk)}
    assert [secretary.post("removals/", {**named, **WHY}).status_code for named in ({}, both)] == [400, 400]
    other = {**WHY, "node": both["node"], "revocation_reason": "certificateHold"}
    assert secretary.post("removals/", other).status_code == 400


def test_a_removal_is_withdrawn_and_not_hastened_out_of_order(town: Town, api: Any) -> None:
    secretary = api(town.wang_min)
    path = f"removals/{town.heming.removal.pk}/"
    made = secretary.post("removals/", {"node": str(town.heming.node.pk), **WHY}).json()[0]["id"]
    early = secretary.post(f"removals/{made}/completion/", {"reason": "Now."})
    assert (early.status_code, early.json()["code"]) == (409, "out_of_order")
    gone = secretary.post(f"{path}withdrawal/", {"reason": "It stays."}).json()
    assert (gone["state"], gone["withdrawn_at"] is not None) == ("withdrawn", True)
    assert secretary.post(f"{path}withdrawal/", {"reason": "Again."}).status_code == 409
    ids = [row["id"] for row in secretary.get("removals/", state="withdrawn").json()["results"]]
    assert ids == [str(town.heming.removal.pk)]
    assert secretary.get("removals/", state="lost").status_code == 400


def test_a_member_follows_its_own_and_the_regulator_all_and_neither_orders(town: Town, api: Any) -> None:
    own = api(town.heming.officer)
    assert [row["id"] for row in own.get("removals/").json()["results"]] == [str(town.heming.removal.pk)]
    assert len(api(town.wu_rui).get("removals/").json()["results"]) == 2
    body = {"node": str(town.heming.node.pk), **WHY}
    before = Removal.objects.count()
    for account in (own, api(town.wu_rui)):
        assert account.post("removals/", body).status_code == 403
        path = f"removals/{town.heming.removal.pk}/withdrawal/"
        assert account.post(path, {"reason": "No."}).status_code == 403
    assert Removal.objects.count() == before
    foreign = f"removals/{town.qingchuan.removal.pk}/"
    assert own.get(foreign).status_code == 404


def test_a_member_reads_how_many_nodes_are_awaited_and_the_names_of_its_own(town: Town, api: Any) -> None:
    bank, now = town.heming, clock.now()
    stranger = NodeFactory(institution=town.qingchuan.institution, network=bank.node.network, name="node-7")
    without = Epoch.objects.create(
        network=bank.node.network, number=2, block=8, effective_at=now, content_sha256="ba" * 32,
        node_count=2, cause="registry.changed", compiled_at=now, published_at=now,
    )  # fmt: skip
    for node in (stranger, bank.removal.node):
        EpochMember.objects.create(epoch=without, node=node, role=1)
    row = permissions.order_removal(bank.node, actor=town.wang_min, reason="The site closes.")
    seen = {}
    for account in (bank.officer, town.wang_min):
        (due,) = [
            step for step in api(account).get(f"removals/{row.pk}/").json()["steps"] if step["state"] == "due"
        ]
        seen[account.username] = (due["waits_for"], due["waited"], due["missing"])
    own = str(bank.removal.node)
    assert seen[bank.officer.username] == ("nodes", 2, [own])
    assert seen["wang.min"] == ("nodes", 2, sorted([own, str(stranger)]))
