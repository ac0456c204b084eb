"""Work that waits or was given up is seen by people and by Prometheus, and what was owed again no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from consortium.core import clock
from consortium.core.models import OutboxMessage
from consortium.members.states import Role
from consortium.web import jobs
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def message(key: str, *, minutes: float = 0, **values: datetime) -> OutboxMessage:
    """Owed so many minutes before noon, and due again only after it, as work that is not ready."""
    return OutboxMessage.objects.create(
        **{
            "topic": "certs.issue",
            "queue": "signing",
            "key": key,
            "created_at": NOON - timedelta(minutes=minutes),
            "due_at": NOON + timedelta(seconds=5),
            **values,
        }
    )


@pytest.fixture
def secretariat() -> Client:
    client = Client()
    client.force_login(UserFactory(role=Role.SECRETARIAT, institution=None, is_staff=True))
    return client


def listed(client: Client, state: str) -> list[str]:
    answer = client.get(reverse("admin:core_outboxmessage_changelist"), {"state": state})
    assert answer.status_code == 200
    return sorted(row.key for row in answer.context["cl"].queryset)


def test_dead_work_is_counted_until_it_is_owed_again(secretariat: Client) -> None:
    dead = message("dead", dead_at=NOON)
    message("retried", dead_at=NOON, retried_at=NOON)
    assert list(jobs.given_up()) == [dead]
    assert 'console_outbox_dead{queue="signing"} 1.0' in secretariat.get("/metrics").content.decode()
    assert listed(secretariat, "dead") == ["dead"]
    assert listed(secretariat, "retried") == ["retried"]


def test_dead_work_that_was_owed_again_offers_no_second_try(secretariat: Client) -> None:
    retried = message("retried", dead_at=NOON, retried_at=NOON)
    address = reverse("admin:core_outboxmessage_retry", args=[retried.pk])
    secretariat.post(address, {"reason": "Once more"})
    assert OutboxMessage.objects.count() == 1
    page = secretariat.get(reverse("admin:core_outboxmessage_change", args=[retried.pk]))
    assert address not in page.content.decode()


def test_work_that_waits_for_more_than_ten_minutes_has_a_list(secretariat: Client) -> None:
    message("new", minutes=9)
    message("long", minutes=11)
    message("long done", minutes=11, done_at=NOON)
    message("long dead", minutes=11, dead_at=NOON)
    with clock.frozen(NOON):
        assert listed(secretariat, "long") == ["long"]


def test_the_age_of_what_waits_is_told_by_topic_whether_or_not_it_is_due(client: Client) -> None:
    message("no keys here", minutes=30)
    message("newer", minutes=1)
    message("done", minutes=600, done_at=NOON)
    message("relayed", minutes=2, dead_at=NOON)
    OutboxMessage.objects.filter(key="newer").update(topic="chain.relay")
    with clock.frozen(NOON):
        text = client.get("/metrics").content.decode()
    assert 'console_outbox_oldest_open_seconds{topic="certs.issue"} 1800.0' in text
    assert 'console_outbox_oldest_open_seconds{topic="chain.relay"} 60.0' in text
    assert "console_outbox_oldest_due_seconds 0.0" in text
