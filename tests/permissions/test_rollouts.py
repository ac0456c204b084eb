"""A list that goes out in stages: canaries, waves, the gate between them, and what people may do about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from certs import services as certificates
from consortium.core import clock, events
from consortium.core.errors import IllegalTransition, InvalidInput, NotAllowed, ReasonRequired
from consortium.core.models import Event, OutboxMessage
from consortium.members import services as members
from consortium.members.models import Network, Node
from governance.chain.models import AccountPermission
from governance.permissions import holding, rolling, rollouts, rules, selectors, services
from governance.permissions.errors import NothingToRollBack, NotPinned
from governance.permissions.models import Delivery, Epoch, Rollout, RolloutPolicy
from governance.permissions.rollouts import Status, Why
from governance.permissions.tufrepo import Repository
from tests.permissions.test_compiling import permit
from tests.permissions.test_unchanged import LIST, Ask, age_publication, gateway, learnt  # noqa: F401
from tests.permissions.world import World

pytestmark = pytest.mark.django_db

SOAK = 60
NAMES = ("heming", "qingchuan", "songling", "nanpu", "beichuan", "dongting")


def staged(world: World, nodes: list[Node], **values: Any) -> RolloutPolicy:
    wanted = {
        "mode": "staged", "canaries": nodes[:1], "waves": [5000, 10_000], "soak_seconds": SOAK,
        "silence_seconds": 120, **values,
    }  # fmt: skip
    return services.set_rollout_policy(
        Network.objects.get(slug="settlement"), actor=world.secretary, reason="carefully", **wanted
    )


@pytest.fixture
def nodes(world: World) -> list[Node]:
    """Six nodes that have the first list, in a network whose lists go out in stages."""
    found = [world.admitted(f"{name}-bank/{name}") for name in NAMES]
    world.work()
    answer(*found)
    staged(world, found)
    return found


def answer(*nodes: Node) -> None:
    """These nodes have in force what they should have, and said so."""
    for node in nodes:
        row = Delivery.objects.get(node=node)
        row.applied_epoch = row.reported_epoch = row.wanted_epoch
        row.reported_matches, row.applied_at, row.heard_at = True, clock.now(), clock.now()
        row.save()
        with transaction.atomic():
            events.record(
                "node.acknowledged",
                node,
                actor=events.PUSHER,
                network=node.network_id,
                epoch=row.wanted_epoch,
            )


def refuse(node: Node) -> None:
    row = Delivery.objects.get(node=node)
    Delivery.objects.filter(node=node).update(declined_epoch=row.wanted_epoch, declined_at=clock.now())


def change(world: World, name: str = "gaoling-bank/new") -> Rollout:
    """The list changes: another node joins."""
    world.admitted(name)
    world.work()
    return Rollout.objects.select_related("epoch", "former").latest("epoch__number")


def wanted(nodes: list[Node]) -> list[int]:
    return [Delivery.objects.get(node=node).wanted_epoch for node in nodes]


def in_the_repository(path: str) -> bytes | None:
    """A published file, as the signed metadata name it."""
    for name, target in Repository().state().files("settlement").items():
        if name == f"settlement/{path}":
            folder, _, file = path.rpartition("/")
            place = Repository().directory / "targets" / "settlement" / folder
            return (place / f"{target.hashes['sha256']}.{file}").read_bytes()
    return None


def document() -> dict[str, Any]:
    content = in_the_repository("rollout.json")
    assert content is not None
    return dict(json.loads(content))


def pass_stage(world: World, rollout: Rollout, after: int = SOAK + 1) -> Rollout:
    """All that were let in confirm; the time is over; the gate looks; what it decides is published."""
    rollout.refresh_from_db()
    answer(*Node.objects.filter(delivery__wanted_epoch=rollout.epoch.number))
    reached = rolling.stage(rollout).published_at
    assert reached is not None
    with clock.frozen(max(reached, rollout.resumed_at or reached) + timedelta(seconds=after)):
        services.advance_rollouts()
        world.work()
    rollout.refresh_from_db()
    return rollout


def test_without_a_policy_everybody_is_let_in_at_once(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.work()
    rollout = Rollout.objects.get()
    assert (rollout.status, rollout.share, rollout.canaries) == (Status.COMPLETE, rollouts.EVERYBODY, [])
    assert wanted([node]) == [1]
    assert in_the_repository("rollout.json") is None


def test_the_canary_goes_first_and_the_others_keep_the_former_list(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    assert (rollout.status, rollout.share) == (Status.ROLLING, 0)
    assert wanted(nodes) == [2, 1, 1, 1, 1, 1]
    assert document() == {
        "network": "settlement", "epoch": 2, "from": 1, "canaries": [str(nodes[0].pk)], "share": 0,
        "salt": rollout.salt, "halted": False,
    }  # fmt: skip
    former = Epoch.objects.get(number=1)
    assert {path for path in Repository().state().files("settlement") if "previous" in path} == {
        f"settlement/previous/{file.path}" for file in former.files.all()
    }
    for file in former.files.all():
        assert in_the_repository(f"previous/{file.path}") == bytes(file.content)
    assert rolling.epoch_for(nodes[0]) == rollout.epoch
    assert rolling.epoch_for(nodes[1]) == former
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert [row.node for row in selectors.nodes_behind()] == [nodes[0]], "who waits is not behind"


def test_stage_by_stage_to_everybody(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    shares, let_in = [rollout.share], [wanted(nodes).count(2)]
    while rollout.status == Status.ROLLING:
        rollout = pass_stage(world, rollout)
        shares.append(document()["share"])
        let_in.append(wanted(nodes).count(2))
    assert rollout.status == Status.COMPLETE
    assert shares == [0, 5000, 10_000, 10_000]
    assert let_in == sorted(let_in)
    assert (let_in[0], let_in[-1]) == (1, 6)
    assert not [path for path in Repository().state().files("settlement") if "previous" in path]
    actions = list(Event.objects.filter(action__startswith="rollout.stage").values_list("action", flat=True))
    assert actions.count("rollout.stage_reached") == 3
    assert [stage.share for stage in rollout.stages.all()] == [0, 5000, 10_000]
    assert [stage.verdict["why"] for stage in rollout.stages.all()] == [Why.PASSED] * 3


def test_the_gate_waits_for_the_time_and_for_every_node(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    with clock.frozen(clock.now() + timedelta(seconds=SOAK + 1)):
        assert services.advance_rollouts() == 0
        assert rolling.verdict(rollout).why == Why.AWAITED
    answer(nodes[0])
    assert services.advance_rollouts() == 0
    assert rolling.verdict(rollout).why == Why.SOAKING


def test_a_refusal_halts_it_where_it_is(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    refuse(nodes[0])
    services.advance_rollouts()
    world.work()
    rollout.refresh_from_db()
    assert (rollout.status, rollout.halted_why, rollout.stage) == (Status.HALTED, Why.TOO_MANY_FAILED, 0)
    assert document()["halted"] is True
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert services.advance_rollouts() == 0
    assert wanted(nodes).count(2) == 1


def test_silence_is_a_failure_after_a_while(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    with clock.frozen(clock.now() + timedelta(seconds=121)):
        services.advance_rollouts()
    rollout.refresh_from_db()
    assert (rollout.status, rollout.halted_why) == (Status.HALTED, Why.TOO_MANY_FAILED)
    assert Event.objects.get(action="rollout.halted").data["silent"] == 1


def test_an_answer_moves_it_on_by_itself(world: World, nodes: list[Node]) -> None:
    staged(world, nodes, soak_seconds=0)
    rollout = change(world)
    answer(nodes[0])
    assert OutboxMessage.objects.filter(topic="permissions.advance", done_at=None).exists()
    world.work()
    rollout.refresh_from_db()
    assert rollout.share == 5000


def test_a_person_halts_and_resumes_and_what_failed_is_excused(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    refuse(nodes[0])
    services.halt_rollout(rollout, actor=world.secretary, reason="the canary's bank called")
    world.work()
    assert document()["halted"] is True
    services.resume_rollout(rollout, actor=world.secretary, reason="its disk was full")
    world.work()
    assert document()["halted"] is False
    rollout.refresh_from_db()
    assert rollout.excused == [str(nodes[0].pk)]
    with clock.frozen(clock.now() + timedelta(seconds=SOAK + 1)):
        assert services.advance_rollouts() == 1
    rollout.refresh_from_db()
    assert (rollout.status, rollout.share) == (Status.ROLLING, 5000)
    halted = Event.objects.get(action="rollout.halted")
    assert (halted.actor_id, halted.reason) == (world.secretary.pk, "the canary's bank called")


def test_a_person_lets_everybody_in(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    services.finish_rollout(rollout, actor=world.secretary, reason="known from another network")
    world.work()
    assert wanted(nodes) == [2] * 6
    assert document()["share"] == rollouts.EVERYBODY


def test_a_newer_list_takes_its_place_with_those_first_who_went_first(
    world: World, nodes: list[Node]
) -> None:
    first = change(world)
    first = pass_stage(world, first)
    had = [count == 2 for count in wanted(nodes)]
    second = change(world, "gaoling-bank/newer")
    first.refresh_from_db()
    assert (first.status, second.status) == (Status.SUPERSEDED, Status.ROLLING)
    assert (second.former.number, second.salt) == (1, first.salt)  # type: ignore[union-attr]
    assert wanted(nodes) == [3, *[2 if it else 1 for it in had[1:]]]
    assert set(json.loads(in_the_repository("previous/permissions.json") or b"{}")) >= {"nodes"}


def test_a_compromised_key_leaves_the_list_of_everybody_at_once(world: World, nodes: list[Node]) -> None:
    world.revoke(nodes[5].certificates.get())
    world.work()
    rollout = Rollout.objects.latest("epoch__number")
    assert (rollout.urgency, rollout.status) == (rollouts.Urgency.COMPROMISE, Status.COMPLETE)
    assert wanted(nodes[:5]) == [2] * 5
    assert in_the_repository("rollout.json") is None


def test_a_freeze_of_the_guardians_goes_at_once_too(world: World, nodes: list[Node]) -> None:
    world.freeze(nodes[5], clock.now() + timedelta(days=2))
    world.work()
    rollout = Rollout.objects.latest("epoch__number")
    assert (rollout.urgency, rollout.status) == (rollouts.Urgency.FREEZE, Status.COMPLETE)
    assert wanted(nodes[:5]) == [2] * 5


def test_a_bad_list_is_rolled_back_for_everybody_and_the_network_keeps_the_good_one(
    world: World, nodes: list[Node]
) -> None:
    rollout = change(world)
    answer(nodes[0])
    epoch = services.roll_back(
        rollout.network, to=1, actor=world.secretary, reason="the new node is not what it said"
    )
    world.work()
    rollout.refresh_from_db()
    epoch.refresh_from_db()
    assert (rollout.status, epoch.number, epoch.published_at is not None) == (Status.SUPERSEDED, 3, True)
    assert rollout.rolled_back_at is not None
    assert epoch.cause == "rollout.rolled_back settlement 1"
    assert wanted(nodes) == [3] * 6
    assert world.listed() == {f"{name}-bank/{name}" for name in NAMES}
    again = json.loads(world.content("permissions.json"))
    assert again["epoch"] == 3
    for file in Epoch.objects.get(number=1).files.exclude(path="permissions.json"):
        assert world.content(file.path) == bytes(file.content)  # compiled anew, to the same
    world.admitted("gaoling-bank/newer")
    world.work()
    assert Epoch.objects.latest("number").number == 3, "pinned: nothing is compiled"
    services.release_network(rollout.network, actor=world.secretary, reason="the node was looked at")
    world.work()
    assert len(world.listed()) == 8


def test_a_key_in_other_hands_does_not_wait_until_the_network_is_released(
    world: World, nodes: list[Node]
) -> None:
    change(world)
    services.roll_back(
        nodes[0].network, to=1, actor=world.secretary, reason="the new node is not what it said"
    )
    world.work()
    world.revoke(nodes[2].certificates.get())
    world.work()
    gone = str(nodes[2])
    assert world.published().number == 4
    assert world.listed() == {f"{name}-bank/{name}" for name in NAMES} - {gone}, "nobody new comes with it"
    world.admitted("gaoling-bank/newer")
    world.work()
    assert world.published().number == 4, "the network is pinned as before"


def voted_out(world: World, node: Node) -> None:
    world.role(node, 0)


def suspended(world: World, node: Node) -> None:
    world.suspend(node.institution)


def frozen(world: World, node: Node) -> None:
    world.freeze(node, clock.now() + timedelta(hours=72))


def robbed(world: World, node: Node) -> None:
    world.revoke(node.certificates.get())


def withdrawn(world: World, node: Node) -> None:
    certificates.revoke(node.certificates.get(), reason="privilegeWithdrawn", actor=world.secretary)


def retired(world: World, node: Node) -> None:
    members.retire_node(node, actor=node.institution.officers.get(), reason="sold")


def for_everybody(world: World) -> None:
    """The newest list, whether or not it goes out in stages."""
    world.work()
    rollout = Rollout.objects.latest("epoch__number")
    if rollout.status == Status.ROLLING:
        services.finish_rollout(rollout, actor=world.secretary, reason="quickly")
    world.work()


@pytest.mark.parametrize("sent_away", [voted_out, suspended, frozen, robbed, withdrawn, retired])
def test_a_rollback_brings_nobody_back(
    world: World, nodes: list[Node], sent_away: Callable[[World, Node], None]
) -> None:
    """Not for a moment, and though nothing is held: one person is enough to take back, and for no more."""
    sent_away(world, nodes[5])
    for_everybody(world)
    world.admitted("gaoling-bank/new")
    for_everybody(world)
    assert str(nodes[5]) not in world.listed()
    epoch = services.roll_back(nodes[0].network, to=1, actor=world.secretary, reason="it was a mistake")
    world.work()
    epoch.refresh_from_db()
    assert epoch.published_at is not None
    assert world.listed() == {str(node) for node in nodes[:5]}


def test_a_rollback_gives_no_account_its_permission_back(world: World, nodes: list[Node]) -> None:
    kept, lost, later = ("0x" + letters * 20 for letters in ("a1", "b2", "c3"))
    bank = nodes[0].institution.uscc
    permit(world, bank, kept, 2)
    permit(world, bank, lost, 2)
    for_everybody(world)
    with_both = world.published().number
    AccountPermission.objects.get(address=lost).delete()
    permit(world, bank, later, 2)
    for_everybody(world)
    services.roll_back(nodes[0].network, to=with_both, actor=world.secretary, reason="it was a mistake")
    world.work()
    listed = json.loads(world.content("permissions.json"))
    assert [each["address"] for each in listed["accounts"]] == [kept]
    besu = world.content("besu/permissions_config.toml").decode()
    assert (kept in besu, lost in besu, later in besu) == (True, False, False)


def test_a_rollback_lets_no_key_in_that_was_taken_back(world: World) -> None:
    """The node has a new one, so it stays; the old one is in other hands."""
    names = ("heming-bank/n1", "nanpu-bank/n1", "qingchuan-bank/n1", "songling-bank/n1")
    heming, *_ = [world.admitted(name, kind="rsa2048", software="fisco-bcos") for name in names]
    world.work()
    stolen = heming.certificates.get()
    world.certify(heming, "rsa2048")
    world.work()
    world.revoke(stolen)
    world.work()
    epoch = services.roll_back(heming.network, to=1, actor=world.secretary, reason="something broke")
    world.work()
    epoch.refresh_from_db()
    assert epoch.published_at is not None
    assert world.listed() == set(names)
    black, white = world.content("fisco-bcos/certificates.ini").decode().split("[certificate_whitelist]")
    assert stolen.tls_id in black
    assert stolen.tls_id not in white


def test_only_people_of_the_secretariat_and_only_with_a_reason(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    officer = nodes[0].institution.officers.get()
    for act in (services.halt_rollout, services.resume_rollout, services.finish_rollout):
        with pytest.raises(NotAllowed):
            act(rollout, actor=officer, reason="because")
        with pytest.raises(ReasonRequired):
            act(rollout, actor=world.secretary, reason=" ")
    with pytest.raises(NotAllowed):
        services.roll_back(rollout.network, to=1, actor=officer, reason="because")
    with pytest.raises(IllegalTransition):
        services.resume_rollout(rollout, actor=world.secretary, reason="it is not halted")
    with pytest.raises(NothingToRollBack):
        services.roll_back(rollout.network, to=2, actor=world.secretary, reason="the newest is no way back")
    with pytest.raises(NotPinned):
        services.release_network(rollout.network, actor=world.secretary, reason="nothing is held")


@pytest.mark.parametrize(
    "values",
    [{"waves": [5000]}, {"waves": []}, {"mode": "sometimes"}, {"soak_seconds": -1}, {"silence_seconds": 0},
     {"most_failures_share": 10_001}],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(
    world: World, nodes: list[Node], values: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        staged(world, nodes, **values)


def test_a_canary_of_another_network_is_refused(world: World, nodes: list[Node]) -> None:
    with pytest.raises(InvalidInput):
        staged(world, nodes, canaries=[world.node("heming-bank/far", network="payments")])


# --- A person's halt holds ------------------------------------------------------------------------------
def test_a_stage_that_was_not_published_when_it_was_halted_lets_nobody_in(
    world: World, nodes: list[Node]
) -> None:
    rollout = change(world)
    answer(nodes[0])
    with clock.frozen(clock.now() + timedelta(seconds=SOAK + 1)):
        assert services.advance_rollouts() == 1
        assert rolling.epoch_for(nodes[0]) == rollout.epoch
        assert {rolling.epoch_for(node) for node in nodes[1:]} == {rollout.former}, "it is not signed yet"
        services.halt_rollout(rollout, actor=world.secretary, reason="the canary's bank called")
        world.work()
    rollout.refresh_from_db()
    assert (rollout.status, rollout.stage, rollout.share) == (Status.HALTED, 0, 0)
    assert (document()["share"], document()["halted"]) == (0, True)
    assert wanted(nodes) == [2, 1, 1, 1, 1, 1]
    assert [stage.number for stage in rollout.stages.all()] == [0]


def test_resumed_it_goes_on_stage_by_stage_after_another_look(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    answer(nodes[0])
    with clock.frozen(clock.now() + timedelta(seconds=SOAK + 1)):
        services.advance_rollouts()
        services.halt_rollout(rollout, actor=world.secretary, reason="the canary's bank called")
        services.resume_rollout(rollout, actor=world.secretary, reason="it was its disk")
        world.work()
        assert services.advance_rollouts() == 0, "the canaries are watched anew"
    assert document()["share"] == 0
    shares = []
    while rollout.status != Status.COMPLETE:
        rollout = pass_stage(world, rollout)
        shares.append(document()["share"])
    assert shares == [5000, 10_000, 10_000]


def test_rolled_back_a_stage_that_was_not_published_never_is(world: World, nodes: list[Node]) -> None:
    for number in range(8):
        world.admitted(f"gaoling-bank/many-{number}")
    world.work()
    services.finish_rollout(Rollout.objects.latest("begun_at"), actor=world.secretary, reason="quickly")
    world.work()
    answer(*nodes[:5])
    rollout = change(world)
    services.finish_rollout(rollout, actor=world.secretary, reason="quickly, too")
    epoch = services.roll_back(nodes[0].network, to=1, actor=world.secretary, reason="it was a mistake")
    world.work()
    assert holding.is_held(epoch), "until two people have let it out"
    assert (document()["epoch"], document()["share"]) == (3, 0)
    assert wanted(nodes[:5]) == [3, 2, 2, 2, 2]


def halted_and_renewed(world: World, nodes: list[Node]) -> tuple[Rollout, Rollout]:
    """A person halts a list; then a node's certificate is renewed, which makes another."""
    first = change(world)
    services.halt_rollout(first, actor=world.secretary, reason="the canary's bank called")
    world.work()
    world.certify(nodes[3])
    world.work()
    first.refresh_from_db()
    return first, Rollout.objects.latest("epoch__number")


