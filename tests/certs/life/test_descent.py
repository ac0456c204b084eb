"""A stolen key may have renewed itself before anybody knew: what followed by its proof alone is on hold."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from certs import life, selectors, services
from certs.models import Authority, Certificate, CertificateRequest, Suspension
from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs.life import rows

pytestmark = pytest.mark.django_db
Status = CertificateRequest.Status


@pytest.fixture
def authority(db: None) -> Authority:
    return rows.authority()


@pytest.fixture
def stolen(authority: Authority, heming: Node) -> Certificate:
    return rows.certificate(heming, authority)


def asked(renews: Certificate, zhou_lan: User, wang_min: User, **values: object) -> CertificateRequest:
    """A renewal, by proof unless ``values`` say otherwise."""
    return CertificateRequest.objects.create(
        **{
            "institution": renews.institution,
            "node": renews.node,
            "profile": renews.profile,
            "renews": renews,
            "renewed_by_proof": True,
            "csr": b"",
            "spki_sha256": hashlib.sha256(str(renews.pk).encode()).hexdigest(),
            "key_description": "P-256",
            "status": Status.ISSUED,
            "requested_by": zhou_lan,
            "requested_at": clock.now(),
            "decided_by": wang_min,
            "decided_at": clock.now(),
            **values,
        }
    )


def test_what_it_renewed_by_proof_is_suspended_down_the_line(
    stolen: Certificate, authority: Authority, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    child = rows.certificate(heming, authority, request=asked(stolen, zhou_lan, wang_min))
    grandchild = rows.certificate(heming, authority, request=asked(child, zhou_lan, wang_min))
    services.revoke(child, reason="superseded", actor=zhou_lan)
    services.revoke(stolen, reason="keyCompromise", comment="Stolen", actor=zhou_lan)
    assert selectors.state(grandchild, clock.now()) == life.SUSPENDED
    assert [hold.certificate for hold in Suspension.objects.all()] == [grandchild]
    services.release(grandchild, comment="Its fingerprint is the one on our machine", actor=zhou_lan)
    assert selectors.valid_certificate_of(heming, clock.now()) == grandchild


def test_so_it_is_when_the_theft_is_found_out_later(
    stolen: Certificate, authority: Authority, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    child = rows.certificate(heming, authority, request=asked(stolen, zhou_lan, wang_min))
    services.revoke(stolen, reason="superseded", actor=zhou_lan)
    assert selectors.state(child, clock.now()) == life.VALID
    services.report_compromise(stolen, actor=zhou_lan)
    assert selectors.state(child, clock.now()) == life.SUSPENDED


def test_what_people_approved_or_has_ended_is_left_alone(
    stolen: Certificate, authority: Authority, heming: Node, zhou_lan: User, wang_min: User
) -> None:
    by_people = asked(stolen, zhou_lan, wang_min, renewed_by_proof=False)
    approved = rows.certificate(heming, authority, request=by_people)
    ended = rows.certificate(
        heming,
        authority,
        request=asked(stolen, zhou_lan, wang_min),
        ends=clock.now() - timedelta(days=1),
    )
    services.revoke(stolen, reason="keyCompromise", actor=zhou_lan)
    assert selectors.state(approved, clock.now()) == life.VALID
    assert selectors.state(ended, clock.now()) == life.EXPIRED
    assert not Suspension.objects.exists()


def test_a_renewal_under_way_is_stopped(stolen: Certificate, zhou_lan: User, wang_min: User) -> None:
    request = asked(stolen, zhou_lan, wang_min, status=Status.APPROVED)
    services.revoke(stolen, reason="keyCompromise", actor=zhou_lan)
    request.refresh_from_db()
    assert request.status == Status.REJECTED
    assert request.decision_reason
    event = Event.objects.get(action="request.rejected")
    assert (event.actor_label, event.data["code"]) == ("zhou.lan", "key_compromise")
