"""Approval and rejection: by a second person of the secretariat, along the table."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from certs import rules, services
from certs.errors import FourEyes, InstitutionNotActive
from certs.models import CertificateRequest
from consortium.core.errors import IllegalTransition, NotAllowed, ReasonRequired
from consortium.core.models import Event, OutboxMessage
from consortium.core.transitions import Table, illegal_pairs
from consortium.members.models import Node, User
from tests.certs.openssl import Workstation

pytestmark = pytest.mark.django_db
STATES = list(CertificateRequest.Status.values)


@pytest.fixture
def request_of_heming(heming: Node, zhou_lan: User, workstation: Workstation) -> CertificateRequest:
    return services.submit_request(node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan)


def test_approval_owes_the_signature(request_of_heming: CertificateRequest, wang_min: User) -> None:
    services.approve_request(request_of_heming, actor=wang_min, reason="Checked by telephone")
    request_of_heming.refresh_from_db()
    assert (request_of_heming.status, request_of_heming.decided_by) == ("approved", wang_min)
    assert OutboxMessage.objects.get(topic="certs.issue").queue == "signing"
    event = Event.objects.get(action="request.approved")
    assert (event.actor_id, event.reason) == (wang_min.pk, "Checked by telephone")


def test_rejection_closes_the_request_with_a_reason(
    request_of_heming: CertificateRequest, wang_min: User
) -> None:
    with pytest.raises(ReasonRequired):
        services.reject_request(request_of_heming, actor=wang_min, reason=" ")
    services.reject_request(request_of_heming, actor=wang_min, reason="Unknown caller")
    request_of_heming.refresh_from_db()
    assert (request_of_heming.status, request_of_heming.decision_reason) == ("rejected", "Unknown caller")
    assert not OutboxMessage.objects.filter(topic="certs.issue").exists()


def test_who_requested_on_behalf_can_not_approve(
    heming: Node, wang_min: User, chen_ling: User, workstation: Workstation
) -> None:
    request = services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(), actor=wang_min
    )
    with pytest.raises(FourEyes):
        services.approve_request(request, actor=wang_min)
    with pytest.raises(FourEyes):
        services.reject_request(request, actor=wang_min, reason="Second thoughts")
    refused = Event.objects.filter(action="request.decision_refused", subject_id=str(request.pk))
    assert [(event.data["code"], event.actor_id) for event in refused] == [("four_eyes", wang_min.pk)] * 2
    assert services.approve_request(request, actor=chen_ling).decided_by == chen_ling


def test_the_database_insists_on_four_eyes(request_of_heming: CertificateRequest, zhou_lan: User) -> None:
    request_of_heming.decided_by = zhou_lan
    with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
        request_of_heming.save()


@pytest.mark.parametrize("who", ["zhou_lan", "li_jun", "wu_rui"])
def test_others_do_not_decide(
    who: str, request_of_heming: CertificateRequest, request: pytest.FixtureRequest
) -> None:
    actor: User = request.getfixturevalue(who)
    with pytest.raises(NotAllowed):
        services.approve_request(request_of_heming, actor=actor)
    with pytest.raises(NotAllowed):
        services.reject_request(request_of_heming, actor=actor, reason="No")
    request_of_heming.refresh_from_db()
    assert request_of_heming.status == "submitted"
    told = set(
        Event.objects.filter(action="request.decision_refused").values_list("institution_id", flat=True)
    )
    # on the bank's timeline, but for a stranger, who leaves it on his own bank's
    assert told == {actor.institution_id if who == "li_jun" else request_of_heming.institution_id}


def test_a_member_suspended_meanwhile_is_not_approved(
    request_of_heming: CertificateRequest, heming: Node, wang_min: User
) -> None:
    heming.institution.status = "suspended"
    heming.institution.save()
    with pytest.raises(InstitutionNotActive):
        services.approve_request(request_of_heming, actor=wang_min)
    request_of_heming.refresh_from_db()
    assert request_of_heming.status == "submitted"


@pytest.mark.parametrize(
    ("table", "current", "wanted"),
    [(table, *pair) for table in (rules.BY_PEOPLE, rules.BY_WORKER) for pair in illegal_pairs(table, STATES)],
)
def test_no_other_step_is_possible(
    table: Table, current: str, wanted: str, request_of_heming: CertificateRequest
) -> None:
    request_of_heming.status = current
    with pytest.raises(IllegalTransition):
        services.move(request_of_heming, CertificateRequest.Status(wanted), table)
    assert request_of_heming.status == current


def test_deciding_twice_is_refused(
    request_of_heming: CertificateRequest, wang_min: User, chen_ling: User
) -> None:
    services.approve_request(request_of_heming, actor=wang_min)
    with pytest.raises(IllegalTransition):
        services.approve_request(request_of_heming, actor=chen_ling)
    services.reject_request(request_of_heming, actor=chen_ling, reason="Not signed yet, so in time")
    with pytest.raises(IllegalTransition):
        services.reject_request(request_of_heming, actor=wang_min, reason="Too late")
    with pytest.raises(IllegalTransition):
        services.approve_request(request_of_heming, actor=wang_min)
    assert Event.objects.filter(action="request.approved").count() == 1
    assert Event.objects.filter(action="request.rejected").count() == 1
