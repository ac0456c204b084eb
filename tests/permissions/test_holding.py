"""An epoch that the guards found something in goes out when two people say so, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import translation

from certs import services as certificates
from consortium.core import clock
from consortium.core.errors import InvalidInput, NotAllowed, ReasonRequired
from consortium.core.events import COMMAND
from consortium.core.models import Event
from consortium.members.models import Node, User
from consortium.members.services import create_account, deactivate_account
from governance.chain.ledgers.models import GovernedLedger, LedgerNode
from governance.permissions import guards, holding, services
from governance.permissions.errors import NotHeld, NotIndependent, SamePerson, Superseded
from governance.permissions.models import Delivery, Epoch, EpochFinding, GuardPolicy
from tests.factories import UserFactory
from tests.permissions.world import OBSERVER, SEALER, World, network

pytestmark = pytest.mark.django_db

BANKS = ("heming-bank", "qingchuan-bank", "songling-bank", "nanpu-bank")


def town(world: World, role: int = OBSERVER) -> list[Node]:
    """Four nodes with a published list."""
    nodes = [world.admitted(f"{bank}/n1", role=role) for bank in BANKS]
    world.work()
    assert world.published().number == newest().number
    return nodes


def newest() -> Epoch:
    return Epoch.objects.latest("number")


def expire(world: World, nodes: list[Node]) -> None:
    """Their certificates are revoked as superseded, and the new ones never asked for."""
    for node in nodes:
        certificates.revoke(node.certificates.get(), reason="superseded", actor=world.secretary)
    world.work()


def codes(epoch: Epoch) -> list[str]:
    return list(epoch.findings.values_list("code", flat=True))


@pytest.fixture
def li_jun() -> User:
    return UserFactory(secretariat=True, username="li.jun")


def test_a_list_that_drops_three_of_four_nodes_waits_and_the_old_one_stays(world: World) -> None:
    nodes = town(world)
    before = world.published()
    expire(world, nodes[:3])
    held = newest()
    assert codes(held) == [guards.TOO_MANY_DROPPED]
    assert list(holding.held()) == [held]
    assert world.published() == before
    assert list(holding.publishable()) == [before]
    assert set(Delivery.objects.values_list("wanted_epoch", flat=True)) == {before.number}
    event = Event.objects.get(action="epoch.held")
    assert event.data["findings"][0]["code"] == guards.TOO_MANY_DROPPED
    finding = held.findings.get()
    with translation.override("en"):
        assert "3 of 4 nodes would be dropped" in holding.sentence(finding.code, finding.params)


def test_two_people_with_reasons_let_it_out(world: World, li_jun: User) -> None:
    expire(world, town(world)[:3])
    held = newest()
    services.override(held, actor=world.secretary, reason="these sites closed today")
    world.work()
    assert world.published().number == held.number - 1, "one person is not enough"
    services.override(held, actor=li_jun, reason="I called all three")
    world.work()
    assert world.published() == held
    assert not holding.held().exists()
    said = Event.objects.filter(action="epoch.overridden").order_by("id")
    assert [(e.actor_label, e.reason, e.data["lets_out"]) for e in said] == [
        ("wang.min", "these sites closed today", False),
        ("li.jun", "I called all three", True),
    ]


def test_the_same_person_does_not_count_twice_and_nobody_else_counts_at_all(world: World) -> None:
    expire(world, town(world)[:3])
    held = newest()
    officer = Node.objects.first().institution.officers.get()  # type: ignore[union-attr]
    for actor in (officer, UserFactory(regulator=True), COMMAND):
        with pytest.raises(NotAllowed):
            services.override(held, actor=actor, reason="let me")
    with pytest.raises(ReasonRequired):
        services.override(held, actor=world.secretary, reason="  ")
    services.override(held, actor=world.secretary, reason="these sites closed today")
    with pytest.raises(SamePerson):
        services.override(held, actor=world.secretary, reason="once more")
    assert held.overrides.count() == 1


def test_an_account_that_was_made_for_it_is_no_second_person(world: World) -> None:
    nodes = town(world)
    alias = create_account(
        username="wang.min.too", password=None, role="secretariat", institution=None, actor=world.secretary
    )
    expire(world, nodes[:3])
    held = newest()
    services.override(held, actor=world.secretary, reason="these sites closed today")
    with pytest.raises(NotIndependent):
        services.override(held, actor=alias, reason="I called all three")
    with pytest.raises(NotIndependent):
        services.override(held, actor=UserFactory(secretariat=True), reason="made after the list was held")
    assert holding.is_held(held)


def test_who_made_the_first_ones_account_is_no_second_person_either(world: World) -> None:
    nodes = town(world)
    alias = create_account(
        username="wang.min.too", password=None, role="secretariat", institution=None, actor=world.secretary
    )
    expire(world, nodes[:3])
    services.override(newest(), actor=alias, reason="I called all three")
    with pytest.raises(NotIndependent):
        services.override(newest(), actor=world.secretary, reason="these sites closed today")
    assert holding.is_held(newest())


def test_the_word_of_who_was_dismissed_does_not_count_and_what_went_out_stays_out(
    world: World, li_jun: User
) -> None:
    chen_yu = UserFactory(secretariat=True, username="chen.yu")
    expire(world, town(world)[:3])
    held = newest()
    services.override(held, actor=li_jun, reason="trust me")
    deactivate_account(li_jun, actor=world.secretary, reason="dismissed for what he tried")
    services.override(held, actor=world.secretary, reason="these sites closed today")
    assert holding.is_held(held)
    services.override(held, actor=chen_yu, reason="I called all three")
    world.work()
    assert world.published() == held
    deactivate_account(chen_yu, actor=world.secretary, reason="retired")
    assert list(holding.publishable()) == [held]


def test_an_epoch_without_findings_or_already_let_out_needs_nobody(world: World, li_jun: User) -> None:
    nodes = town(world)
    with pytest.raises(NotHeld):
        services.override(newest(), actor=world.secretary, reason="to be sure")
    expire(world, nodes[:3])
    for person in (world.secretary, li_jun):
        services.override(newest(), actor=person, reason="these sites closed today")
    with pytest.raises(NotHeld):
        services.override(newest(), actor=UserFactory(secretariat=True), reason="a third voice adds nothing")


def test_a_newer_list_takes_the_place_of_a_held_one(world: World, li_jun: User) -> None:
    nodes = town(world)
    expire(world, nodes[:3])
    held = newest()
    services.override(held, actor=world.secretary, reason="these sites closed today")
    for node in nodes[:3]:
        world.certify(node)
    world.work()
    assert newest().number == held.number + 1
    assert world.published() == newest(), "everybody is there again"
    with pytest.raises(Superseded):
        services.override(held, actor=li_jun, reason="I called all three")


def test_a_held_list_that_another_held_one_follows_is_not_let_out_by_what_was_said_of_it(
    world: World, li_jun: User
) -> None:
    nodes = town(world)
    before = world.published()
    expire(world, nodes[:3])
    services.override(newest(), actor=world.secretary, reason="these sites closed today")
    world.admitted("lanyu-bank/n1", role=OBSERVER)
    world.work()
    assert codes(newest()) == [guards.TOO_MANY_DROPPED]
    services.override(newest(), actor=li_jun, reason="looks right to me")
    world.work()
    assert world.published() == before, "each list has its own two people"


def test_nodes_dropped_one_by_one_count_together_and_not_for_ever(world: World) -> None:
    nodes = town(world)
    expire(world, nodes[:1])
    expire(world, nodes[1:2])
    assert world.published() == newest(), "two are few"
    expire(world, nodes[2:3])
    assert codes(newest()) == [guards.TOO_MANY_DROPPED]
    with clock.frozen(clock.now() + timedelta(hours=2)):
        assert not services.recheck(network()), "most of the network within a day is too much for one person"
    with clock.frozen(clock.now() + timedelta(hours=25)):
        assert services.recheck(network())
        world.work()
    assert world.published() == newest(), "the last of them alone is no more than one"
    assert codes(newest()) == []


def test_after_two_people_let_a_list_out_counting_begins_anew(world: World, li_jun: User) -> None:
    nodes = town(world)
    expire(world, nodes[:3])
    for person in (world.secretary, li_jun):
        services.override(newest(), actor=person, reason="these sites closed today")
    world.work()
    world.admitted("lanyu-bank/n1", role=OBSERVER)
    world.work()
    assert codes(newest()) == []
    assert world.published() == newest()


def test_the_last_node_does_not_leave_without_two_people(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.work()
    before = world.published()
    world.role(node, 0)
    world.work()
    assert codes(newest()) == [guards.EMPTY_LIST]
    assert world.published() == before


def test_one_stolen_key_is_off_the_list_at_once_though_the_sealers_are_too_few_then(world: World) -> None:
    nodes = town(world, SEALER)
    expire(world, nodes[3:])  # four tolerate one
    assert world.published() == newest()
    world.revoke(nodes[0].certificates.get())
    world.work()
    assert codes(newest()) == []
    assert world.published() == newest()
    assert nodes[0].pk not in set(newest().members.values_list("node", flat=True))


def test_nodes_that_the_guardians_froze_are_off_at_once(world: World) -> None:
    nodes = town(world)
    world.freeze(nodes[0], clock.now() + timedelta(hours=72))
    world.work()
    assert world.published() == newest()
    assert newest().node_count == 3


def test_a_node_stays_listed_until_its_own_ledger_waits_for_it_no_longer(world: World) -> None:
    nodes = town(world)
    ledger = GovernedLedger.objects.create(
        slug="fisco", kind="committee", network_id="settlement", chain_id=20200, genesis_hash="0x" + "1" * 64
    )
    for node in nodes:
        LedgerNode.objects.create(ledger=ledger, consensus_id=node.consensus_id, role=2, weight=1)
    before = world.published()
    world.role(nodes[0], 0)
    world.work()
    assert codes(newest()) == [guards.STILL_SEALS]
    assert world.published() == before
    assert not services.recheck(network()), "nothing has changed yet"
    LedgerNode.objects.filter(consensus_id=nodes[0].consensus_id).update(role=1)  # the governors have voted
    assert services.recheck(network())
    world.work()
    assert world.published() == newest(), "nobody needs to let out what is not dangerous any more"
    assert nodes[0].pk not in set(newest().members.values_list("node", flat=True))


def test_what_counts_as_many_is_the_secretariats_to_set(world: World) -> None:
    nodes = [*town(world), *(world.admitted(f"lanyu-bank/n{number}", role=OBSERVER) for number in (1, 2))]
    world.work()
    services.set_policy(
        network(), dropped_percent=50, dropped_least=4, window_minutes=10, actor=world.secretary,
        reason="a site with three banks closes",
    )  # fmt: skip
    expire(world, nodes[:3])
    assert world.published() == newest()
    event = Event.objects.get(action="guards.changed")
    assert (event.data["before"]["dropped_percent"], event.data["after"]["dropped_percent"]) == (33, 50)


def test_no_policy_lets_most_of_a_network_go(world: World) -> None:
    services.set_policy(
        network(), dropped_percent=50, dropped_least=10, window_minutes=10, actor=world.secretary,
        reason="a site closes",
    )  # fmt: skip
    nodes = town(world)
    expire(world, nodes[:2])
    assert world.published() == newest(), "half of them may"
    with clock.frozen(clock.now() + timedelta(hours=3)):
        expire(world, nodes[2:3])
    assert codes(newest()) == [guards.TOO_MANY_DROPPED], "nor in small steps over the day"
    assert newest().findings.get().params["percent"] == 50


def test_guards_loosened_afterwards_let_no_held_list_out_nor_the_next_one(world: World, li_jun: User) -> None:
    nodes = [*town(world), *(world.admitted(f"lanyu-bank/n{number}", role=OBSERVER) for number in (1, 2))]
    world.work()
    before = world.published()
    expire(world, nodes[:3])
    held = newest()
    services.set_policy(
        network(), dropped_percent=50, dropped_least=10, window_minutes=10, actor=world.secretary, reason="so"
    )
    assert not services.recheck(network())
    world.admitted("nanpu-bank/n2", role=OBSERVER)
    world.work()
    assert newest().number == held.number + 1
    assert codes(newest()) == [guards.TOO_MANY_DROPPED], "by the values of before"
    assert world.published() == before
    for person in (world.secretary, li_jun):
        services.override(newest(), actor=person, reason="these sites closed today")
    world.work()
    assert world.published() == newest()


@pytest.mark.parametrize(
    "wrong",
    [
        {"dropped_percent": 0},
        {"dropped_percent": 51},
        {"dropped_least": 0},
        {"dropped_least": 11},
        {"window_minutes": 9},
    ],
)
def test_a_guard_that_guards_nothing_can_not_be_set(world: World, wrong: dict[str, int]) -> None:
    values = {"dropped_percent": 33, "dropped_least": 3, "window_minutes": 60, **wrong}
    with pytest.raises(InvalidInput):
        services.set_policy(network(), **values, actor=world.secretary, reason="trying")
    assert not GuardPolicy.objects.exists()
    values = {"dropped_percent": 33, "dropped_least": 3, "window_minutes": 60}
    with pytest.raises(NotAllowed):
        services.set_policy(network(), **values, actor=UserFactory(), reason="trying")


def test_what_was_found_and_said_stays_as_it_was(world: World) -> None:
    expire(world, town(world)[:3])
    services.override(newest(), actor=world.secretary, reason="these sites closed today")
    for rows in (EpochFinding.objects.all(), newest().overrides.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(epoch=Epoch.objects.earliest("number"))
