"""Suspending, releasing, revoking: who may, what follows, and what stays as it was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from asn1crypto import crl as asn1_crl
from django.db import DatabaseError, connection, transaction

from certs import life, selectors, services
from certs.errors import (
    AlreadyRevoked,
    HeldBySecretariat,
    NotRevoked,
    ReasonNotForMembers,
    ReasonStands,
    RevokedCertificate,
    SuspendedCertificate,
)
from certs.models import Authority, Certificate, Revocation, Suspension
from certs.status import listing
from consortium.core import clock
from consortium.core.errors import IllegalTransition, NotAllowed, NotFound, ReasonRequired
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from tests.certs.life import rows

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture
def authority(db: None) -> Authority:
    return rows.authority(crl_shards=4)


@pytest.fixture
def certificate(authority: Authority, heming: Node) -> Certificate:
    return rows.certificate(heming, authority)


def entries(authority: Authority, shard: int | None = None) -> dict[str, tuple[str, str]]:
    """What the next list would say: serial to (reason, date)."""
    found = asn1_crl.RevokedCertificates.load(_sequence(listing.entries_of(authority, shard).der))
    return {
        f"{entry['user_certificate'].native:022x}": (
            entry.crl_reason_value.native if entry.crl_reason_value else "unspecified",
            entry["revocation_date"].native.isoformat(),
        )
        for entry in found
    }


def _sequence(content: bytes) -> bytes:
    from certs import der

    return der.tlv(der.SEQUENCE, content)


def test_a_suspended_certificate_is_out_and_comes_back(
    certificate: Certificate, authority: Authority, heming: Node, zhou_lan: User
) -> None:
    at = clock.now()
    hold = services.suspend(certificate, comment="Looking into a strange login", actor=zhou_lan)
    assert selectors.state(certificate, at) == life.SUSPENDED
    assert selectors.valid_certificate_of(heming, at) is None
    with pytest.raises(SuspendedCertificate) as refusal:
        selectors.authenticate(bytes(certificate.der), at)
    assert (refusal.value.status, refusal.value.code) == (403, "suspended_certificate")
    assert entries(authority) == {
        certificate.serial_id: ("certificate_hold", hold.held_at.replace(microsecond=0).isoformat())
    }
    services.release(certificate, comment="It was Zhou Lan herself", actor=zhou_lan)
    assert selectors.authenticate(bytes(certificate.der), at) == certificate
    assert selectors.valid_certificate_of(heming, at) == certificate
    assert entries(authority) == {}
    assert [(event.action, event.reason) for event in Event.objects.order_by("id")] == [
        ("certificate.suspended", "Looking into a strange login"),
        ("certificate.released", "It was Zhou Lan herself"),
    ]


def test_each_change_raises_the_revision_and_owes_a_list(
    certificate: Certificate, authority: Authority, zhou_lan: User
) -> None:
    assert services.suspend(certificate, actor=zhou_lan).revision == 1
    assert services.release(certificate, comment="False alarm", actor=zhou_lan).revision == 2
    assert services.suspend(certificate, actor=zhou_lan).revision == 3
    assert services.revoke(certificate, reason="superseded", actor=zhou_lan).revision == 4
    assert services.report_compromise(certificate, actor=zhou_lan).revision == 5
    authority.refresh_from_db()
    assert authority.revision == 5
    message = OutboxMessage.objects.get(topic="certs.publish_crl")
    assert (message.key, message.version) == (str(authority.pk), 5)


def test_a_revocation_takes_the_place_of_the_suspension_and_keeps_its_date(
    certificate: Certificate, authority: Authority, zhou_lan: User
) -> None:
    hold = services.suspend(certificate, actor=zhou_lan)
    with clock.frozen(clock.now() + WEEK):
        revocation = services.revoke(certificate, reason="keyCompromise", actor=zhou_lan)
        decided = clock.now()
    assert revocation.revoked_at == hold.held_at
    assert (revocation.listed_from, revocation.revision) == (1, 2)
    date = hold.held_at.replace(microsecond=0).isoformat()
    assert entries(authority) == {certificate.serial_id: ("key_compromise", date)}
    assert entries(authority, certificate.crl_shard) == entries(authority)
    assert entries(authority, (certificate.crl_shard + 1) % 4) == {}
    assert Event.objects.get(action="certificate.revoked").at == decided
    with pytest.raises(AlreadyRevoked):
        services.release(certificate, comment="Too late", actor=zhou_lan)


def test_after_a_release_the_date_is_a_new_one(certificate: Certificate, zhou_lan: User) -> None:
    services.suspend(certificate, actor=zhou_lan)
    services.release(certificate, comment="False alarm", actor=zhou_lan)
    with clock.frozen(clock.now() + WEEK):
        assert services.revoke(certificate, reason="superseded", actor=zhou_lan).revoked_at == clock.now()


def test_a_revoked_one_can_not_be_suspended(certificate: Certificate, wang_min: User) -> None:
    services.revoke(certificate, reason="superseded", actor=wang_min)
    with pytest.raises(AlreadyRevoked):
        services.suspend(certificate, actor=wang_min)
    with pytest.raises(RevokedCertificate) as refusal:
        selectors.authenticate(bytes(certificate.der), clock.now())
    assert refusal.value.code == "revoked_certificate"


def test_nobody_suspends_twice_or_releases_what_is_not_held(certificate: Certificate, zhou_lan: User) -> None:
    with pytest.raises(IllegalTransition):
        services.release(certificate, comment="Nothing to release", actor=zhou_lan)
    services.suspend(certificate, actor=zhou_lan)
    with pytest.raises(IllegalTransition):
        services.suspend(certificate, actor=zhou_lan)
    assert Suspension.objects.count() == 1


def test_what_has_run_out_is_not_suspended_but_still_revoked(
    certificate: Certificate, zhou_lan: User
) -> None:
    with clock.frozen(certificate.not_after + timedelta(seconds=1)):
        with pytest.raises(IllegalTransition):
            services.suspend(certificate, actor=zhou_lan)
        assert services.revoke(certificate, reason="keyCompromise", actor=zhou_lan)


def test_who_suspends_and_who_releases(
    certificate: Certificate, zhou_lan: User, li_jun: User, wang_min: User, wu_rui: User
) -> None:
    with pytest.raises(NotFound):
        services.suspend(certificate, actor=li_jun)
    with pytest.raises(NotAllowed):
        services.suspend(certificate, actor=wu_rui)
    services.suspend(certificate, comment="By order", actor=wang_min)
    with pytest.raises(HeldBySecretariat):
        services.release(certificate, comment="We disagree", actor=zhou_lan)
    with pytest.raises(ReasonRequired):
        services.release(certificate, comment="  ", actor=wang_min)
    services.release(certificate, comment="The order was lifted", actor=wang_min)
    services.suspend(certificate, actor=zhou_lan)
    services.release(certificate, comment="Asked by telephone", actor=wang_min)


def test_a_console_certificate_is_the_secretariats(
    authority: Authority, zhou_lan: User, wang_min: User
) -> None:
    gateway = rows.certificate("CN=gateway.example", authority, profile="gateway")
    with pytest.raises(NotAllowed):
        services.revoke(gateway, reason="keyCompromise", actor=zhou_lan)
    with pytest.raises(NotAllowed):
        services.suspend(gateway, actor=zhou_lan)
    assert services.revoke(gateway, reason="keyCompromise", actor=wang_min).reason == "keyCompromise"


def test_a_key_found_out_later_makes_the_reason_graver_and_nothing_else(
    certificate: Certificate, authority: Authority, zhou_lan: User, wang_min: User
) -> None:
    with pytest.raises(NotRevoked):
        services.report_compromise(certificate, actor=zhou_lan)
    first = services.revoke(certificate, reason="superseded", comment="Renewed", actor=wang_min)
    with clock.frozen(clock.now() + WEEK):
        services.report_compromise(certificate, comment="The old disk was sold", actor=zhou_lan)
    found = Revocation.objects.get()
    assert (found.reason, found.revoked_at, found.revoked_by_label) == (
        "keyCompromise",
        first.revoked_at,
        "wang.min",
    )
    assert (found.listed_from, found.revision) == (1, 2)
    assert [reason for reason, _ in entries(authority).values()] == ["key_compromise"]
    event = Event.objects.get(action="certificate.compromise_reported")
    assert (event.data["before"], event.reason) == ("superseded", "The old disk was sold")
    with pytest.raises(ReasonStands):
        services.report_compromise(certificate, actor=zhou_lan)


def test_a_member_does_not_hide_that_its_privilege_was_withdrawn(
    certificate: Certificate, zhou_lan: User, wang_min: User
) -> None:
    services.revoke(certificate, reason="privilegeWithdrawn", actor=wang_min)
    with pytest.raises(ReasonNotForMembers):
        services.report_compromise(certificate, actor=zhou_lan)
    assert services.report_compromise(certificate, actor=wang_min).reason == "keyCompromise"


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "unspecified"},
        {"revoked_by_label": "nobody", "reason": "keyCompromise", "revision": 9},
        {"listed_from": 7, "reason": "keyCompromise", "revision": 9},
        {"reason": "keyCompromise"},  # the lists would not notice
        {"comment": "nothing happened"},
    ],
)
def test_the_database_lets_nothing_else_change(
    change: dict[str, object], certificate: Certificate, wang_min: User
) -> None:
    services.revoke(certificate, reason="superseded", actor=wang_min)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Revocation.objects.update(**change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute("DELETE FROM certs_revocation")


def test_a_lost_key_ends_every_certificate_it_has(
    certificate: Certificate, authority: Authority, heming: Node, zhou_lan: User
) -> None:
    """FISCO BCOS 2 keeps its key on renewal: the thief of one certificate's key has the other's."""
    same = {"spki_sha256": certificate.spki_sha256}
    renewed = rows.certificate(heming, authority, **same)
    superseded = rows.certificate(heming, authority, **same)
    other = rows.certificate(heming, authority)
    services.revoke(superseded, reason="superseded", actor=zhou_lan)
    services.revoke(certificate, reason="keyCompromise", comment="Stolen", actor=zhou_lan)
    reasons = dict(Revocation.objects.values_list("certificate", "reason"))
    assert reasons == dict.fromkeys([certificate.pk, renewed.pk, superseded.pk], "keyCompromise")
    assert selectors.valid_certificate_of(heming, clock.now()) == other


def test_another_reason_leaves_the_other_certificates_of_a_key_alone(
    certificate: Certificate, authority: Authority, heming: Node, zhou_lan: User
) -> None:
    renewed = rows.certificate(heming, authority, spki_sha256=certificate.spki_sha256)
    services.revoke(certificate, reason="superseded", actor=zhou_lan)
    assert selectors.valid_certificate_of(heming, clock.now()) == renewed


def test_lists_of_certificates_know_their_state_without_asking_row_by_row(
    authority: Authority, heming: Node, zhou_lan: User, django_assert_num_queries: Callable[[int], object]
) -> None:
    held, revoked, plain = (rows.certificate(heming, authority) for _ in range(3))
    services.suspend(held, actor=zhou_lan)
    services.revoke(revoked, reason="superseded", actor=zhou_lan)
    now = clock.now()
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        found = selectors.certificates_for(zhou_lan).annotate(held=selectors.on_hold())
        states = {row.pk: selectors.state(row, now) for row in found}
    assert states == {held.pk: life.SUSPENDED, revoked.pk: life.REVOKED, plain.pk: life.VALID}


@pytest.mark.django_db(transaction=True)
def test_revisions_commit_in_their_order(authority: Authority, heming: Node, wang_min: User) -> None:
    """Four at once, and one who reads all the while: a revision that is seen lacks none before it."""
    certificates = [rows.certificate(heming, authority) for _ in range(8)]
    start, done = threading.Barrier(5), threading.Event()

    def revoke(mine: list[Certificate]) -> None:
        start.wait()
        try:
            for each in mine:
                services.revoke(each, reason="superseded", actor=wang_min)
        finally:
            connection.close()

    def read() -> set[tuple[int, int]]:
        start.wait()
        seen = set()
        try:
            while not done.is_set():
                with transaction.atomic():
                    connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    revision = Authority.objects.values_list("revision", flat=True).get(pk=authority.pk)
                    seen.add((revision, Revocation.objects.filter(revision__lte=revision).count()))
        finally:
            connection.close()
        return seen

    with ThreadPoolExecutor(5) as pool:
        reading = pool.submit(read)
        for job in [pool.submit(revoke, certificates[i::4]) for i in range(4)]:
            job.result()
        done.set()
        assert all(revision == count for revision, count in reading.result())
    found = Revocation.objects.values_list("revision", flat=True).order_by("revision")
    assert list(found) == list(range(1, 9))
