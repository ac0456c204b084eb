"""One-time secrets: who makes them, what they are good for, and for how long."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from contextvars import copy_context
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from certs import issuing, services
from certs.errors import (
    FourEyes,
    InstitutionNotActive,
    NameMismatch,
    NodeRetired,
    ProfileNotForThis,
    RequestRejected,
    SecretExpired,
    SecretSpent,
    SecretWithdrawn,
    UnknownProfile,
    WrongSecret,
)
from certs.models import Certificate, CertificateRequest, Enrolment
from certs.services.enrolment import SECRET_PERIOD, EnrolmentState
from consortium.core import clock
from consortium.core.errors import ConsoleError, IllegalTransition, NotAllowed, NotFound
from consortium.core.models import Event
from consortium.members.models import Node, User
from consortium.members.states import Status
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation
from tests.factories import NodeFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(heming: Node, zhou_lan: User) -> Callable[..., tuple[Enrolment, str]]:
    def made(node: Node = heming, profile: str = "evm-node", actor: User = zhou_lan) -> tuple[Enrolment, str]:
        return services.make_enrolment(node=node, profile=profile, actor=actor)

    return made


Make = Callable[..., tuple[Enrolment, str]]


def later(period: timedelta = SECRET_PERIOD) -> datetime:
    return clock.now() + period


def test_the_secret_is_long_and_only_its_hash_is_kept(make: Make, heming: Node) -> None:
    enrolment, secret = make()
    assert len(secret) >= 43  # 256 bits in base64
    stored = Enrolment.objects.values().get()
    assert secret not in str(stored)
    assert stored["secret_sha256"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(Event.objects.values().get(action="enrolment.made"))
    assert services.enrolment_of(str(heming.pk), secret) == enrolment


def test_the_secretariat_may_make_one_for_a_member(make: Make, wang_min: User) -> None:
    enrolment, _ = make(actor=wang_min)
    assert enrolment.created_by == wang_min


def test_nobody_else_may(make: Make, li_jun: User, wu_rui: User) -> None:
    with pytest.raises(NotFound):
        make(actor=li_jun)
    with pytest.raises(NotAllowed):
        make(actor=wu_rui)
    assert not Enrolment.objects.exists()


@pytest.mark.parametrize(("profile", "error"), [("officer", ProfileNotForThis), ("geth", UnknownProfile)])
def test_a_secret_is_for_a_nodes_profile(make: Make, profile: str, error: type[ConsoleError]) -> None:
    with pytest.raises(error):
        make(profile=profile)


def test_a_node_out_of_service_gets_none(make: Make, heming: Node) -> None:
    heming.retired_at = clock.now()
    heming.save()
    with pytest.raises(NodeRetired):
        make()


def test_a_suspended_member_gets_none(make: Make, heming: Node) -> None:
    heming.institution.status = Status.SUSPENDED
    heming.institution.save()
    with pytest.raises(InstitutionNotActive):
        make()


def test_a_new_one_takes_the_place_of_an_unused_one(make: Make, heming: Node) -> None:
    first, secret = make()
    second, _ = make()
    first.refresh_from_db()
    now = clock.now()
    assert services.enrolment_state(first, now) == EnrolmentState.WITHDRAWN
    assert services.enrolment_state(second, now) == EnrolmentState.OPEN
    with pytest.raises(SecretWithdrawn):
        services.enrolment_of(str(heming.pk), secret)


def test_it_is_known_by_the_right_node_alone(make: Make, heming: Node) -> None:
    _, secret = make()
    other = NodeFactory()
    assert services.enrolment_of(str(heming.pk).upper(), secret)
    for node_id in (str(other.pk), "", "1", str(heming.pk) + "0", heming.name):
        with pytest.raises(WrongSecret):
            services.enrolment_of(node_id, secret)
    for wrong in ("", secret[:-1], secret + "A", secret.swapcase(), "\ud800"):
        with pytest.raises(WrongSecret):
            services.enrolment_of(str(heming.pk), wrong)


def test_it_expires_when_it_is_not_used(make: Make, heming: Node, workstation: Workstation) -> None:
    enrolment, secret = make()
    with clock.frozen(later()):
        assert services.enrolment_state(enrolment, clock.now()) == EnrolmentState.EXPIRED
        with pytest.raises(SecretExpired):
            services.enrolment_of(str(heming.pk), secret)
        with pytest.raises(SecretExpired):
            services.redeem(enrolment, csr=workstation.request())
    assert not CertificateRequest.objects.exists()


def test_what_was_used_in_time_is_fetched_later(make: Make, heming: Node, workstation: Workstation) -> None:
    enrolment, secret = make()
    csr = workstation.request()
    request = services.redeem(enrolment, csr=csr)
    with clock.frozen(later()):
        found = services.enrolment_of(str(heming.pk), secret)
        assert services.redeem(found, csr=csr) == request


def test_the_first_request_is_its_officers_and_waits_for_somebody_else(
    make: Make, zhou_lan: User, workstation: Workstation
) -> None:
    enrolment, _ = make()
    request = services.redeem(enrolment, csr=workstation.request())
    assert (request.requested_by, request.origin) == (zhou_lan, CertificateRequest.Origin.EST)
    assert (request.status, request.decided_by) == (CertificateRequest.Status.SUBMITTED, None)
    enrolment.refresh_from_db()
    assert services.enrolment_state(enrolment, clock.now()) == EnrolmentState.USED
    event = Event.objects.get(action="enrolment.redeemed")
    assert (event.node_id, event.data["spki_sha256"]) == (enrolment.node_id, request.spki_sha256)


def test_whoever_made_the_secret_does_not_approve(
    make: Make, wang_min: User, chen_ling: User, workstation: Workstation
) -> None:
    enrolment, _ = make(actor=wang_min)
    request = services.redeem(enrolment, csr=workstation.request())
    with pytest.raises(FourEyes):
        services.approve_request(request, actor=wang_min)
    services.approve_request(request, actor=chen_ling)


def test_the_same_key_gets_the_same_request_and_another_is_refused(
    make: Make, workstation: Workstation
) -> None:
    enrolment, _ = make()
    key = workstation.key("p256")
    first = services.redeem(enrolment, csr=workstation.request(key=key))
    assert services.redeem(enrolment, csr=workstation.request(key=key, form="DER")) == first
    for _ in range(3):
        with pytest.raises(SecretSpent):
            services.redeem(enrolment, csr=workstation.request())
    assert CertificateRequest.objects.count() == 1
    refused = Event.objects.get(action="enrolment.refused")  # once, not per attempt
    assert refused.data["code"] == "secret_spent"


def test_a_request_that_the_gate_refuses_does_not_use_it_up(make: Make, workstation: Workstation) -> None:
    enrolment, _ = make()
    with pytest.raises(NameMismatch):
        services.redeem(enrolment, csr=workstation.request(subject="/CN=qingchuan-bank"))
    enrolment.refresh_from_db()
    assert services.enrolment_state(enrolment, clock.now()) == EnrolmentState.OPEN
    assert Event.objects.get(action="request.refused").data["code"] == "name_mismatch"
    assert services.redeem(enrolment, csr=workstation.request())


def test_a_rejection_is_told_with_its_reason(make: Make, wang_min: User, workstation: Workstation) -> None:
    enrolment, _ = make()
    csr = workstation.request()
    services.reject_request(services.redeem(enrolment, csr=csr), actor=wang_min, reason="Not on the plan")
    with pytest.raises(RequestRejected, match="Not on the plan"):
        services.redeem(enrolment, csr=csr)


def test_a_withdrawn_one_fetches_nothing_and_its_request_stays(
    make: Make, zhou_lan: User, workstation: Workstation
) -> None:
    enrolment, _ = make()
    csr = workstation.request()
    request = services.redeem(enrolment, csr=csr)
    services.withdraw_enrolment(enrolment, actor=zhou_lan)
    with pytest.raises(SecretWithdrawn):
        services.redeem(enrolment, csr=csr)
    request.refresh_from_db()
    assert request.status == CertificateRequest.Status.SUBMITTED
    assert Event.objects.filter(action="enrolment.withdrawn").count() == 1


def test_withdrawing_is_for_its_member_and_for_once(make: Make, zhou_lan: User, li_jun: User) -> None:
    enrolment, _ = make()
    with pytest.raises(NotFound):
        services.withdraw_enrolment(enrolment, actor=li_jun)
    services.withdraw_enrolment(enrolment, actor=zhou_lan)
    with pytest.raises(IllegalTransition):
        services.withdraw_enrolment(enrolment, actor=zhou_lan)


def test_the_secret_of_an_officer_who_left_is_refused(
    make: Make, heming: Node, workstation: Workstation
) -> None:
    leaver = UserFactory(institution=heming.institution)
    enrolment, _ = make(actor=leaver)
    leaver.is_active = False
    leaver.save()
    with pytest.raises(NotAllowed):
        services.redeem(enrolment, csr=workstation.request())


@pytest.mark.django_db(transaction=True)
def test_of_two_keys_at_once_one_is_bound(make: Make, workstation: Workstation) -> None:
    enrolment, _ = make()
    requests = [workstation.request() for _ in range(4)]
    start = threading.Barrier(len(requests))
    outcomes: list[str] = []

    def redeem(csr: bytes) -> None:
        start.wait()
        try:
            services.redeem(enrolment, csr=csr)
            outcomes.append("taken")
        except SecretSpent as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=redeem, args=(csr,)) for csr in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["secret_spent"] * 3 + ["taken"]
    assert CertificateRequest.objects.count() == 1


# --- Renewal by proof -------------------------------------------------------------------------------------
@pytest.fixture
def certified(
    pki: Pki, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> Iterator[Callable[..., tuple[Certificate, Path]]]:
    """``certified(profile, kind)``: a certificate that may be renewed, and its key.

    It is made now; the test then runs in its last weeks.
    """

    with ExitStack() as later_on:

        def make(profile: str = "evm-node", kind: str = "p256") -> tuple[Certificate, Path]:
            key = workstation.key(kind)
            request = services.submit_request(
                node=heming, profile=profile, csr=workstation.request(key=key), actor=zhou_lan
            )
            services.approve_request(request, actor=wang_min)
            made = issuing.issue(request.pk)
            assert made is not None
            later_on.enter_context(clock.frozen(later(timedelta(days=345))))
            return made, key

        yield make


Certified = Callable[..., tuple[Certificate, Path]]


def test_the_same_key_is_the_same_renewal(certified: Certified, workstation: Workstation) -> None:
    old, _ = certified()
    csr = workstation.request()
    first = services.renew_by_proof(old, csr=csr)
    assert services.renew_by_proof(old, csr=csr) == first
    assert first.status == CertificateRequest.Status.APPROVED
    issuing.issue(first.pk)
    assert services.renew_by_proof(old, csr=csr) == first
    with pytest.raises(ConsoleError):  # the next one is renewed with the next one
        services.renew_by_proof(old, csr=workstation.request())
    assert CertificateRequest.objects.filter(renews=old).count() == 1


def test_what_its_officer_handed_in_is_fetched_by_the_node(
    certified: Certified, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    old, _ = certified()
    csr = workstation.request()
    asked = services.submit_request(node=heming, profile="evm-node", csr=csr, actor=zhou_lan, renews=old)
    assert services.renew_by_proof(old, csr=csr) == asked
    assert asked.status == CertificateRequest.Status.SUBMITTED  # still for a second person


def test_a_profile_that_keeps_its_key_renews_with_it(certified: Certified, workstation: Workstation) -> None:
    old, key = certified("fisco-bcos-2", "secp256k1")
    csr = workstation.request(key=key)
    request = services.renew_by_proof(old, csr=csr)
    assert services.renew_by_proof(old, csr=csr) == request
    new = issuing.issue(request.pk)
    assert new is not None
    assert (new.spki_sha256, new.public_key_hex) == (old.spki_sha256, old.public_key_hex)


def test_a_kept_key_enrols_again_with_a_new_secret(
    certified: Certified, make: Make, wang_min: User, workstation: Workstation
) -> None:
    """The way for a node whose key TLS does not speak: secp256k1 proves nothing in a handshake."""
    old, key = certified("fisco-bcos-2", "secp256k1")
    enrolment, _ = make(profile="fisco-bcos-2")
    request = services.redeem(enrolment, csr=workstation.request(key=key))
    services.approve_request(request, actor=wang_min)
    new = issuing.issue(request.pk)
    assert new is not None
    assert new.spki_sha256 == old.spki_sha256


def test_a_renewal_that_was_given_up_is_said_with_its_reason(
    certified: Certified, heming: Node, workstation: Workstation
) -> None:
    old, _ = certified()
    csr = workstation.request()
    request = services.renew_by_proof(old, csr=csr)
    heming.retired_at = clock.now()
    heming.save()
    assert issuing.issue(request.pk) is None
    with pytest.raises(RequestRejected):
        services.renew_by_proof(old, csr=csr)


@pytest.mark.django_db(transaction=True)
def test_a_renewal_sent_twice_at_once_is_one(certified: Certified, workstation: Workstation) -> None:
    old, _ = certified()
    csr = workstation.request()
    start = threading.Barrier(3)
    made: list[object] = []

    def renew() -> None:
        start.wait()
        try:
            made.append(services.renew_by_proof(old, csr=csr).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=copy_context().run, args=(renew,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 3
    assert len(set(made)) == 1
