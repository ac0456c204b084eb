"""What the secretariat does about work that was given up, and how it adds a network."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from consortium.core import clock
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Network
from consortium.members.states import Role
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead() -> OutboxMessage:
    now = clock.now()
    return OutboxMessage.objects.create(
        topic="permissions.push", queue="push", key="settlement", created_at=now, due_at=now, dead_at=now
    )


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(role=role, institution=None, is_staff=True))
    return client


def test_work_that_was_given_up_is_tried_again(dead: OutboxMessage) -> None:
    address = reverse("admin:core_outboxmessage_retry", args=[dead.pk])
    answer = signed_in(Role.SECRETARIAT).post(address, {"reason": "The agent is back"})
    assert answer.status_code == 302
    assert OutboxMessage.objects.filter(topic=dead.topic, key=dead.key, dead_at__isnull=True).count() == 1
    assert Event.objects.get(action="outbox.retried").reason == "The agent is back"


def test_the_regulator_only_looks(dead: OutboxMessage) -> None:
    address = reverse("admin:core_outboxmessage_retry", args=[dead.pk])
    assert signed_in(Role.REGULATOR).post(address, {"reason": "Let me"}).status_code == 403
    assert OutboxMessage.objects.count() == 1


def test_a_network_is_added_and_a_second_of_that_name_refused() -> None:
    client, address = signed_in(Role.SECRETARIAT), reverse("admin:members_network_add-network")
    fields = {"slug": "clearing", "name_zh": "清算网", "name_en": "Clearing"}
    assert client.post(address, fields).status_code == 302
    assert client.post(address, fields).status_code == 409
    assert Network.objects.filter(slug="clearing").count() == 1
