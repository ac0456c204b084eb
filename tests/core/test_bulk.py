"""What is written in bulk is there as it was, and what ``save`` would refuse is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, models, transaction
from django.test.utils import isolate_apps

from consortium.core import bulk
from consortium.core.models import OutboxMessage

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)
HARD = [
    "a\tb", "a\nb", "a\rb", "a\r\nb", "a\\b", "\\N", "\\.", "\\t", "\\\\", "\\", "\t", "\n", "", " ", "{}",
    "NULL", "准予", "\u2028", '"', "'", "a,b",
]  # fmt: skip


def message(key: str = "one", **columns: Any) -> OutboxMessage:
    """Not stored yet, and without the key that the database makes."""
    given: dict[str, Any] = {
        "topic": "test.bulk", "queue": "testing", "key": key, "payload": {}, "version": 1, "created_at": NOW,
        "due_at": NOW, "attempts": 0, "last_error": "", "done_at": None, "dead_at": None, "retried_at": None,
    }  # fmt: skip
    return bulk.new(OutboxMessage, {**given, **columns}, {})


def stored(key: str = "one", **columns: Any) -> OutboxMessage:
    bulk.insert([message(key, **columns)])
    return OutboxMessage.objects.get(topic="test.bulk", key=key)


@pytest.fixture
def note() -> Iterator[type[models.Model]]:
    """A model with one column beside the key that the database makes."""
    with isolate_apps("consortium.core"):

        class Note(models.Model):
            text = models.TextField(null=True)  # noqa: DJ001 - NULL and the empty text are to be told apart

            class Meta:
                app_label = "core"

            def __str__(self) -> str:
                return str(self.text)

        with connection.schema_editor() as editor:
            editor.create_model(Note)
        yield Note


@pytest.mark.parametrize("text", HARD, ids=ascii)
def test_texts_come_back_as_they_were(text: str) -> None:
    bulk.insert([message(last_error=text, payload={text: [text]}), message("next", last_error="x")])
    found = OutboxMessage.objects.filter(topic="test.bulk").order_by("pk")
    assert [(row.key, row.last_error, row.payload) for row in found] == [
        ("one", text, {text: [text]}),
        ("next", "x", {}),
    ]


@pytest.mark.parametrize("text", HARD, ids=ascii)
def test_texts_that_are_updated_come_back_as_they_were(text: str) -> None:
    row = stored()
    row.last_error, row.key, row.payload = text, text, {text: [text]}
    assert bulk.update([row], ["last_error", "key", "payload"]) == {row.pk}
    row.refresh_from_db()
    assert (row.last_error, row.key, row.payload) == (text, text, {text: [text]})


def test_other_kinds_come_back_as_they_were() -> None:
    row = stored(payload={"a": None, "b": [1, True]}, attempts=7, done_at=NOW)
    assert (row.payload, row.attempts, row.due_at, row.done_at, row.dead_at) == (
        {"a": None, "b": [1, True]}, 7, NOW, NOW, None,
    )  # fmt: skip


def test_a_table_of_one_column(note: type[Any]) -> None:
    texts = [*HARD, None, "several letters"]
    bulk.insert([bulk.new(note, {"text": text}, {}) for text in texts])
    assert list(note.objects.order_by("pk").values_list("text", flat=True)) == texts


def test_nul_is_refused_as_by_save() -> None:
    with pytest.raises(DataError), transaction.atomic():
        bulk.insert([message(last_error="a\0b")])
    row = stored()
    row.last_error = "a\0b"
    with pytest.raises((DataError, ValueError)), transaction.atomic():
        bulk.update([row], ["last_error"])
    row.refresh_from_db()
    assert row.last_error == ""


def test_a_text_that_is_too_long_is_refused_and_not_cut() -> None:
    too_long = "k" * 201
    with pytest.raises(DataError, match="too long"), transaction.atomic():
        bulk.insert([message(too_long)])
    row, other = stored(), stored("other")
    row.key, other.last_error = too_long, "kept out with it"
    with pytest.raises(DataError, match="too long"), transaction.atomic():
        bulk.update([row, other], ["key", "last_error"])
    assert set(OutboxMessage.objects.values_list("key", "last_error")) == {("one", ""), ("other", "")}
    row.key = "k" * 200
    assert bulk.update([row], ["key"]) == {row.pk}


def test_a_row_that_somebody_else_changed_is_passed_over() -> None:
    row, other = stored(), stored("other")
    OutboxMessage.objects.filter(pk=row.pk).update(version=2)
    row.attempts = other.attempts = 5
    assert bulk.update([row, other], ["attempts"], unchanged="version") == {other.pk}
    assert dict(OutboxMessage.objects.values_list("key", "attempts")) == {"one": 0, "other": 5}
    assert bulk.update([row, other], ["attempts"]) == {row.pk, other.pk}


def test_a_key_of_texts_that_is_too_long_is_no_other_rows() -> None:
    """Cut to its column's length, the key would be that of a row that nobody named."""
    from django.contrib.sessions.models import Session

    Session.objects.create(session_key="s" * 40, session_data="before", expire_date=NOW)
    longer = Session(session_key="s" * 41, session_data="after", expire_date=NOW)
    assert bulk.update([longer], ["session_data"]) == set()
    assert Session.objects.get().session_data == "before"


