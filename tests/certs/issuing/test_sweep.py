"""What a killed process left is finished or voided, and what is under way is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command

from certs import issuing, tasks
from certs.issuing import preparing, serials, sweep
from certs.models import Certificate, SerialNumber
from consortium.core import clock
from consortium.core.models import Event, OutboxMessage
from tests.certs.conftest import Pki
from tests.certs.issuing.conftest import Several

pytestmark = pytest.mark.django_db


@pytest.fixture
def later() -> Iterator[None]:
    """Past the time in which an attempt may be under way."""
    with clock.frozen(clock.now() + sweep.GRACE * 1.5):
        yield


def test_what_may_be_under_way_is_left_alone(pki: Pki, several: Several) -> None:
    [request] = several(1)
    preparing.prepare([request.pk])
    serials.allocate([(pki.access, None)])
    assert sweep.sweep() == sweep.Swept(owed=0, voided=[])


def test_authorities_and_issued_ones_are_no_leftovers(
    pki: Pki, several: Several, request: pytest.FixtureRequest
) -> None:
    issuing.issue(several(1)[0].pk)
    request.getfixturevalue("later")
    assert sweep.sweep() == sweep.Swept(owed=0, voided=[])


def test_a_serial_of_a_service_that_came_to_nothing_is_voided(
    pki: Pki, request: pytest.FixtureRequest
) -> None:
    [serial] = serials.allocate([(pki.access, None)])
    serials.store_intents({serial.pk: b"perhaps signed, never stored"})
    request.getfixturevalue("later")
    tasks.sweep_issuing()
    serial.refresh_from_db()
    assert (serial.void_reason, serial.voided_at) == (sweep.NO_REQUEST, clock.now())
    told = Event.objects.get(action="serial.voided")
    assert (told.actor_label, told.data["signed_perhaps"]) == ("schedule", True)
    assert sweep.sweep().voided == []


def test_a_request_that_lost_its_message_is_owed_again(
    several: Several, request: pytest.FixtureRequest
) -> None:
    [approved] = several(1)
    OutboxMessage.objects.filter(topic="certs.issue").delete()
    request.getfixturevalue("later")
    out = StringIO()
    call_command("sweep_certificates", stdout=out)
    assert out.getvalue() == "1 requests owed again, 0 serial numbers voided\n"
    tasks.handle_issue({})
    assert Certificate.objects.get().request == approved
    assert SerialNumber.objects.filter(request=approved, voided_at__isnull=False).count() == 0
