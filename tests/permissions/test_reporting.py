"""What becomes of a report: what is kept, what is refused, what it costs, and the alarms that follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Node
from governance.permissions import logbook, selectors, services
from governance.permissions.errors import (
    ForeignCertificate,
    ForeignNetwork,
    HashMismatch,
    OlderEpoch,
    ReplayedReport,
    UnknownEpoch,
)
from governance.permissions.models import Acknowledgement, Alarm, Delivery, Epoch
from governance.permissions.services import drifting
from tests.permissions.world import World

pytestmark = pytest.mark.django_db
PATH = "besu/permissions_config.toml"


@pytest.fixture
def heming(world: World) -> Node:
    """A node with an epoch that waits for it."""
    node = world.admitted("heming-bank/n1", software="besu", software_version="25.1")
    world.work()
    return node


def row(node: Node) -> Delivery:
    return Delivery.objects.get(node=node)


def said(node: Node, number: int = 1, **changes: Any) -> services.Report:
    """The node's agent has epoch ``number`` in force and says so now."""
    epoch = Epoch.objects.get(network=node.network_id, number=number)
    files = {PATH: epoch.files.get(path=PATH).sha256}
    values = {"agent_version": "1.1", "applied_at": clock.now(), "clock": clock.now(), **changes}
    return services.Report(network="settlement", epoch=number, **{"files": files, **values})


def send(node: Node, report: services.Report) -> Delivery:
    certificate = node.certificates.filter(revocation=None).latest("issued_at")
    return services.acknowledge(node, certificate=certificate, report=report)


def open_alarms(node: Node) -> set[str]:
    found = set(selectors.alarms().filter(node=node).values_list("kind", flat=True))
    assert sorted(found) == row(node).alarms
    return found


def next_epoch(world: World, name: str) -> None:
    world.admitted(f"{name}/n1")
    world.work()


def test_all_that_a_node_says_is_known_of_it(heming: Node) -> None:
    ahead = clock.now() + timedelta(seconds=5)
    send(
        heming,
        said(heming, clock=ahead, software="besu", software_version="besu/v25.1.0", read_back="node",
             log_size=1, log_head="ab" * 32),
    )  # fmt: skip
    found = row(heming)
    assert (found.applied_epoch, found.verified_epoch, found.pulled_epoch) == (1, 1, 1)
    assert (found.read_back, found.node_version, found.agent_version) == ("node", "besu/v25.1.0", "1.1")
    assert 4000 < (found.clock_offset_ms or 0) <= 5000
    assert (found.log_size, found.log_head) == (1, "ab" * 32)
    kept = Acknowledgement.objects.get()
    assert (kept.format, kept.read_back, kept.node_version) == ("besu", "node", "besu/v25.1.0")
    (shown,) = selectors.convergence("settlement")
    assert shown.state == "verified"


def test_a_file_beside_the_node_proves_less_than_the_node(heming: Node) -> None:
    send(heming, said(heming, read_back="file"))
    assert (row(heming).applied_epoch, row(heming).verified_epoch) == (1, 0)
    assert selectors.convergence("settlement")[0].state == "applied"
    send(heming, said(heming, read_back="node"))
    assert row(heming).verified_epoch == 1
    assert Acknowledgement.objects.count() == 2


def test_an_acknowledgement_costs_six_statements_and_saying_it_again_three(heming: Node) -> None:
    """Row, files, report, row, event, and whether a rollout waits for it."""
    assert statements(heming, said(heming, read_back="node", software="besu", software_version="25.1")) == 6
    assert statements(heming, said(heming, read_back="node", software="besu", software_version="25.1")) == 3


def statements(node: Node, report: services.Report) -> int:
    certificate = node.certificates.get()
    str(node)  # whose node it is came with the certificate at the gateway
    with CaptureQueriesContext(
        connection,
    ) as found:
        services.acknowledge(node, certificate=certificate, report=report)
    return sum("SAVEPOINT" not in query["sql"] for query in found)


def test_a_refusal_stands_until_the_epoch_or_a_later_one_is_in_force(world: World, heming: Node) -> None:
    send(heming, said(heming))
    next_epoch(world, "nanpu-bank")
    refusing = said(heming, refused_epoch=2, refused_reason="no bootnode in the list")
    send(heming, refusing)
    found = row(heming)
    assert (found.applied_epoch, found.declined_epoch, found.declined_reason) == (
        1,
        2,
        "no bootnode in the list",
    )
    assert found.declined_at is not None
    assert {one.node_id for one in selectors.behind()} == {heming.pk}
    assert open_alarms(heming) == {"declined"}
    event = Event.objects.get(action="node.list_declined")
    assert (event.node_id, event.data["epoch"], event.data["answer"]) == (
        heming.pk,
        2,
        "no bootnode in the list",
    )
    send(heming, said(heming, refused_epoch=2, refused_reason="no bootnode in the list"))
    assert Event.objects.filter(action="node.list_declined").count() == 1
    send(heming, said(heming, 2))
    assert (row(heming).applied_epoch, row(heming).declined_epoch) == (2, 0)
    assert open_alarms(heming) == set()


