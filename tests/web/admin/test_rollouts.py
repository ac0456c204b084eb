"""The page of a rollout: stages, waves and the gate in words, and the buttons that people press."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from consortium.core import clock
from consortium.core.models import Event
from governance.permissions import rollouts
from governance.permissions.models import Delivery, Rollout, RolloutPolicy
from governance.permissions.rollouts import Status
from governance.permissions.services.rollouts import write

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


def test_nodes_told_no_more_are_found(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    Delivery.objects.filter(pk=alliance.delivery.pk).update(dead_at=clock.now(), pulled_at=None)
    address = reverse("admin:permissions_delivery_changelist") + "?state=given_up"
    assert str(alliance.node) in zhou_lan.get(address).content.decode()
    assert "told any more" in zhou_lan.get(reverse("admin:index")).content.decode()


def test_the_api_says_how_an_epoch_went_out(zhou_lan: Client, rollout: Rollout) -> None:
    found = zhou_lan.get(f"/api/v1/epochs/{rollout.epoch_id}/").json()["rollout"]
    assert (found["status"], found["share"], found["stages"][0]["share"]) == ("rolling", 0, 0)
