"""Revocation by whom and for what; how lists and answers tell of it is under ``status``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography import x509

from certs import services
from certs.errors import AlreadyRevoked, ReasonNotForMembers, UnknownReason
from certs.models import Certificate, Revocation
from certs.status import files
from consortium.core import outbox
from consortium.core.errors import NotAllowed, NotFound
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs.conftest import Pki

pytestmark = pytest.mark.django_db
Certify = Callable[..., Certificate]


@pytest.fixture
def certificate(certify: Certify, heming: Node, zhou_lan: User) -> Certificate:
    return certify(heming, zhou_lan)


def published(name: str = "nodes") -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(files.current_crl(name))


def test_a_bank_revokes_its_own(certificate: Certificate, zhou_lan: User, pki: Pki) -> None:
    services.revoke(certificate, reason="keyCompromise", comment="Laptop stolen", actor=zhou_lan)
    event = Event.objects.get(action="certificate.revoked")
    assert (event.actor_id, event.reason, event.data["code"]) == (
        zhou_lan.pk,
        "Laptop stolen",
        "keyCompromise",
    )
    assert (event.node_id, event.data["network"]) == (certificate.node_id, certificate.node.network_id)
    outbox.drain("signing")
    entry = published().get_revoked_certificate_by_serial_number(int(certificate.serial_id, 16))
    assert entry is not None
    assert (
        entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        == x509.ReasonFlags.key_compromise
    )
    assert published().extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2


def test_the_secretariat_revokes_any_but_nobody_elses_bank_does(
    certificate: Certificate, wang_min: User, li_jun: User, wu_rui: User
) -> None:
    with pytest.raises(NotFound):
        services.revoke(certificate, reason="superseded", actor=li_jun)
    with pytest.raises(NotAllowed):
        services.revoke(certificate, reason="superseded", actor=wu_rui)
    assert not Revocation.objects.exists()
    assert (
        services.revoke(certificate, reason="privilegeWithdrawn", actor=wang_min).reason
        == "privilegeWithdrawn"
    )


def test_a_member_does_not_withdraw_its_own_privilege(certificate: Certificate, zhou_lan: User) -> None:
    with pytest.raises(ReasonNotForMembers):
        services.revoke(certificate, reason="privilegeWithdrawn", actor=zhou_lan)


@pytest.mark.parametrize("reason", ["", "certificateHold", "removeFromCRL", "no\x00thing"])
def test_other_reasons_do_not_exist(reason: str, certificate: Certificate, wang_min: User) -> None:
    with pytest.raises(UnknownReason):
        services.revoke(certificate, reason=reason, actor=wang_min)


def test_revoking_twice_is_refused(certificate: Certificate, wang_min: User, zhou_lan: User) -> None:
    services.revoke(certificate, reason="superseded", actor=zhou_lan)
    with pytest.raises(AlreadyRevoked) as refusal:
        services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    assert refusal.value.params["serial"] == certificate.serial_id
    assert Event.objects.filter(action="certificate.revoked").count() == 1
