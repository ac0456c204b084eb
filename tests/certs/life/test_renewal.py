"""When a certificate may be renewed, and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from certs import life, rules, selectors, services, words
from certs.models import Authority, Certificate
from consortium.core import clock
from consortium.members.models import Node, User
from consortium.members.states import Status
from tests.certs.life import rows

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def authority(db: None) -> Authority:
    return rows.authority()


@pytest.fixture
def certificate(authority: Authority, heming: Node) -> Certificate:
    return rows.certificate(heming, authority)


def state(certificate: Certificate, *, before_end: timedelta = timedelta(days=3)) -> str:
    return services.renewal_state(certificate, certificate.not_after - before_end).state


def test_it_opens_with_the_profiles_window_and_ends_with_the_certificate(certificate: Certificate) -> None:
    window = rules.profile("evm-node").window
    assert state(certificate, before_end=window + SECOND) == life.NOT_YET
    assert state(certificate, before_end=window) == life.OPEN
    assert state(certificate, before_end=timedelta(0)) == life.OPEN
    assert state(certificate, before_end=-SECOND) == life.ENDED
    found = services.renewal_state(certificate, clock.now())
    assert (found.opens_at, found.until) == (certificate.not_after - window, certificate.not_after)
    assert (found.obstacle, found.why) == ("", "")


def test_a_successor_closes_it_and_the_one_before_runs_on(
    certificate: Certificate, authority: Authority, heming: Node, zhou_lan: User
) -> None:
    end = certificate.not_after
    with clock.frozen(end - timedelta(days=20)):
        successor = rows.certificate(heming, authority)
    assert state(certificate) == life.RENEWED
    assert state(successor, before_end=timedelta(days=300)) == life.NOT_YET
    now = end - timedelta(days=3)
    assert selectors.authenticate(bytes(certificate.der), now) == certificate  # nobody revoked it
    with clock.frozen(now):
        services.suspend(successor, actor=zhou_lan)
    assert state(certificate) == life.OPEN


def test_another_profile_or_node_is_no_successor(
    certificate: Certificate, authority: Authority, heming: Node, zhou_lan: User
) -> None:
    with clock.frozen(certificate.not_after - timedelta(days=20)):
        rows.certificate(heming, authority, profile="fisco-bcos-3")
        rows.certificate(zhou_lan, authority, profile="evm-node")
        rows.certificate("CN=settlement-1", authority, profile="evm-node")
    assert state(certificate) == life.OPEN


def test_people_and_programs_renew_theirs(authority: Authority, zhou_lan: User) -> None:
    officer = rows.certificate(zhou_lan, authority, profile="officer")
    assert state(officer) == life.OPEN
    zhou_lan.is_active = False
    zhou_lan.save()
    assert services.renewal_state(officer, officer.not_after).obstacle == "holder_inactive"


@pytest.mark.parametrize(
    "obstacle", ["revoked", "suspended", "node_retired", "institution_not_active", "console"]
)
def test_what_stands_in_the_way(
    obstacle: str, certificate: Certificate, authority: Authority, heming: Node, zhou_lan: User
) -> None:
    if obstacle == "revoked":
        services.revoke(certificate, reason="superseded", actor=zhou_lan)
    elif obstacle == "suspended":
        services.suspend(certificate, actor=zhou_lan)
    elif obstacle == "node_retired":
        Node.objects.filter(pk=heming.pk).update(retired_at=clock.now())
    elif obstacle == "institution_not_active":
        heming.institution.status = Status.SUSPENDED
        heming.institution.save()
    else:
        certificate = rows.certificate("CN=gateway.example", authority, profile="gateway")
    found = services.renewal_state(certificate, certificate.not_after)
    assert (found.state, found.obstacle) == (life.NOT_RENEWABLE, obstacle)
    assert found.why == words.NOT_RENEWABLE[obstacle]
    assert str(found.label) == str(words.RENEWAL_STATES[life.NOT_RENEWABLE])


def test_a_list_of_them_is_one_query(
    authority: Authority, heming: Node, zhou_lan: User, django_assert_num_queries: Callable[[int], object]
) -> None:
    made = [rows.certificate(heming, authority) for _ in range(3)]
    made += [rows.certificate(zhou_lan, authority, profile="client") for _ in range(2)]
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        found = services.renewal_states(made, made[0].not_after)
    assert set(found) == {each.pk for each in made}
