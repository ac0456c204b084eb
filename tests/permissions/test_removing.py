"""A node's way out on a real alliance: votes, lists, nodes' reports, and the revocation at the end."""

from __future__ import annotations

import pytest
from django.utils import translation

from certs import services as certificates
from certs.models import Revocation
from consortium.core import clock
from consortium.core.errors import NotAllowed, ReasonRequired
from consortium.core.models import Event
from consortium.members.models import Node, User
from governance.chain.ledgers.models import GovernedLedger, LedgerNode
from governance.permissions import removals, services, tasks
from governance.permissions.errors import OutOfOrder, RemovalOver, RemovalUnderWay
from governance.permissions.models import Delivery, Removal
from governance.permissions.removal import Name, State, Wait
from tests.factories import UserFactory
from tests.permissions.world import OBSERVER, World

pytestmark = pytest.mark.django_db
BANKS = ("heming-bank", "qingchuan-bank", "songling-bank", "nanpu-bank", "yunting-bank")


@pytest.fixture
def nodes(world: World) -> list[Node]:
    """Five sealers, all of which have their list."""
    found = [world.admitted(f"{bank}/n1") for bank in BANKS]
    world.work()
    everybody_applies(world, found)
    return found


def everybody_applies(world: World, nodes: list[Node]) -> None:
    for node in nodes:
        Delivery.objects.update_or_create(
            node=node, defaults={"applied_epoch": world.published().number, "applied_at": clock.now()}
        )


def due(row: Removal) -> tuple[Name, Wait]:
    (step,) = [step for step in removals.steps(row) if step.state is State.DUE]
    return step.name, step.waits_for


def reasons(node: Node) -> list[str]:
    return list(Revocation.objects.filter(certificate__node=node).values_list("reason", flat=True))


def order(node: Node, world: World, **more: str) -> Removal:
    return services.order_removal(node, actor=world.secretary, reason="the site closes", **more)


def test_a_node_leaves_step_by_step_and_is_revoked_last(world: World, nodes: list[Node]) -> None:
    leaving, *staying = nodes
    row = order(leaving, world)
    assert due(row) == (Name.CONSENSUS, Wait.MEMBERS_VOTE)
    world.role(leaving, OBSERVER)
    world.work()
    assert due(row) == (Name.LISTS, Wait.REMOVAL_VOTE)
    world.role(leaving, 0)
    assert due(row) == (Name.LISTS, Wait.SIGNING)
    world.work()
    assert due(row) == (Name.APPLIED, Wait.NODES)
    everybody_applies(world, staying[1:])
    (step,) = [step for step in removals.steps(row) if step.state is State.DUE]
    assert step.missing == ("qingchuan-bank/n1",)
    tasks.advance_removals()
    assert reasons(leaving) == []
    everybody_applies(world, staying)
    assert due(row) == (Name.REVOCATION, Wait.CONSOLE)
    tasks.advance_removals()
    row.refresh_from_db()
    assert reasons(leaving) == ["cessationOfOperation"]
    assert row.completed_at is not None
    assert all(step.state is State.DONE for step in removals.steps(row))
    times = [step.at for step in removals.steps(row)]
    assert None not in times
    revoked = Event.objects.get(action="certificate.revoked")
    assert (revoked.actor_label, revoked.reason) == ("wang.min", "the site closes"), "who decided it, did it"
    told = Event.objects.filter(action__startswith="removal.").order_by("id")
    assert list(told.values_list("action", flat=True)) == ["removal.ordered", "removal.completed"]


def test_a_lost_key_is_revoked_and_unlisted_at_once_and_voted_out_afterwards(
    world: World, nodes: list[Node]
) -> None:
    lost, *staying = nodes
    row = order(lost, world, revocation_reason="keyCompromise")
    assert reasons(lost) == ["keyCompromise"]
    world.work()
    assert lost.pk not in set(world.published().members.values_list("node", flat=True))
    assert due(row) == (Name.APPLIED, Wait.NODES)
    everybody_applies(world, staying)
    assert due(row) == (Name.CONSENSUS, Wait.MEMBERS_VOTE)
    tasks.advance_removals()
    row.refresh_from_db()
    assert row.is_open
    world.role(lost, 0)
    tasks.advance_removals()
    row.refresh_from_db()
    assert row.completed_at is not None


def test_a_planned_removal_gives_way_when_the_key_is_lost_meanwhile(world: World, nodes: list[Node]) -> None:
    planned = order(nodes[0], world)
    with pytest.raises(RemovalUnderWay):
        order(nodes[0], world)
    order(nodes[0], world, revocation_reason="keyCompromise")
    planned.refresh_from_db()
    assert planned.withdrawn_at is not None
    assert reasons(nodes[0]) == ["keyCompromise"]
    with pytest.raises(RemovalUnderWay):
        order(nodes[0], world, revocation_reason="keyCompromise")


@translation.override("en")
def test_nothing_is_revoked_out_of_order(world: World, nodes: list[Node]) -> None:
    leaving = nodes[0]
    row = order(leaving, world)
    with pytest.raises(OutOfOrder, match="out of consensus"):
        services.finish_removal(row, actor=world.secretary, reason="it annoys me")
    world.role(leaving, 0)
    with pytest.raises(OutOfOrder, match="off the permission list"):
        services.finish_removal(row, actor=world.secretary, reason="it annoys me")
    assert reasons(leaving) == []


