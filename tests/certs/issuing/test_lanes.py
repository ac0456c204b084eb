"""Two lanes in one worker: nothing is left or done twice, and what goes wrong in either is heard of."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connection

from certs import issuing
from certs.issuing import batches, claims
from certs.models import Certificate, CertificateRequest, SerialNumber
from tests.certs.conftest import Pki
from tests.certs.issuing.conftest import Several

pytestmark = pytest.mark.django_db(transaction=True)


def far() -> float:
    return time.monotonic() + 600


def connections_of_ours() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def lanes_used(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the threads that claim requests; the second one begins before the first goes on."""
    seen: set[str] = set()
    both = threading.Barrier(2)
    real = claims.some

    def some(limit: int, passed: Any = ()) -> Any:
        name = threading.current_thread().name
        if len(seen) == 1:  # the batch after the first one, in either lane
            both.wait(60)
        seen.add(name)
        return real(limit, passed)

    monkeypatch.setattr(claims, "some", some)
    return seen


def test_both_lanes_issue_and_nothing_is_left(
    pki: Pki, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests, lanes, before = several(7), lanes_used(monkeypatch), connections_of_ours()
    report, more = issuing.issue_until(far(), limit=2)
    assert (len(lanes), more) == (2, False)
    assert sorted(report.taken) == sorted(request.pk for request in requests)  # each was one lane's alone
    assert Certificate.objects.count() == SerialNumber.objects.filter(request__in=requests).count() == 7
    assert connections_of_ours() == before


def test_a_batch_that_is_not_full_needs_no_second_lane(
    pki: Pki, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(2)
    threads: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", lambda self: threads.append(self.name))
    report, more = issuing.issue_until(far(), limit=3)
    assert (len(report.issued), more, threads) == (2, False, [])


def test_when_time_is_up_the_rest_waits(pki: Pki, several: Several) -> None:
    several(5)
    report, more = issuing.issue_until(time.monotonic(), limit=2)
    assert (len(report.issued), more) == (2, True)
    assert CertificateRequest.objects.filter(status="approved").count() == 3


def test_a_fault_in_the_second_lane_is_raised(
    pki: Pki, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(7)
    lanes_used(monkeypatch)
    real = batches.store_intents

    def store_intents(linted: Any) -> Any:
        if threading.current_thread().name == "issuing":
            raise OperationalError("the connection is gone")
        return real(linted)

    monkeypatch.setattr(batches, "store_intents", store_intents)
    with pytest.raises(OperationalError, match="gone"):
        issuing.issue_until(far(), limit=2)
    monkeypatch.undo()
    _report, more = issuing.issue_until(far(), limit=2)
    assert (more, Certificate.objects.count()) == (False, 7)


def test_a_fault_in_the_first_lane_stops_the_second(
    pki: Pki, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(9)
    lanes_used(monkeypatch)
    real, main = batches.store_intents, threading.current_thread()
    calls: list[str] = []
    gone = threading.Event()

    def store_intents(linted: Any) -> Any:
        calls.append(threading.current_thread().name)
        if threading.current_thread() is not main:
            assert gone.wait(60)
        elif calls.count(main.name) == 2:
            gone.set()
            raise OperationalError("the connection is gone")
        return real(linted)

    monkeypatch.setattr(batches, "store_intents", store_intents)
    with pytest.raises(OperationalError, match="gone"):
        issuing.issue_until(far(), limit=1)
    assert not [thread for thread in threading.enumerate() if thread.name == "issuing"]
    assert CertificateRequest.objects.filter(status="approved").exists()
