"""A member's nodes: registered, moved, retired; ids and names once."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.core.errors import InvalidInput, NotAllowed, NotFound, ReasonRequired
from consortium.core.models import Event
from consortium.members import services
from consortium.members.errors import NodeRetired, NotAMember, Taken
from consortium.members.models import Institution, Node
from consortium.members.states import Status
from tests.factories import InstitutionFactory, NetworkFactory, NodeFactory, UserFactory, consensus_id

pytestmark = pytest.mark.django_db


def register(bank: Institution, **fields: Any) -> Node:
    values = {
        "network": NetworkFactory(),
        "name": "shenzhen-1",
        "software": "besu",
        "software_version": "26.3.0",
        "consensus_id": consensus_id(1),
        "host": "10.1.2.3",
        "port": 30303,
        "push_url": "https://10.1.2.3:9001/",
    }
    values["actor"] = fields.pop("actor", None) or UserFactory(institution=bank)
    return services.register_node(bank, **(values | fields))


def test_a_node_is_registered_and_recorded_with_its_network() -> None:
    bank = InstitutionFactory(active=True)
    node = register(bank, consensus_id="0x04" + consensus_id(1).upper())
    node.full_clean()
    assert node.consensus_id == consensus_id(1)
    event = Event.objects.get()
    assert (event.action, event.node_id, event.institution_id) == ("node.registered", node.pk, bank.pk)
    assert event.data["network"] == "settlement"


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.ADMITTED, Status.ACTIVE}))
def test_who_is_no_member_registers_no_node(status: str) -> None:
    with pytest.raises(NotAMember):
        register(InstitutionFactory(status=status))
    assert not Node.objects.exists()


def test_a_founding_member_registers_nodes_before_its_seat_is_seen() -> None:
    assert register(InstitutionFactory(admitted=True)).name == "shenzhen-1"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("name", "Shenzhen 1", "slug"),
        ("software", "nethermind", "unknown_choice"),
        ("software_version", "1;2", "version"),
        ("consensus_id", "00" * 64, "node_id_off_curve"),
        ("host", "node.example", "ip_address"),
        ("port", 0, "port"),
        ("push_url", "http://10.1.2.3/", "push_url"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_kept(field: str, value: Any, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        register(InstitutionFactory(active=True), **{field: value})
    assert (refused.value.params["field"], refused.value.params["rule"]) == (field, rule)
    assert not Node.objects.exists()


def test_loopback_is_refused_outside_the_demonstration(settings: Any) -> None:
    assert register(InstitutionFactory(active=True), host="127.0.0.1").host == "127.0.0.1"
    settings.DEVELOPMENT = False
    with pytest.raises(InvalidInput):
        register(InstitutionFactory(active=True), host="127.0.0.1", consensus_id=consensus_id(2))


def test_a_node_id_is_registered_once_a_network_and_a_name_once_an_institution() -> None:
    bank, rival = InstitutionFactory.create_batch(2, active=True)
    register(bank)
    with pytest.raises(Taken) as same_id:
        register(rival)
    assert same_id.value.params == {"field": "consensus_id"}
    with pytest.raises(Taken) as same_name:
        register(bank, consensus_id=consensus_id(2))
    assert same_name.value.params == {"field": "name"}
    register(rival, consensus_id=consensus_id(2), host="10.1.2.4")
    register(bank, network=NetworkFactory(slug="custody"))
    assert Node.objects.count() == 3


def test_a_retired_node_keeps_its_id() -> None:
    bank = InstitutionFactory(active=True)
    services.retire_node(register(bank), actor=UserFactory(secretariat=True), reason="sold")
    with pytest.raises(Taken):
        register(bank, name="again")


def change(node: Node, **fields: Any) -> Node:
    values: dict[str, Any] = {
        "host": "10.9.9.9",
        "port": node.port,
        "push_url": node.push_url,
        "software_version": node.software_version,
        "reason": "new data centre",
    }
    values["actor"] = fields.pop("actor", None) or UserFactory(institution=node.institution)
    return services.change_endpoint(node, **(values | fields))


def test_a_moved_node_is_recorded_with_where_it_was() -> None:
    node = NodeFactory()
    former = node.host
    assert change(node).host == "10.9.9.9"
    event = Event.objects.get()
    assert (event.action, event.node_id, event.reason) == ("node.changed", node.pk, "new data centre")
    assert event.data["changes"] == {"host": [former, "10.9.9.9"]}
    assert event.data["network"] == node.network_id


def test_the_same_endpoint_again_leaves_no_event() -> None:
    node = NodeFactory()
    change(node)
    change(node)
    assert Event.objects.count() == 1


def test_a_retired_node_neither_moves_nor_retires_again() -> None:
    node = NodeFactory()
    officer = UserFactory(institution=node.institution)
    assert services.retire_node(node, actor=officer, reason="sold").retired_at is not None
    with pytest.raises(NodeRetired):
        change(node)
    with pytest.raises(NodeRetired):
        services.retire_node(node, actor=officer, reason="sold")
    assert [e.action for e in Event.objects.all()] == ["node.retired"]


def test_other_banks_and_the_regulator_change_nothing() -> None:
    node = NodeFactory()
    for actor, error in ((UserFactory(), NotFound), (UserFactory(regulator=True), NotAllowed)):
        with pytest.raises(error):
            change(node, actor=actor)
        with pytest.raises(error):
            services.retire_node(node, actor=actor, reason="spite")
        with pytest.raises(error):
            register(node.institution, actor=actor)
    with pytest.raises(ReasonRequired):
        change(node, reason="")
    assert not Event.objects.exists()


MORE = {
    "addresses": [("10.8.0.1", 30303), ("fd00::8", 30304)],
    "discovery_port": 30301,
    "raft_port": 50401,
    "is_bootnode": True,
}


def test_a_node_has_further_addresses_and_ports_of_its_own() -> None:
    node = register(InstitutionFactory(active=True), software="goquorum", **MORE)
    node.full_clean()
    assert [str(row) for row in node.addresses.all()] == ["10.8.0.1:30303", "[fd00::8]:30304"]
    assert (node.discovery_port, node.raft_port, node.is_bootnode) == (30301, 50401, True)
    assert Event.objects.get().data["addresses"] == ["10.8.0.1:30303", "[fd00::8]:30304"]


def test_what_a_change_does_not_mention_stays_and_what_it_does_is_recorded() -> None:
    node = register(InstitutionFactory(active=True), **MORE)
    change(node, host=node.host)
    assert Event.objects.count() == 1, "nothing differs"
    changed = change(node, host=node.host, addresses=[("10.8.0.2", 30303)], raft_port=None, software="geth")
    assert (changed.is_bootnode, changed.raft_port, changed.software) == (True, None, "geth")
    assert Event.objects.latest("id").data["changes"] == {
        "software": ["besu", "geth"],
        "raft_port": [50401, None],
        "addresses": [["10.8.0.1:30303", "[fd00::8]:30304"], ["10.8.0.2:30303"]],
    }
    assert [str(row) for row in node.addresses.all()] == ["10.8.0.2:30303"]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("addresses", [("bank.example", 30303)], "ip_address"),
        ("addresses", [("10.8.0.1", 0)], "port"),
        ("addresses", [("10.1.2.3", 30303)], "address_twice"),
        ("addresses", [("10.8.0.1", 30303), ("10.8.0.1", 30303)], "address_twice"),
        ("addresses", [("10.8.0.1", 30303 + number) for number in range(8)], "too_many"),
        ("discovery_port", 65536, "port"),
        ("raft_port", 0, "port"),
    ],
)
def test_a_bad_address_or_port_is_named_and_nothing_is_kept(field: str, value: Any, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        register(InstitutionFactory(active=True), **{field: value})
    assert (refused.value.params["field"], refused.value.params["rule"]) == (field, rule)
    assert not Node.objects.exists()


def test_no_node_takes_the_address_of_another_in_service_since_besu_lets_in_by_address() -> None:
    heming, rival = InstitutionFactory.create_batch(2, active=True)
    first = register(heming, **MORE)
    with pytest.raises(Taken) as same:
        register(rival, consensus_id=consensus_id(2), host="10.8.0.1")
    assert same.value.params == {"field": "host"}
    second = register(rival, consensus_id=consensus_id(2), host="10.1.2.4")
    with pytest.raises(Taken) as same:
        change(second, host="10.1.2.4", addresses=[(first.host, first.port)])
    assert same.value.params == {"field": "addresses"}
    assert not second.addresses.exists()
    register(rival, consensus_id=consensus_id(3), name="on-another", network=NetworkFactory(slug="custody"))
    services.retire_node(first, actor=UserFactory(secretariat=True), reason="sold")
    assert change(second, host=first.host).host == first.host, "a retired node's address is free again"


def test_nodes_that_shared_an_address_before_may_still_note_a_new_version() -> None:
    first = NodeFactory()
    second = NodeFactory(host=first.host)
    assert change(second, host=first.host, software_version="26.4.0").software_version == "26.4.0"
