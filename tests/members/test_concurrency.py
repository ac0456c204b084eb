"""Two people at once, on two real connections: one wins, the other hears why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from consortium.core import events
from consortium.core.errors import ConsoleError, IllegalTransition
from consortium.core.models import Event
from consortium.members import roster, services
from consortium.members.errors import AccountDeactivated, LastSecretariatAccount, Taken
from consortium.members.models import Institution, Node, User
from consortium.members.states import Role, Status
from consortium.stack import child
from tests.factories import InstitutionFactory, NetworkFactory, UserFactory, consensus_id
from tests.members.test_roster import ROSTER

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = 60  # seconds until a hanging test fails


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run each call in a thread with its own connection, started together; results or refusals in order."""
    together = threading.Barrier(len(calls), timeout=LIMIT)

    def run(call: Callable[[], Any]) -> Any:
        try:
            with transaction.atomic():  # connect before the start
                connection.ensure_connection()
            together.wait()
            return call()
        except ConsoleError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(LIMIT) for future in [pool.submit(run, call) for call in calls]]


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


def refusals(results: list[Any]) -> list[type[ConsoleError]]:
    return [type(result) for result in results if isinstance(result, ConsoleError)]


def test_of_two_who_decide_at_once_one_wins_and_one_is_told() -> None:
    lan, jun = UserFactory(secretariat=True), UserFactory(secretariat=True)
    for _ in range(5):
        institution = InstitutionFactory()
        results = at_once(
            lambda i=institution: services.decline(i, actor=lan, reason="No licence"),
            lambda i=institution: services.decline(i, actor=jun, reason="Twice the same"),
        )
        assert refusals(results) == [IllegalTransition]
        recorded = Event.objects.filter(institution_id=institution.pk)
        winner = next(
            actor
            for actor, result in zip((lan, jun), results, strict=True)
            if isinstance(result, Institution)
        )
        assert [e.actor_id for e in recorded] == [winner.pk]


def test_while_one_holds_the_row_the_other_waits_and_then_sees_the_new_status() -> None:
    """The stale copy that the second came with counts for nothing."""
    institution, lan = InstitutionFactory(), UserFactory(secretariat=True)
    first_has_moved, may_commit = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            services.decline(institution, actor=lan, reason="No licence")
            first_has_moved.set()
            assert may_commit.wait(LIMIT)

    def second() -> None:
        assert first_has_moved.wait(LIMIT)
        services.request_information(institution, actor=lan, reason="Statutes")

    def third() -> None:
        assert child.wait_until(somebody_waits_for_a_lock, time.monotonic() + LIMIT)
        may_commit.set()

    results = at_once(first, second, third)
    assert refusals(results) == [IllegalTransition]
    institution.refresh_from_db()
    assert institution.status == Status.DECLINED


def test_a_decision_and_the_ledger_at_once_leave_a_member_with_a_seat() -> None:
    lan = UserFactory(secretariat=True)
    for _ in range(5):
        institution = InstitutionFactory()
        at_once(
            lambda i=institution: services.decline(i, actor=lan, reason="No licence"),
            lambda i=institution: services.follow_ledger(i, seat="active", block=1, tx_hash="0x1"),
        )
        institution.refresh_from_db()
        assert institution.status == Status.ACTIVE
        last = Event.objects.filter(institution_id=institution.pk).order_by("-id")[0]
        assert last.data["after"] == Status.ACTIVE


def test_two_imports_of_the_same_roster_at_once_make_eighty_members() -> None:
    preview = roster.load(ROSTER.read_bytes(), ROSTER.name, actor=events.COMMAND)

    def run() -> roster.Report:
        return roster.import_rows(preview, actor=events.COMMAND, skip_bad=False, founding=True)

    reports = at_once(run, run)
    assert sorted((r.new, r.unchanged) for r in reports) == [(0, 80), (80, 0)]
    assert Institution.objects.count() == 80
    assert Event.objects.count() == 80


def test_a_node_id_that_two_members_register_at_once_belongs_to_one() -> None:
    network = NetworkFactory()
    banks = InstitutionFactory.create_batch(2, active=True)

    def register(bank: Institution) -> Node:
        return services.register_node(
            bank, network=network, name="one", software="besu", software_version="", host="10.0.0.1",
            consensus_id=consensus_id(1), port=30303, push_url="", actor=events.COMMAND,
        )  # fmt: skip

    results = at_once(*[lambda b=bank: register(b) for bank in banks])
    assert refusals(results) == [Taken]
    assert Node.objects.count() == 1


def test_a_user_name_that_two_take_at_once_belongs_to_one() -> None:
    def create() -> User:
        return services.create_account(
            username="zhou.lan", password=None, role=Role.SECRETARIAT, institution=None, actor=events.COMMAND
        )

    assert refusals(at_once(create, create)) == [Taken]
    assert User.objects.count() == 1


def test_the_last_two_of_the_secretariat_can_not_shut_each_other_out() -> None:
    lan, jun = UserFactory(secretariat=True), UserFactory(secretariat=True)
    results = at_once(
        lambda: services.deactivate_account(jun, actor=lan, reason="left"),
        lambda: services.deactivate_account(lan, actor=jun, reason="left"),
    )
    assert refusals(results) in ([LastSecretariatAccount], [AccountDeactivated])
    assert User.objects.filter(is_active=True).count() == 1
