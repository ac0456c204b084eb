"""No approved request stays open for ever: what can't be signed is closed, and the node may ask again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from certs import issuing, services, tasks
from certs.errors import ContentMismatch, FourEyes, NameMismatch, SigningBegun
from certs.issuing import preparing
from certs.models import Certificate, CertificateRequest, SerialNumber
from consortium.core import outbox
from consortium.core.errors import IllegalTransition, NotAllowed, ReasonRequired
from consortium.core.models import Event, OutboxMessage
from consortium.members import services as members
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation

pytestmark = pytest.mark.django_db


@pytest.fixture
def submitted(pki: Pki, heming: Node, zhou_lan: User, workstation: Workstation) -> CertificateRequest:
    """A request that names the node's address, which is right when it is made."""
    csr = workstation.request("p256", "-addext", f"subjectAltName=IP:{heming.host}")
    return services.submit_request(node=heming, profile="evm-node", csr=csr, actor=zhou_lan)


@pytest.fixture
def approved(submitted: CertificateRequest, wang_min: User) -> CertificateRequest:
    return services.approve_request(submitted, actor=wang_min, reason="Checked by telephone")


@pytest.fixture
def move_house(heming: Node, zhou_lan: User) -> Callable[[str], Node]:
    def move(host: str) -> Node:
        return members.change_endpoint(
            heming,
            host=host,
            port=heming.port,
            push_url=heming.push_url,
            software_version=heming.software_version,
            actor=zhou_lan,
            reason="New data centre",
        )

    return move


def test_what_the_record_no_longer_bears_out_is_not_approved(
    submitted: CertificateRequest, move_house: Callable[[str], Node], wang_min: User
) -> None:
    move_house("10.9.9.9")
    with pytest.raises(NameMismatch):
        services.approve_request(submitted, actor=wang_min)
    submitted.refresh_from_db()
    assert submitted.status == "submitted"
    services.reject_request(submitted, actor=wang_min, reason="The node has moved")
    submitted.refresh_from_db()
    assert submitted.status == "rejected"


def test_a_node_that_moved_after_approval_gets_none_and_may_ask_again(
    approved: CertificateRequest,
    move_house: Callable[[str], Node],
    heming: Node,
    zhou_lan: User,
    workstation: Workstation,
) -> None:
    move_house("10.9.9.9")
    assert outbox.drain("signing") == 2, "the request, then who may read lists"
    message = OutboxMessage.objects.get(topic="certs.issue")
    assert (message.done_at is not None, message.dead_at) == (True, None)
    approved.refresh_from_db()
    assert approved.status == "rejected"
    assert "10.1.2.3" in approved.decision_reason  # what the member reads, in place of the approver's remark
    event = Event.objects.get(action="request.rejected")
    assert (event.actor_label, event.data["code"]) == ("signing worker", "name_mismatch")
    assert event.reason == approved.decision_reason
    assert not SerialNumber.objects.filter(request=approved).exists()
    csr = workstation.request("p256", "-addext", "subjectAltName=IP:10.9.9.9")
    again = services.submit_request(node=heming, profile="evm-node", csr=csr, actor=zhou_lan)
    assert again.status == "submitted"


def forge_key(request: CertificateRequest) -> None:
    CertificateRequest.objects.filter(pk=request.pk).update(spki_sha256="0" * 64)


def forge_csr(request: CertificateRequest) -> None:
    CertificateRequest.objects.filter(pk=request.pk).update(csr=b"no request")


def forge_approval(request: CertificateRequest) -> None:
    CertificateRequest.objects.filter(pk=request.pk).update(decided_by=None)


def forge_profile(request: CertificateRequest) -> None:
    CertificateRequest.objects.filter(pk=request.pk).update(profile="fisco-bcos-3")


