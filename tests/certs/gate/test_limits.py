"""Step 6: how many requests are taken, from a node and from an institution, counted in the table."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection

from certs import services
from certs.models import CertificateRequest
from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.members.models import Node, User
from tests.certs.gate.conftest import csr
from tests.factories import NodeFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limits(settings: LazySettings) -> None:
    settings.CERTIFICATE_REQUEST_WINDOW_HOURS = 24.0
    settings.CERTIFICATE_REQUESTS_PER_SUBJECT = 2
    settings.CERTIFICATE_REQUESTS_PER_INSTITUTION = 3


def ask(node: Node, actor: User) -> CertificateRequest:
    return services.submit_request(node=node, profile="evm-node", csr=csr(), actor=actor)


def ask_and_reject(node: Node, actor: User, by: User) -> None:
    services.reject_request(ask(node, actor), actor=by, reason="Wrong network")


def test_a_node_comes_twice_a_day_and_again_the_next(heming: Node, zhou_lan: User, wang_min: User) -> None:
    for _ in range(2):
        ask_and_reject(heming, zhou_lan, wang_min)
    with pytest.raises(ConsoleError) as refusal:
        ask(heming, zhou_lan)
    assert (refusal.value.code, refusal.value.status) == ("request_rate_limited", 429)
    assert "settlement-1" in str(refusal.value)
    with clock.frozen(clock.now() + timedelta(hours=24, seconds=1)):
        assert ask(heming, zhou_lan).status == "submitted"


def test_an_institution_comes_three_times_with_all_its_nodes(heming: Node, zhou_lan: User) -> None:
    nodes = [heming, *(NodeFactory(institution=heming.institution) for _ in range(3))]
    for node in nodes[:3]:
        ask(node, zhou_lan)
    with pytest.raises(ConsoleError) as refusal:
        ask(nodes[3], zhou_lan)
    assert refusal.value.code == "request_rate_limited"
    assert refusal.value.params["who"] == "heming-bank"


def test_what_is_refused_does_not_count(heming: Node, zhou_lan: User) -> None:
    """Else whoever sends noise in a bank's name would keep its nodes from renewing."""
    for _ in range(5):
        with pytest.raises(ConsoleError):
            services.submit_request(node=heming, profile="evm-node", csr=b"noise", actor=zhou_lan)
    assert ask(heming, zhou_lan).status == "submitted"


def test_people_and_nodes_are_counted_apart(heming: Node, zhou_lan: User, wang_min: User) -> None:
    for _ in range(2):
        ask_and_reject(heming, zhou_lan, wang_min)
    made = services.submit_request(holder=zhou_lan, profile="client", csr=csr(), actor=zhou_lan)
    assert made.status == "submitted"


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_slip_past_together(settings: LazySettings) -> None:
    settings.CERTIFICATE_REQUESTS_PER_INSTITUTION = 1
    officer = UserFactory()
    nodes = [NodeFactory(institution=officer.institution) for _ in range(3)]
    start, outcomes = threading.Barrier(len(nodes)), []

    def send(node: Node) -> None:
        start.wait()
        try:
            outcomes.append(ask(node, officer).status)
        except ConsoleError as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[node]) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["request_rate_limited", "request_rate_limited", "submitted"]
