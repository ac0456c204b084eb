"""The page of a rollout: stages, waves and the gate in words, and the buttons that people press."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Network
from governance.chain.models import IndexedBlock
from governance.permissions import rollouts
from governance.permissions.models import (
    Delivery,
    Epoch,
    EpochFile,
    EpochMember,
    Rollout,
    RolloutPolicy,
)
from governance.permissions.rollouts import Status
from governance.permissions.services.rollouts import begin, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def rollout(alliance: SimpleNamespace) -> Rollout:
    """A list that its canary, the only node, was let in to just now."""
    policy = RolloutPolicy.objects.create(network=alliance.epoch.network, mode="staged")
    plan = rollouts.Plan((str(alliance.node.pk),), (0, 5000, 10_000), "ab12")
    made = write(alliance.epoch, None, plan, policy, "", clock.now())
    made.stages.update(published_at=clock.now())
    return made


def page(client: Client, rollout: Rollout) -> str:
    return client.get(reverse("admin:permissions_rollout_change", args=[rollout.pk])).content.decode()


def press(client: Client, name: str, rollout: Rollout, **more: object) -> int:
    address = reverse(f"admin:permissions_rollout_{name}", args=[rollout.pk])
    return client.post(address, {"reason": "The bank asked.", **more}).status_code


def test_stages_waves_and_the_gate_are_shown(
    zhou_lan: Client, alliance: SimpleNamespace, rollout: Rollout
) -> None:
    shown = page(zhou_lan, rollout)
    assert "/halt/" in shown
    for words in ("canaries", "50 %", "everybody", str(alliance.node), "The gate", "Halt"):
        assert words in shown


def test_halt_and_resume(zhou_lan: Client, rollout: Rollout) -> None:
    assert press(zhou_lan, "halt", rollout) == 302
    rollout.refresh_from_db()
    assert rollout.status == Status.HALTED
    assert "Resume" in page(zhou_lan, rollout)
    assert press(zhou_lan, "halt", rollout) == 409
    assert press(zhou_lan, "resume", rollout) == 302
    actions = Event.objects.filter(subject_type="permissions.rollout").values_list("action", "reason")
    assert set(actions) == {
        ("rollout.halted", "The bank asked."), ("rollout.resumed", "The bank asked."),
    }  # fmt: skip


# --- every state has its own buttons ------------------------------------------------------------
@pytest.fixture
def second(alliance: SimpleNamespace, rollout: Rollout) -> Rollout:
    """The same list, that has a former one to go back to."""
    former = Epoch.objects.create(
        network=alliance.epoch.network, number=1, block=11, effective_at=clock.now(),
        content_sha256="aa" * 32, node_count=1, cause="registry.changed", compiled_at=clock.now(),
        published_at=clock.now(),
    )  # fmt: skip
    for epoch in (former, alliance.epoch):
        with_nodes(epoch, alliance)
    Rollout.objects.update(former=former)
    rollout.refresh_from_db()
    return rollout


def with_nodes(epoch: Epoch, alliance: SimpleNamespace) -> Epoch:
    node = alliance.node
    listed = {
        "id": str(node.pk), "name": str(node), "role": "sealer", "consensus_id": node.consensus_id,
        "software": "besu", "addresses": [["10.0.0.1", 30303]], "certificate_serial": "0a",
    }  # fmt: skip
    content = json.dumps({"nodes": [listed]}).encode()
    EpochFile.objects.create(
        epoch=epoch, format="json", path="permissions.json", content=content, sha256="02" * 32
    )
    EpochMember.objects.get_or_create(epoch=epoch, node=node, role=2)
    return epoch


def by_the_gate(rollout: Rollout) -> None:
    Rollout.objects.filter(pk=rollout.pk).update(halted_at=clock.now(), halted_why="too_many_failed")


def offered(client: Client, rollout: Rollout) -> set[str]:
    shown = page(client, rollout)
    names = ("halt", "keep_halted", "resume", "finish", "roll_back")
    return {name for name in names if f"{rollout.pk}/{name}/" in shown}


def test_buttons_of_one_under_way(zhou_lan: Client, second: Rollout) -> None:
    assert offered(zhou_lan, second) == {"halt", "finish", "roll_back"}
    assert press(zhou_lan, "resume", second) == 409
    assert press(zhou_lan, "finish", second) == 302
    assert offered(zhou_lan, second) == {"halt", "roll_back"}


def test_buttons_of_one_that_a_person_halted(zhou_lan: Client, second: Rollout) -> None:
    press(zhou_lan, "halt", second)
    assert offered(zhou_lan, second) == {"resume", "roll_back"}
    assert (press(zhou_lan, "keep_halted", second), press(zhou_lan, "finish", second)) == (409, 409)


def test_what_the_gate_halted_a_person_can_keep_halted(zhou_lan: Client, second: Rollout) -> None:
    by_the_gate(second)
    assert offered(zhou_lan, second) == {"keep_halted", "resume", "roll_back"}
    assert "more nodes failed than are borne" in page(zhou_lan, second)
    assert press(zhou_lan, "keep_halted", second) == 302
    second.refresh_from_db()
    assert second.was_halted_by_a_person
    assert offered(zhou_lan, second) == {"resume", "roll_back"}
    assert press(zhou_lan, "resume", second) == 302
    assert offered(zhou_lan, second) == {"halt", "finish", "roll_back"}


@pytest.mark.parametrize("halted", ["not", "by a person", "by the gate"])
def test_the_way_back_is_open_from_every_state_and_ends_it(
    zhou_lan: Client, alliance: SimpleNamespace, second: Rollout, halted: str
) -> None:
    if halted == "by a person":
        press(zhou_lan, "halt", second)
    elif halted == "by the gate":
        by_the_gate(second)
    IndexedBlock.objects.create(
        ledger=alliance.ledger, number=20, hash="0x" + "20" * 32, timestamp=clock.now()
    )
    assert press(zhou_lan, "roll_back", second, to=1) == 302
    second.refresh_from_db()
    assert second.status == Status.ROLLED_BACK
    assert press(zhou_lan, "resume", second) == 409
    back = Rollout.objects.get(urgency="rollback")
    shown = page(zhou_lan, back)
    assert "Release the network" in shown
    assert "/release/?network=settlement" in shown


def test_buttons_of_one_that_is_over(zhou_lan: Client, second: Rollout) -> None:
    Rollout.objects.update(completed_at=clock.now())
    assert offered(zhou_lan, second) == {"roll_back"}
    Rollout.objects.update(completed_at=None, superseded_at=clock.now())
    newer(second, published=True)
    assert offered(zhou_lan, second) == set()


def newer(rollout: Rollout, *, published: bool = False) -> Epoch:
    made: Epoch = Epoch.objects.create(
        network=rollout.network, number=3, block=18, effective_at=clock.now(), content_sha256="bb" * 32,
        node_count=1, cause="registry.changed", compiled_at=clock.now(),
        published_at=clock.now() if published else None,
    )  # fmt: skip
    return made


def test_a_newer_list_says_who_halted_the_one_before_it(
    zhou_lan: Client, alliance: SimpleNamespace, second: Rollout
) -> None:
    press(zhou_lan, "halt", second)
    begin([with_nodes(newer(second), alliance)], clock.now())
    third = Rollout.objects.get(epoch__number=3)
    shown = page(zhou_lan, third)
    assert "halted before" in shown.lower()
    assert "zhou.lan: The bank asked." in shown
    assert offered(zhou_lan, third) == {"resume"}
    Epoch.objects.filter(number=3).update(published_at=clock.now())
    assert offered(zhou_lan, third) == {"resume", "roll_back"}


def test_everybody_is_let_in(zhou_lan: Client, rollout: Rollout) -> None:
    assert press(zhou_lan, "finish", rollout) == 302
    rollout.refresh_from_db()
    assert rollout.share == rollouts.EVERYBODY


def test_there_is_no_way_back_before_the_first_list(zhou_lan: Client, rollout: Rollout) -> None:
    assert press(zhou_lan, "roll_back", rollout, to=1) == 409


def test_the_regulator_presses_nothing(wu_rui: Client, rollout: Rollout) -> None:
    assert "/halt/" not in page(wu_rui, rollout)
    assert press(wu_rui, "halt", rollout) == 403


def test_a_policy_is_set_in_percent(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    answer = zhou_lan.post(
        reverse("admin:permissions_rollout_policy"),
        {
            "network": alliance.node.network_id, "mode": "staged", "canaries": str(alliance.node),
            "canary_count": 2, "waves": "10, 50, 100 %", "soak_seconds": 60, "silence_seconds": 90,
            "most_failures": 1, "most_failures_percent": 5, "reason": "Carefully.",
        },
    )  # fmt: skip
    assert answer.status_code == 302, answer.content.decode()
    row = RolloutPolicy.objects.get()
    assert (row.canaries, row.waves, row.most_failures_share) == (
        [str(alliance.node.pk)], [1000, 5000, 10_000], 500,
    )  # fmt: skip
    shown = zhou_lan.get(reverse("admin:permissions_rollout_changelist")).content.decode()
    assert "10 %, 50 %, 100 %" in shown


def form_of(client: Client, address: str, network: str) -> dict[str, str]:
    """The form as a browser would send it back, filled in as it is shown."""
    form = client.get(address, {"network": network}).context["form"]
    return {bound.html_name: "" if bound.value() is None else str(bound.value()) for bound in form} | {
        "network": network
    }


def test_a_policy_shows_its_values_and_only_what_is_changed_is_set(
    zhou_lan: Client, alliance: SimpleNamespace
) -> None:
    address = reverse("admin:permissions_rollout_policy")
    network = alliance.node.network_id
    RolloutPolicy.objects.create(
        network_id=network, mode="staged", canaries=[str(alliance.node.pk)], canary_count=2,
        waves=[1500, 10_000], soak_seconds=60, silence_seconds=90, most_failures=1, most_failures_share=250,
    )  # fmt: skip
    filled = form_of(zhou_lan, address, network)
    assert (filled["waves"], filled["canaries"], filled["most_failures_percent"]) == (
        "15 100", str(alliance.node), "2.5",
    )  # fmt: skip
    RolloutPolicy.objects.update(silence_seconds=3600)  # somebody else's change meanwhile
    assert zhou_lan.post(address, {**filled, "reason": "None."}).status_code == 400
    answer = zhou_lan.post(address, {**filled, "soak_seconds": "120", "reason": "Longer."})
    assert answer.status_code == 302, answer.content.decode()
    row = RolloutPolicy.objects.get()
    assert (row.soak_seconds, row.silence_seconds, row.waves, row.most_failures_share) == (
        120, 3600, [1500, 10_000], 250,
    )  # fmt: skip
    assert (row.mode, row.canaries) == ("staged", [str(alliance.node.pk)])


def test_a_network_without_a_policy_is_proposed_careful_waves(
    zhou_lan: Client, alliance: SimpleNamespace
) -> None:
    address = reverse("admin:permissions_rollout_policy")
    filled = form_of(zhou_lan, address, alliance.node.network_id)
    assert zhou_lan.post(address, {**filled, "mode": "staged", "reason": "Carefully."}).status_code == 302
    assert RolloutPolicy.objects.get().waves == [1000, 5000, 10_000]


def test_of_several_networks_one_is_chosen_first(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    Network.objects.create(slug="testing", name_zh="测试", name_en="Testing")
    asked = zhou_lan.get(reverse("admin:permissions_rollout_policy"))
    assert list(asked.context["form"].fields) == ["network"]
    assert 'method="get"' in asked.content.decode()
    other = zhou_lan.get(reverse("admin:permissions_rollout_policy"), {"network": "testing"})
    assert "Testing" in other.content.decode()


def test_nodes_told_no_more_are_found(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    Delivery.objects.filter(pk=alliance.delivery.pk).update(dead_at=clock.now(), pulled_at=None)
    address = reverse("admin:permissions_delivery_changelist") + "?state=given_up"
    assert str(alliance.node) in zhou_lan.get(address).content.decode()
    assert "told any more" in zhou_lan.get(reverse("admin:index")).content.decode()


def test_the_api_says_how_an_epoch_went_out(zhou_lan: Client, rollout: Rollout) -> None:
    found = zhou_lan.get(f"/api/v1/epochs/{rollout.epoch_id}/").json()["rollout"]
    assert (found["status"], found["share"], found["stages"][0]["share"]) == ("rolling", 0, 0)
