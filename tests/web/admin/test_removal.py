"""The pages of nodes on their way out: where each stands, and what comes next."""

from __future__ import annotations

import pytest
from django.test import Client

from consortium.members.models import Institution, Node
from governance.chain.models import Ledger, RegistryEntry
from governance.permissions import services
from governance.permissions.models import Removal
from tests.factories import InstitutionFactory
from tests.web.admin.conftest import add_member

pytestmark = pytest.mark.django_db

LIST = "/admin/permissions/removal/"


@pytest.fixture
def node(ledger: Ledger) -> Node:
    """A bank's sealer, by the registry."""
    made = add_member(ledger, 5)
    found: Node = made.node
    return found


def page(client: Client, row: Removal) -> str:
    answer = client.get(f"{LIST}{row.pk}/change/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def ordered(client: Client, **values: object) -> Removal:
    said = {"revocation_reason": "cessationOfOperation", "reason": "The site closes.", **values}
    answer = client.post(f"{LIST}order/", said)
    assert answer.status_code == 302, answer.content.decode()[:500]
    return Removal.objects.latest("ordered_at")


def test_an_ordered_removal_shows_its_steps_and_leads_to_the_draft(zhou_lan: Client, node: Node) -> None:
    row = ordered(zhou_lan, node=node.pk)
    text = page(zhou_lan, row)
    assert "the members have to vote it out of consensus" in text
    assert f"kind=remove_node&amp;institution={node.institution_id}&amp;node={node.pk}" in text
    assert (
        text.index("out of consensus")
        < text.index("off the permission list")
        < text.index("certificate revoked")
    )
    listed = zhou_lan.get(LIST, {"state": "under-way"}).content.decode()
    assert "waits: out of consensus" in listed
    assert "On its way out" in zhou_lan.get(f"/admin/members/node/{node.pk}/change/").content.decode()


def test_all_nodes_of_a_member_leave_together(zhou_lan: Client, node: Node) -> None:
    answer = zhou_lan.post(
        f"{LIST}order/",
        {
            "institution": node.institution_id,
            "revocation_reason": "privilegeWithdrawn",
            "reason": "Expelled by vote 12.",
        },
    )
    assert answer.status_code == 302
    assert Removal.objects.get().node == node


def test_a_node_or_a_member_is_named_and_not_both(zhou_lan: Client, node: Node) -> None:
    both = {"node": node.pk, "institution": node.institution_id}
    for named in ({}, both):
        answer = zhou_lan.post(
            f"{LIST}order/",
            {**named, "revocation_reason": "cessationOfOperation", "reason": "The site closes."},
        )
        assert answer.status_code == 400
    assert not Removal.objects.exists()


def test_what_is_out_of_order_has_no_button_and_is_refused(zhou_lan: Client, node: Node) -> None:
    row = ordered(zhou_lan, node=node.pk)
    assert "finish/" not in page(zhou_lan, row)
    answer = zhou_lan.post(f"{LIST}{row.pk}/finish/", {"reason": "It annoys me."})
    assert (answer.status_code, "first: out of consensus" in answer.content.decode()) == (409, True)


def test_a_withdrawn_removal_is_over(zhou_lan: Client, node: Node) -> None:
    row = ordered(zhou_lan, node=node.pk)
    assert zhou_lan.post(f"{LIST}{row.pk}/withdraw/", {"reason": "The other node."}).status_code == 302
    text = page(zhou_lan, row)
    assert "withdraw/" not in text
    assert str(row.pk) in zhou_lan.get(LIST, {"state": "withdrawn"}).content.decode()
    assert str(row.pk) not in zhou_lan.get(LIST, {"state": "under-way"}).content.decode()


def test_the_regulator_follows_and_orders_nothing(wu_rui: Client, zhou_lan: Client, node: Node) -> None:
    row = services.order_removal(node, actor=zhou_lan.user, reason="The site closes.")  # type: ignore[attr-defined]
    text = page(wu_rui, row)
    assert "the members have to vote it out of consensus" in text
    assert "withdraw/" not in text
    said = {"node": node.pk, "revocation_reason": "keyCompromise", "reason": "Now."}
    assert wu_rui.post(f"{LIST}order/", said).status_code == 403
    assert wu_rui.post(f"{LIST}{row.pk}/withdraw/", {"reason": "No."}).status_code == 403


def test_a_node_that_lost_its_role_waits_for_the_lists(zhou_lan: Client, node: Node) -> None:
    row = ordered(zhou_lan, node=node.pk)
    RegistryEntry.objects.filter(consensus_id=node.consensus_id).delete()
    text = page(zhou_lan, row)
    assert "kind=remove_node" not in text


def test_a_member_without_nodes_has_nothing_to_remove(zhou_lan: Client) -> None:
    bank: Institution = InstitutionFactory(active=True)
    values = {"institution": bank.pk, "revocation_reason": "privilegeWithdrawn", "reason": "Expelled."}
    assert zhou_lan.post(f"{LIST}order/", values).status_code == 302
    assert not Removal.objects.exists()
