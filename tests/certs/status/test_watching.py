"""What the monitor says of prepared answers: none at all is no good sign where certificates wait for them."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from certs import tasks
from certs.models import Authority, Certificate
from certs.status import responders, store, upkeep, watching
from certs.status.freshness import Finding, State
from consortium.core import clock
from tests.certs.conftest import Pki

pytestmark = pytest.mark.django_db


def answers_of(authority: Authority) -> Finding:
    found = [one for one in watching.published(clock.now()) if one.what == "prepared answers"]
    (finding,) = [one for one in found if one.authority == authority]
    return finding


def test_answers_that_are_all_gone_are_late(certificate: Certificate) -> None:
    nodes = certificate.authority
    assert answers_of(nodes).state is State.FRESH
    shutil.rmtree(responders.directory() / "nodes")
    assert store.oldest_due(nodes) is None
    assert answers_of(nodes).state is State.FRESH  # issued just now: they may be on their way
    with clock.frozen(clock.now() + watching.ANSWERS_PATIENCE + timedelta(minutes=1)):
        assert answers_of(nodes).state is State.LATE
        assert "late   nodes prepared answers: until" in str(answers_of(nodes))
        upkeep.renew_answers()
        assert answers_of(nodes).state is State.FRESH


def test_where_no_certificate_is_left_none_is_missed(pki: Pki) -> None:
    tasks.refresh_status()  # each authority certifies its responder
    assert Certificate.objects.filter(authority=pki.nodes).count() == 1
    with clock.frozen(clock.now() + timedelta(hours=5)):
        assert answers_of(pki.nodes).state is State.LATE  # the responder's own has none either
    with clock.frozen(clock.now() + timedelta(days=30)):
        assert answers_of(pki.nodes).state is State.FRESH