@pytest.mark.parametrize("mode", ["staged", "at_once"])
def test_a_persons_halt_holds_for_the_list_that_takes_its_place(
    world: World, nodes: list[Node], mode: str
) -> None:
    first = change(world)
    staged(world, nodes, mode=mode)
    services.halt_rollout(first, actor=world.secretary, reason="the canary's bank called")
    world.work()
    world.certify(nodes[3])
    world.work()
    first.refresh_from_db()
    second = Rollout.objects.latest("epoch__number")
    assert (first.status, second.status) == (Status.SUPERSEDED, Status.HALTED)
    assert (second.acted_by, second.reason) == (world.secretary, "the canary's bank called")
    assert (second.was_halted_before, first.was_halted_before) == (True, False)
    assert (document()["epoch"], document()["share"], document()["canaries"]) == (3, 0, [])
    assert wanted(nodes) == [1] * 6, "nobody is asked for what nobody is given"
    assert {rolling.epoch_for(node) for node in nodes} == {first.former}
    told = Event.objects.filter(action="rollout.halted").latest("id")
    assert (told.subject_id, told.reason, told.data["before"]) == (
        str(second.pk), "the canary's bank called", 2,
    )  # fmt: skip
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert services.advance_rollouts() == 0


def test_resumed_the_list_that_stayed_halted_begins_with_its_canaries(
    world: World, nodes: list[Node]
) -> None:
    _first, second = halted_and_renewed(world, nodes)
    world.certify(nodes[4])
    world.work()
    third = Rollout.objects.latest("epoch__number")
    assert (third.status, third.reason) == (Status.HALTED, second.reason), "as long as nobody resumes"
    services.resume_rollout(third, actor=world.secretary, reason="the bank was wrong")
    world.work()
    assert (document()["share"], document()["canaries"]) == (0, [str(nodes[0].pk)])
    assert wanted(nodes) == [4, 1, 1, 1, 1, 1]
    third.refresh_from_db()
    while third.status == Status.ROLLING:
        third = pass_stage(world, third)
    assert (third.status, wanted(nodes)) == (Status.COMPLETE, [4] * 6)