def test_keys_are_given_for_all_rows_or_for_none() -> None:
    rows = [message(f"{number}") for number in range(3)]
    first, second, _unused = bulk.keys(OutboxMessage, 3)
    rows[0].pk, rows[1].pk = first, second
    for mixed in (rows, rows[::-1]):
        with pytest.raises(ValueError, match="2 of 3 rows"):
            bulk.insert(mixed)
    assert not OutboxMessage.objects.exists()
    bulk.insert(rows[:2])
    assert dict(OutboxMessage.objects.values_list("key", "pk")) == {"0": first, "1": second}
    bulk.insert(rows[2:])
    assert OutboxMessage.objects.get(key="2").pk not in {first, second}


def test_constraints_hold_and_columns_are_told() -> None:
    stored()
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert([message()])
    with pytest.raises(TypeError, match="missing or unknown"):
        bulk.new(OutboxMessage, {"topic": "t", "colour": "red"}, {})
    with pytest.raises(TypeError, match="no way to write set"):
        bulk.insert([message("more", last_error={"a"})])


def test_nothing_to_do() -> None:
    assert bulk.insert([]) == []
    assert bulk.update([], ["attempts"]) == set()
    assert bulk.keys(OutboxMessage, 0) == []


class TestARowUnderEachKey:
    """``ensure``: with a model whose key is given."""

    @staticmethod
    def kept() -> dict[str, tuple[str, datetime]]:
        from django.contrib.sessions.models import Session

        rows = Session.objects.values_list("session_key", "session_data", "expire_date")
        return {key: (data, at) for key, data, at in rows}

    @staticmethod
    def session(data: str) -> models.Model:
        from django.contrib.sessions.models import Session

        return Session(session_data=data, expire_date=NOW)

    def test_is_new_or_keeps_what_is_not_named(self) -> None:
        bulk.ensure(self.session("first"), ["a"], ["session_data"])
        later = self.session("second")
        later.expire_date = NOW.replace(year=2028)
        bulk.ensure(later, ["b", "a"], ["session_data"])
        assert self.kept() == {"a": ("second", NOW), "b": ("second", NOW.replace(year=2028))}

    def test_of_no_key_is_none(self) -> None:
        bulk.ensure(self.session("nobody's"), [], ["session_data"])
        assert self.kept() == {}

    @pytest.mark.parametrize("text", HARD, ids=ascii)
    def test_comes_back_as_it_was(self, text: str) -> None:
        bulk.ensure(self.session(text), ["a"], ["session_data"])
        assert self.kept()["a"][0] == text

    def test_whose_key_is_too_long_is_refused_with_all_others(self) -> None:
        with pytest.raises(DataError, match="too long"), transaction.atomic():
            bulk.ensure(self.session("cut"), ["s" * 40, "s" * 41], ["session_data"])
        assert self.kept() == {}
