"""The record: written with its change, never altered, readable without the rows it names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from consortium.core import clock, events
from consortium.core.models import Event
from tests.factories import InstitutionFactory, UserFactory

pytestmark = pytest.mark.django_db


def record(label: str = "roster.csv", action: str = "roster.refused", **data: object) -> Event:
    return events.record(action, events.Outsider("roster", label), actor=events.COMMAND, **data)  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError):
        record()
    assert not Event.objects.exists()


def test_an_event_goes_with_its_change() -> None:
    with transaction.atomic():
        record()
        transaction.set_rollback(True)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_event SET reason = 'another'",
        "UPDATE core_event SET actor_label = 'somebody else'",
        "DELETE FROM core_event",
    ],
)
def test_the_database_refuses_to_alter_or_delete_what_was_recorded(statement: str) -> None:
    event = record()
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Event.objects.get() == event


def test_the_orm_can_not_alter_it_either() -> None:
    event = record()
    event.reason = "another"
    with pytest.raises(IntegrityError), transaction.atomic():
        event.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        event.delete()
    assert Event.objects.get().reason == ""


def test_actor_subject_and_time_are_kept_by_value() -> None:
    lan, bank = UserFactory(secretariat=True), InstitutionFactory()
    with clock.frozen(datetime(2026, 11, 23, 12, tzinfo=UTC)):
        event = events.record(
            "institution.declined", bank, actor=lan, reason="No licence", institution_id=bank.pk, file="x.csv"
        )
    event.refresh_from_db()
    assert event.at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (event.actor_id, event.actor_label) == (lan.pk, lan.username)
    assert (event.subject_type, event.subject_id) == ("members.institution", str(bank.pk))
    assert event.subject_label == bank.short_name  # the same in every language
    assert (event.reason, event.data) == ("No licence", {"file": "x.csv"})


def test_a_timeline_has_the_newest_first_and_nothing_of_others() -> None:
    bank, other = InstitutionFactory.create_batch(2)
    for action in ("institution.applied", "institution.review_started"):
        events.record(action, bank, actor=events.COMMAND)
    events.record("institution.applied", other, actor=events.COMMAND)
    assert [e.action for e in events.timeline(bank)] == ["institution.review_started", "institution.applied"]


def test_what_has_no_row_can_be_a_subject_too() -> None:
    event = record("x" * 300)
    assert (event.subject_type, event.subject_id, len(event.subject_label)) == ("roster", "", 200)


def test_listeners_hear_of_their_action_in_the_same_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_listeners", [])
    heard: list[str] = []
    events.on("test.wanted", lambda event: heard.append(event.action))
    record(action="test.wanted")
    record(action="test.other")
    assert heard == ["test.wanted"]


def test_a_listener_that_fails_takes_the_change_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_listeners", [])

    def refuse(event: Event) -> None:
        raise KeyError(event.action)

    events.on("test.wanted", refuse)
    with pytest.raises(KeyError), transaction.atomic():
        record(action="test.wanted")
    assert not Event.objects.exists()