def test_a_node_may_go_back_from_what_it_refuses_after_all(world: World, heming: Node) -> None:
    next_epoch(world, "nanpu-bank")
    send(heming, said(heming, 2, read_back="node"))
    with pytest.raises(OlderEpoch):  # without the time nobody knows that it is new
        send(heming, said(heming, 1, clock=None, refused_epoch=2, refused_reason="it stopped"))
    send(heming, said(heming, 1, refused_epoch=2, refused_reason="it stopped", read_back="node"))
    assert (row(heming).applied_epoch, row(heming).verified_epoch, row(heming).declined_epoch) == (1, 1, 2)


def test_a_first_list_that_is_refused_leaves_nothing_in_force(heming: Node) -> None:
    nothing = services.Report(
        "settlement", 0, {}, "1.1", clock.now(), clock=clock.now(), refused_epoch=1, refused_reason="no"
    )
    send(heming, nothing)
    assert (row(heming).applied_epoch, row(heming).declined_epoch) == (0, 1)
    assert not Acknowledgement.objects.exists()
    assert selectors.convergence("settlement")[0].state == "declined"


def test_a_node_that_waits_for_its_wave_is_not_behind(world: World, heming: Node) -> None:
    send(heming, said(heming))
    next_epoch(world, "nanpu-bank")
    send(heming, said(heming, held_epoch=2))
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        states = {str(found.node): found.state for found in selectors.convergence("settlement")}
        assert states == {"heming-bank/n1": "held", "nanpu-bank/n1": "behind"}
        assert {str(one.node) for one in selectors.behind()} == {"nanpu-bank/n1"}
    send(heming, said(heming, 2))
    assert row(heming).held_epoch == 0


def facts(node: Node) -> dict[str, Any]:
    return Delivery.objects.filter(node=node).values().get()


def test_what_is_replayed_or_forged_changes_nothing(world: World, heming: Node) -> None:
    world.admitted("qingchuan-bank/n1", network="custody")
    nanpu = world.admitted("nanpu-bank/n1")
    world.work()
    first = said(heming, 2)
    send(heming, first)
    with clock.frozen(clock.now() + timedelta(seconds=2)):
        send(heming, said(heming, 2))
    before, about_other = facts(heming), facts(nanpu)
    with clock.frozen(clock.now() + timedelta(minutes=10)):
        with pytest.raises(ReplayedReport):
            send(heming, first)
        with pytest.raises(OlderEpoch):
            send(heming, said(heming, 1))
        with pytest.raises(UnknownEpoch):
            send(heming, said_of(3))
        with pytest.raises(UnknownEpoch):
            send(heming, said(heming, 2, refused_epoch=7, refused_reason="of the future"))
        with pytest.raises(UnknownEpoch):
            send(heming, said(heming, 2, held_epoch=7))
        with pytest.raises(ForeignNetwork):
            send(heming, services.Report("custody", 1, {}, "1.1", clock.now()))
        certificate = heming.certificates.get()
        with pytest.raises(ForeignCertificate):
            services.acknowledge(nanpu, certificate=certificate, report=said(nanpu, 2))
    assert facts(heming) == before
    assert facts(nanpu) == about_other
    refused = Event.objects.filter(action="node.ack_refused").values_list("data__code", flat=True)
    assert set(refused) == {
        "replayed_report", "older_epoch", "unknown_epoch", "foreign_network", "foreign_certificate",
    }  # fmt: skip


def said_of(number: int) -> services.Report:
    return services.Report("settlement", number, {PATH: "ab" * 32}, "1.1", clock.now())


def test_the_newest_report_once_more_changes_nothing_either(heming: Node) -> None:
    newest = said(heming)
    send(heming, newest)
    before = facts(heming)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        send(heming, newest)
    assert facts(heming) == before


def test_a_clock_that_was_ahead_and_is_right_again_is_believed(heming: Node) -> None:
    send(heming, said(heming, clock=clock.now() + timedelta(hours=1)))
    assert open_alarms(heming) == {"clock"}
    with clock.frozen(clock.now() + timedelta(seconds=1)):
        send(heming, said(heming))
    assert open_alarms(heming) == set()


