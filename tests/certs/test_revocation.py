"""Revocation, and the list that tells of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from pytest_django.fixtures import Settings

from certs import building, crl, keys, publication, selectors, services, tasks
from certs.errors import AlreadyRevoked, KeysNotAvailable, ReasonNotForMembers, UnknownReason
from certs.models import Authority, Certificate, Revocation, RevocationList, RevocationReason
from consortium.core import clock, outbox
from consortium.core.errors import NotAllowed, NotFound
from consortium.core.models import Event
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation, openssl

pytestmark = pytest.mark.django_db
Certify = Callable[..., Certificate]


@pytest.fixture
def certificate(certify: Certify, heming: Node, zhou_lan: User) -> Certificate:
    return certify(heming, zhou_lan)


def published(name: str = "nodes") -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(publication.current_crl(name))


def numbers() -> list[int]:
    rows = RevocationList.objects.filter(authority__name="nodes").order_by("number")
    return list(rows.values_list("number", flat=True))


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


def test_openssl_refuses_a_revoked_certificate(
    certificate: Certificate, wang_min: User, pki: Pki, workstation: Workstation
) -> None:
    services.revoke(certificate, reason=RevocationReason.CESSATION_OF_OPERATION, actor=wang_min)
    outbox.drain("signing")
    file = workstation.file
    list_pem = openssl("crl", "-inform", "DER", data=publication.current_crl("nodes")).stdout
    done = openssl(
        "verify", "-crl_check",
        "-CAfile", file("root.pem", selectors.pem(pki.root.der).encode()),
        "-untrusted", file("nodes.pem", selectors.pem(pki.nodes.der).encode()),
        "-CRLfile", file("crl.pem", list_pem),
        file("leaf.pem", selectors.pem(certificate.der).encode()),
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"certificate revoked" in done.stderr


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


@pytest.mark.parametrize("reason", RevocationReason.values)
def test_every_reason_reads_in_openssl(reason: str, certificate: Certificate, wang_min: User) -> None:
    services.revoke(certificate, reason=reason, actor=wang_min)
    outbox.drain("signing")
    text = openssl("crl", "-inform", "DER", "-text", "-noout", data=publication.current_crl("nodes")).stdout
    assert certificate.serial_id.upper().encode() in text
    # RFC 5280: "unspecified" is said by saying nothing.
    assert (b"Reason Code" in text) == (reason != "unspecified")


def test_the_lists_issuer_is_the_authoritys_subject_byte_by_byte(pki: Pki) -> None:
    subject = x509.load_der_x509_certificate(bytes(pki.nodes.der)).subject.public_bytes()
    assert subject in published().tbs_certlist_bytes
    done = openssl(
        "crl", "-inform", "DER", "-noout", "-verify", "-CAfile", str(pki.pki_dir / "chain.pem"),
        data=publication.current_crl("nodes"),
    )  # fmt: skip
    assert b"verify OK" in done.stderr


def test_publishing_again_signs_nothing_new(pki: Pki) -> None:
    file = pki.pki_dir / "nodes.crl"
    before = file.stat().st_mtime_ns
    assert crl.publish(pki.nodes.pk).number == 1
    assert numbers() == [1]
    assert file.stat().st_mtime_ns == before


def test_a_list_is_signed_again_from_half_its_life_on(pki: Pki) -> None:
    signed_at = RevocationList.objects.get(authority=pki.nodes).this_update
    with clock.frozen(signed_at + timedelta(hours=11, minutes=59)):
        tasks.refresh_status()
    assert numbers() == [1]
    with clock.frozen(signed_at + timedelta(hours=12)):
        tasks.refresh_status()
    assert numbers() == [1, 2]
    assert published().next_update_utc == signed_at + timedelta(hours=36)


def authority_without_key(issuing: Authority, name: str) -> Authority:
    """Another issuing CA whose key is not on this machine; only its row counts here."""
    return Authority.objects.create(
        name=name,
        kind=Authority.Kind.ISSUING,
        parent=issuing.parent,
        der=bytes(issuing.der),
        key_name=f"{name}-key",
        spki_sha256=hashlib.sha256(name.encode()).hexdigest(),
        not_before=issuing.not_before,
        not_after=issuing.not_after,
        created_at=issuing.created_at - timedelta(days=1),
    )


def test_one_authority_without_its_key_does_not_stop_the_others(pki: Pki) -> None:
    for name in ("abroad", "yonder"):  # one before "nodes" in the order of the rows, one after
        authority_without_key(pki.nodes, name)
    with clock.frozen(clock.now() + timedelta(hours=13)), pytest.raises(ExceptionGroup) as failed:
        tasks.refresh_status()
    assert [type(error) for error in failed.value.exceptions] == [KeysNotAvailable, KeysNotAvailable]
    assert [error.__notes__[0].split()[-1] for error in failed.value.exceptions] == ["abroad", "yonder"]
    assert numbers() == [1, 2]


def test_an_authority_that_has_run_out_is_left_alone(pki: Pki) -> None:
    with clock.frozen(pki.nodes.not_after + timedelta(days=1)):
        tasks.refresh_status()
        assert selectors.stale_crls(clock.now()) == [pki.root]
    assert numbers() == [1]


def test_a_list_that_ran_out_is_reported(pki: Pki) -> None:
    now = clock.now()
    assert selectors.stale_crls(now) == []
    assert selectors.stale_crls(now + timedelta(hours=25)) == [pki.nodes]


def test_files_that_are_missing_come_back(pki: Pki) -> None:
    for name in ("nodes.crl", "nodes.crt", "chain.pem"):
        (pki.pki_dir / name).unlink()
    assert (
        published().extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1
    )  # from the row
    tasks.refresh_status()
    assert (pki.pki_dir / "nodes.crt").read_bytes() == bytes(pki.nodes.der)
    assert (pki.pki_dir / "nodes.crl").read_bytes() == publication.current_crl("nodes")
    assert len(x509.load_pem_x509_certificates((pki.pki_dir / "chain.pem").read_bytes())) == 2


def test_no_key_no_list_and_the_message_waits(
    certificate: Certificate, wang_min: User, settings: Settings
) -> None:
    settings.SIGNING_PASSPHRASE_FILE = None
    services.revoke(certificate, reason="superseded", actor=wang_min)
    with pytest.raises(outbox.Later):
        tasks.handle_publish_crl({"authority": str(certificate.authority_id)})
    with pytest.raises(KeysNotAvailable):
        crl.publish(certificate.authority_id)
    assert numbers() == [1]


def test_an_unknown_authority_has_no_files(pki: Pki) -> None:
    with pytest.raises(NotFound):
        publication.current_crl("../keys/issuing")
    with pytest.raises(NotFound):
        publication.authority_certificate("nobody")


def test_a_long_list_keeps_order_and_number(pki: Pki) -> None:
    """The builder gets all entries at once; the result reads the same."""
    issuer = x509.load_der_x509_certificate(bytes(pki.nodes.der))
    at = datetime(2027, 1, 1, tzinfo=UTC)
    entries = [(building.new_serial(), at, x509.ReasonFlags.superseded) for _ in range(2000)]
    made = building.revocation_list(
        issuer=issuer,
        key=keys.open_key("nodes"),
        number=7,
        validity=(at, at + timedelta(hours=1)),
        entries=entries,
    )
    assert [entry.serial_number for entry in made] == [serial for serial, _, _ in entries]
    assert made.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
