"""The console's default for old agents goes with the agent that comes with it."""

from __future__ import annotations

import pytest

from consortium.members.models import Node
from governance.agent import VERSION
from governance.permissions import drift
from governance.permissions.models import Alarm
from governance.permissions.services import drifting
from tests.permissions.world import World


def test_by_default_this_agent_is_new_enough_and_the_one_before_is_not() -> None:
    oldest = drifting.policy().oldest_agent
    assert not drift.is_older(VERSION, oldest)
    assert drift.is_older("1.0", oldest)


@pytest.mark.django_db(transaction=True)
def test_an_agent_of_the_release_before_is_an_alarm_and_this_one_ends_it(world: World) -> None:
    """Behind nginx it would show as silent alone, and nobody would know why."""
    heming: Node = world.admitted("heming-bank/n1")
    world.work()
    world.start_gateway()
    world.configure(heming)
    with world.client(heming) as client:
        listed = client.get("/v1/networks/settlement/lists/json")
        told = {
            "network": "settlement",
            "epoch": 1,
            "files": {"permissions.json": listed.headers["ETag"].strip('"')},
            "agent_version": "1.0",
            "applied_at": "2026-11-23T08:00:00Z",
        }
        answer = client.post("/v1/acks", json=told)
    assert answer.status_code == 200, answer.text
    alarm = Alarm.objects.get(node=heming)
    assert (alarm.kind, alarm.params) == ("old-agent", {"version": "1.0", "oldest": "1.1"})
    assert world.agent_once(heming).returncode == 0
    alarm.refresh_from_db()
    assert alarm.cleared_at is not None