def test_news_is_believed_whatever_the_clock_says(world: World, heming: Node) -> None:
    send(heming, said(heming))
    next_epoch(world, "nanpu-bank")
    send(heming, said(heming, 2, clock=clock.now() - timedelta(hours=1)))
    assert row(heming).applied_epoch == 2
    assert open_alarms(heming) == {"clock"}


def test_a_report_that_is_right_again_ends_what_a_wrong_one_began(heming: Node) -> None:
    send(heming, said(heming))
    with pytest.raises(HashMismatch):
        send(heming, said(heming, files={PATH: "ab" * 32}))
    assert selectors.convergence("settlement")[0].state == "mismatch"
    assert open_alarms(heming) == {"list"}
    send(heming, said(heming))
    assert selectors.convergence("settlement")[0].state == "applied"
    assert open_alarms(heming) == set()
    actions = Event.objects.filter(action__startswith="node.alarm", node_id=heming.pk).order_by("id")
    assert [(event.action, event.data["alarm"]) for event in actions] == [
        ("node.alarm_raised", "list"),
        ("node.alarm_cleared", "list"),
    ]
    (alarm,) = Alarm.objects.all()
    assert alarm.cleared_at is not None


def test_a_fetched_list_is_pulled_before_it_is_applied(heming: Node) -> None:
    file = Epoch.objects.get().files.get(path=PATH)
    services.record_pulled_file(heming, PATH, "ab" * 32)
    assert row(heming).pulled_epoch == 0
    services.record_pulled_file(heming, PATH, file.sha256)
    assert (row(heming).pulled_epoch, row(heming).applied_epoch) == (1, 0)
    assert selectors.convergence("settlement")[0].state == "pulled"


def test_time_alone_raises_alarms_once_and_ends_them(settings: Any, heming: Node) -> None:
    send(heming, said(heming))
    assert services.check_drift() == 0
    later = clock.now() + timedelta(seconds=settings.DRIFT_SILENCE_SECONDS + 1)
    with clock.frozen(later):
        assert services.check_drift() == 1
        assert services.check_drift() == 0  # twice is as good as once
        assert open_alarms(heming) == {"silent"}
        services.record_pull(heming)
        assert services.check_drift() == 1
        assert open_alarms(heming) == set()
    assert Event.objects.filter(action="node.alarm_raised").count() == 1


def test_the_end_of_a_certificate_is_an_alarm_until_a_renewal_is_under_way(
    world: World, heming: Node
) -> None:
    send(heming, said(heming))
    ends = heming.certificates.get().not_after
    with clock.frozen(ends - timedelta(days=3)):
        services.record_pull(heming)
        services.check_drift()
        assert open_alarms(heming) == {"certificate"}
        world.certify(heming)
        services.check_drift()
        assert open_alarms(heming) == set()


def test_an_old_version_is_one_and_another_history_is_one(settings: Any, world: World, heming: Node) -> None:
    settings.OLDEST_NODES = {"besu": "25.2"}
    old = said(heming, software="besu", software_version="24.12", log_size=1, log_head="ab" * 32)
    send(heming, replace(old, agent_version="1.0"))  # as OLDEST_AGENT is by default
    assert open_alarms(heming) == {"old-node", "other-node", "old-agent"}
    services.check_drift()
    assert open_alarms(heming) == {"old-node", "other-node", "old-agent", "log"}
    heming.retired_at = clock.now()
    heming.save()
    services.check_drift()
    assert open_alarms(heming) == set()


def test_an_entry_that_came_after_the_heads_were_read_is_no_lie(world: World, heming: Node) -> None:
    """The clock's round has read the heads; then epoch 2 is published, and Heming's node reports it."""
    known = drifting._Known(heming.network, clock.now())
    next_epoch(world, "dongli-bank")
    newest = logbook.newest("settlement")
    assert newest is not None
    send(heming, said(heming, 2, log_size=2, log_head=newest.head))
    drifting._recheck([heming.pk], known)
    assert open_alarms(heming) == set()
    send(heming, said(heming, 2, log_size=3, log_head=newest.head))
    drifting._recheck([heming.pk], known)
    assert open_alarms(heming) == {"log"}, "who knows more of the log than there is was told a lie"


def test_many_nodes_are_checked_with_a_few_statements(world: World, heming: Node) -> None:
    for number in range(4):
        world.admitted(f"nanpu-bank/n{number}")
    world.work()
    with clock.frozen(clock.now() + timedelta(hours=1)):
        with CaptureQueriesContext(connection) as found:
            assert services.check_drift() == 5
        assert Alarm.objects.filter(kind="silent", cleared_at=None).count() == 5
    assert len(found) <= 25