def test_what_is_urgent_does_not_heed_a_halt(world: World, nodes: list[Node]) -> None:
    halted_and_renewed(world, nodes)
    world.revoke(nodes[5].certificates.get())
    world.work()
    rollout = Rollout.objects.exclude(urgency="").latest("epoch__number")
    assert (rollout.urgency, rollout.status) == (rollouts.Urgency.COMPROMISE, Status.COMPLETE)
    assert wanted(nodes[:5]) == [rollout.epoch.number] * 5


def test_a_rollback_ends_the_halt(world: World, nodes: list[Node]) -> None:
    halted_and_renewed(world, nodes)
    services.roll_back(nodes[0].network, to=1, actor=world.secretary, reason="it was not the disk")
    world.work()
    services.release_network(nodes[0].network, actor=world.secretary, reason="looked at")
    world.work()
    rollout = Rollout.objects.latest("epoch__number")
    assert (rollout.status, rollout.epoch.cause.split()[0]) == (Status.ROLLING, "rollout.released")


def test_the_gates_own_halt_ends_with_the_list_that_mends_it(world: World, nodes: list[Node]) -> None:
    rollout = change(world)
    refuse(nodes[0])
    services.advance_rollouts()
    world.work()
    second = change(world, "gaoling-bank/newer")
    rollout.refresh_from_db()
    assert (rollout.status, second.status) == (Status.SUPERSEDED, Status.ROLLING)