@pytest.mark.parametrize(
    ("forge", "code", "dead"),
    [
        (forge_key, "content_mismatch", True),
        (forge_approval, "content_mismatch", True),
        (forge_csr, "malformed_request", False),
        (forge_profile, "key_not_accepted", False),
    ],
)
def test_no_refusal_leaves_the_request_open(
    forge: Callable[[CertificateRequest], None],
    code: str,
    dead: bool,
    approved: CertificateRequest,
    heming: Node,
    zhou_lan: User,
    workstation: Workstation,
) -> None:
    forge(approved)
    assert outbox.drain("signing") == 1
    message = OutboxMessage.objects.get(topic="certs.issue")
    assert (message.dead_at is not None) == dead  # a row changed behind the services is shown to a person
    assert Event.objects.get(action="request.rejected").data["code"] == code
    assert not Certificate.objects.exists()
    services.submit_request(node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan)


def test_an_intent_that_is_not_signed_closes_the_request_too(pki: Pki, approved: CertificateRequest) -> None:
    """The serial number is spent then: it is never used for anything else."""
    [job] = preparing.prepare([approved.pk]).jobs
    serial = job.serial
    swapped = bytes(pki.root.der)
    with connection.cursor() as cursor:  # the table is append-only: it takes the database's owner
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE certs_serialnumber DISABLE TRIGGER USER")
        cursor.execute("UPDATE certs_serialnumber SET intent = %s WHERE serial = %s", [swapped, serial.pk])
        cursor.execute("ALTER TABLE certs_serialnumber ENABLE TRIGGER USER")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    with pytest.raises(ContentMismatch):
        issuing.issue(approved.pk)
    approved.refresh_from_db()
    assert approved.status == "rejected"
    serial.refresh_from_db()
    assert serial.void_reason == approved.decision_reason
    assert issuing.issue(approved.pk) is None
    assert not Certificate.objects.exists()


def test_the_secretariat_takes_an_approval_back(
    approved: CertificateRequest, chen_ling: User, zhou_lan: User, heming: Node, workstation: Workstation
) -> None:
    assert services.may_be_rejected(approved)
    with pytest.raises(ReasonRequired):
        services.reject_request(approved, actor=chen_ling, reason="")
    with pytest.raises(NotAllowed):
        services.reject_request(approved, actor=zhou_lan, reason="Mine")
    services.reject_request(approved, actor=chen_ling, reason="The caller was not the bank")
    assert outbox.drain("signing") == 1
    approved.refresh_from_db()
    assert (approved.status, approved.decided_by) == ("rejected", chen_ling)
    assert not services.may_be_rejected(approved)
    assert OutboxMessage.objects.get(topic="certs.issue").done_at is not None
    assert not Certificate.objects.exists()
    services.submit_request(node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan)


def test_taking_back_needs_four_eyes_as_well(
    heming: Node, wang_min: User, chen_ling: User, workstation: Workstation
) -> None:
    request = services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(), actor=wang_min
    )
    services.approve_request(request, actor=chen_ling)
    with pytest.raises(FourEyes):
        services.reject_request(request, actor=wang_min, reason="Second thoughts")


def test_what_is_being_signed_is_not_taken_back(
    pki: Pki, approved: CertificateRequest, chen_ling: User
) -> None:
    """A signature may exist from here on: the worker finishes, and revoking is the way."""
    assert preparing.prepare([approved.pk]).jobs
    assert not services.may_be_rejected(approved)
    with pytest.raises(SigningBegun):
        services.reject_request(approved, actor=chen_ling, reason="Too late")
    approved.refresh_from_db()
    assert (approved.status, approved.decision_reason) == ("approved", "Checked by telephone")
    assert issuing.issue(approved.pk) is not None


def test_what_was_issued_is_not_rejected(approved: CertificateRequest, chen_ling: User) -> None:
    tasks.handle_issue({"request": str(approved.pk)})
    with pytest.raises(IllegalTransition):
        services.reject_request(approved, actor=chen_ling, reason="Too late")
    assert Certificate.objects.get().request == approved