def test_a_node_that_is_off_for_good_holds_nobody_up_for_ever(world: World, nodes: list[Node]) -> None:
    leaving, *staying = nodes
    row = order(leaving, world)
    world.role(leaving, 0)
    world.work()
    everybody_applies(world, staying[1:])
    services.finish_removal(
        row, actor=world.secretary, reason="Qingchuan's node is in the cellar, dismantled"
    )
    row.refresh_from_db()
    assert row.completed_at is not None
    assert reasons(leaving) == ["cessationOfOperation"]
    event = Event.objects.get(action="removal.hastened")
    assert event.data["missing"] == ["qingchuan-bank/n1"]
    with pytest.raises(RemovalOver):
        services.finish_removal(row, actor=world.secretary, reason="again")


def test_a_withdrawn_removal_revokes_nothing(world: World, nodes: list[Node]) -> None:
    leaving, *staying = nodes
    row = order(leaving, world)
    services.withdraw_removal(row, actor=world.secretary, reason="it was the other node")
    world.role(leaving, 0)
    world.work()
    everybody_applies(world, staying)
    tasks.advance_removals()
    assert reasons(leaving) == []
    with pytest.raises(RemovalOver):
        services.withdraw_removal(row, actor=world.secretary, reason="again")
    assert order(leaving, world).is_open


def test_what_members_admit_again_later_is_no_part_of_a_completed_removal(
    world: World, nodes: list[Node]
) -> None:
    leaving, *staying = nodes
    row = order(leaving, world)
    world.role(leaving, 0)
    world.work()
    everybody_applies(world, staying)
    tasks.advance_removals()
    world.certify(leaving)
    world.role(leaving)
    world.work()
    tasks.advance_removals()
    assert leaving.certificates.filter(revocation__isnull=True).count() == 1
    assert order(leaving, world).pk != row.pk


def test_the_console_revokes_only_in_the_name_of_somebody_who_may(world: World, nodes: list[Node]) -> None:
    leaving, *staying = nodes
    row = order(leaving, world)
    world.role(leaving, 0)
    world.work()
    everybody_applies(world, staying)
    User.objects.filter(pk=world.secretary.pk).update(is_active=False)
    assert due(Removal.objects.get(pk=row.pk)) == (Name.REVOCATION, Wait.PERSON)
    tasks.advance_removals()
    assert reasons(leaving) == []
    li_jun = UserFactory(secretariat=True, username="li.jun")
    services.finish_removal(row, actor=li_jun, reason="Wang Min has left us")
    assert reasons(leaving) == ["cessationOfOperation"]


def test_the_networks_own_ledger_is_waited_for_and_the_list_with_it(world: World, nodes: list[Node]) -> None:
    leaving = nodes[0]
    ledger = GovernedLedger.objects.create(
        slug="fisco", kind="committee", network_id="settlement", chain_id=20200, genesis_hash="0x" + "1" * 64
    )
    for node in nodes:
        LedgerNode.objects.create(ledger=ledger, consensus_id=node.consensus_id, role=2, weight=1)
    row = order(leaving, world)
    world.role(leaving, 0)
    world.work()
    assert due(row) == (Name.CONSENSUS, Wait.OWN_LEDGER)
    assert leaving.pk in set(world.published().members.values_list("node", flat=True)), "the others need it"
    LedgerNode.objects.filter(consensus_id=leaving.consensus_id).delete()
    assert due(row) == (Name.LISTS, Wait.TWO_PEOPLE)
    tasks.recheck_lists()  # within a minute the guards see that the ledger waits for it no longer
    world.work()
    assert due(row) == (Name.APPLIED, Wait.NODES)


def test_expelling_a_member_orders_the_removal_of_all_its_nodes(world: World, nodes: list[Node]) -> None:
    bank = nodes[0].institution
    world.admitted("heming-bank/n2", role=OBSERVER)
    order(nodes[0], world)
    (made,) = services.order_removals(bank, actor=world.secretary, reason="expelled by vote 12")
    assert (made.node.name, made.revocation_reason) == ("n2", "privilegeWithdrawn")


def test_only_the_secretariat_orders_and_says_why(world: World, nodes: list[Node]) -> None:
    officer = nodes[0].institution.officers.get()
    for actor in (officer, UserFactory(regulator=True)):
        with pytest.raises(NotAllowed):
            services.order_removal(nodes[0], actor=actor, reason="the site closes")
    with pytest.raises(ReasonRequired):
        services.order_removal(nodes[0], actor=world.secretary, reason=" ")
    assert not Removal.objects.exists()


def test_a_certificate_revoked_directly_counts_and_is_told_to_have_come_early(
    world: World, nodes: list[Node]
) -> None:
    row = order(nodes[0], world)
    certificates.revoke(nodes[0].certificates.get(), reason="superseded", actor=world.secretary)
    (early,) = [step for step in removals.steps(row) if step.is_early]
    assert early.name is Name.REVOCATION
    assert due(row) == (Name.CONSENSUS, Wait.MEMBERS_VOTE)
