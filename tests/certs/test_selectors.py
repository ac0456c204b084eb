"""Who sees what, and whose certificate counts now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from certs import building, selectors, services
from certs.errors import ExpiredCertificate, RevokedCertificate, UnknownCertificate
from certs.models import Certificate
from consortium.core import clock
from consortium.members.models import Node, User
from tests.certs.openssl import Workstation, openssl
from tests.factories import NodeFactory

pytestmark = pytest.mark.django_db
Certify = Callable[..., Certificate]


def test_a_bank_sees_its_own_others_see_all_or_nothing(
    certify: Certify, heming: Node, zhou_lan: User, li_jun: User, wang_min: User, wu_rui: User
) -> None:
    ours = certify(heming, zhou_lan)
    theirs = certify(NodeFactory(institution=li_jun.institution), li_jun)
    assert list(selectors.certificates_for(zhou_lan)) == [ours]
    assert list(selectors.requests_for(zhou_lan)) == [ours.request]
    assert list(selectors.certificates_for(li_jun)) == [theirs]
    for reader in (wang_min, wu_rui):
        assert set(selectors.certificates_for(reader)) == {ours, theirs}
        assert set(selectors.requests_for(reader)) == {ours.request, theirs.request}
    zhou_lan.is_active = False
    assert not selectors.certificates_for(zhou_lan).exists()
    assert not selectors.requests_for(zhou_lan).exists()


def test_a_node_is_known_by_the_exact_bytes(certify: Certify, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan)
    der = bytes(certificate.der)
    assert selectors.authenticate(der, clock.now()) == certificate
    with pytest.raises(UnknownCertificate):
        selectors.authenticate(der[:-1] + bytes([der[-1] ^ 1]), clock.now())
    with pytest.raises(UnknownCertificate):
        selectors.authenticate(b"", clock.now())


def test_a_self_made_certificate_with_the_right_name_is_unknown(
    certify: Certify, heming: Node, zhou_lan: User, workstation: Workstation
) -> None:
    certify(heming, zhou_lan)
    forged = openssl(
        "req", "-x509", "-key", str(workstation.home / "1.key"), "-outform", "DER",
        "-subj", "/CN=settlement-1/O=heming-bank",
        "-addext", f"subjectAltName=URI:{building.node_urn(heming)}",
    ).stdout  # fmt: skip
    with pytest.raises(UnknownCertificate):
        selectors.authenticate(forged, clock.now())


def test_both_ends_of_the_period_count(certify: Certify, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan)
    der, second = bytes(certificate.der), timedelta(seconds=1)
    for inside in (certificate.not_before, certificate.not_after):
        assert selectors.authenticate(der, inside) == certificate
    for outside in (certificate.not_before - second, certificate.not_after + second):
        with pytest.raises(ExpiredCertificate):
            selectors.authenticate(der, outside)
        assert selectors.valid_certificate_of(heming, outside) is None


def test_a_revoked_certificate_is_out_at_once(certify: Certify, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan)
    services.revoke(certificate, reason="keyCompromise", actor=zhou_lan)
    with pytest.raises(RevokedCertificate):
        selectors.authenticate(bytes(certificate.der), clock.now())
    assert selectors.valid_certificate_of(heming, clock.now()) is None
    assert selectors.valid_node_certificates(heming.network, clock.now()) == {}


def test_the_newest_valid_certificate_of_each_node(certify: Certify, heming: Node, zhou_lan: User) -> None:
    older = certify(heming, zhou_lan)
    with clock.frozen(clock.now() + timedelta(seconds=5)):
        newer = certify(heming, zhou_lan)
        second = NodeFactory(institution=heming.institution)
        elsewhere = certify(second, zhou_lan)
        now = clock.now()
    assert selectors.valid_certificate_of(heming, now) == newer
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found = selectors.valid_node_certificates("settlement", now)
    assert found == {heming.pk: newer, second.pk: elsewhere}
    assert len(queries) == 1
    services.revoke(newer, reason="superseded", actor=zhou_lan)
    assert selectors.valid_certificate_of(heming, now) == older


def test_what_expires_soon_and_is_not_renewed(certify: Certify, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan)
    assert list(selectors.expiring(timedelta(days=30))) == []
    with clock.frozen(certificate.not_after - timedelta(days=29)):
        assert list(selectors.expiring(timedelta(days=30))) == [certificate]
        renewed = certify(heming, zhou_lan)
        assert list(selectors.expiring(timedelta(days=30))) == []
        services.revoke(renewed, reason="superseded", actor=zhou_lan)
        assert list(selectors.expiring(timedelta(days=30))) == [certificate]