# --- Without an agent: the list's short address ---------------------------------------------------------
def test_the_short_address_gives_each_node_the_list_that_is_for_it(
    world: World,
    nodes: list[Node],
    gateway: Ask,  # noqa: F811
) -> None:
    services.keep_permits()
    age_publication()
    former = {node: learnt(gateway, node) for node in nodes}
    rollout = change(world)
    age_publication()
    sha256 = rollout.epoch.files.get(path="besu/permissions_config.toml").sha256
    canary, *others = nodes
    status, headers, body = gateway(canary, LIST, former[canary])
    assert (status, headers["Epoch"], headers["ETag"]) == ("200 OK", "2", f'"{sha256}"')
    assert rules.sha256(body) == sha256
    for node in others:
        for _again in range(2):  # by the application, then from memory
            status, headers, _ = gateway(node, LIST, former[node])
            assert (status, headers["Epoch"]) == ("304 Not Modified", "1")
    rollout = pass_stage(world, rollout)
    age_publication()
    for node in others:
        for _again in range(2):
            status, headers, _ = gateway(node, LIST, former[node])
            is_in = rollout.admits(node.pk)
            assert (status, headers["Epoch"]) == (("200 OK", "2") if is_in else ("304 Not Modified", "1"))
    services.finish_rollout(rollout, actor=world.secretary, reason="all went well")
    world.work()
    age_publication()
    for node in others:
        status, headers, _ = gateway(node, LIST, former[node])
        assert (status, headers["Epoch"]) == ("200 OK", "2")


def test_a_stage_that_is_not_signed_yet_is_not_told_from_memory_either(
    world: World,
    nodes: list[Node],
    gateway: Ask,  # noqa: F811
) -> None:
    services.keep_permits()
    rollout = change(world)
    answer(nodes[0])
    age_publication()
    with clock.frozen(clock.now() + timedelta(seconds=SOAK + 1)):
        services.advance_rollouts()
        rollout.refresh_from_db()
        entering = next(node for node in nodes[1:] if rollout.admits(node.pk))
        assert gateway(entering, LIST)[1]["Epoch"] == "1"
        etag = learnt(gateway, entering)
        world.work()
    status, headers, _ = gateway(entering, LIST, etag)
    assert (status, headers["Epoch"]) == ("200 OK", "2")
