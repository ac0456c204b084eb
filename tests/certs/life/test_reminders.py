"""What runs out is said: once a step, to those concerned, recorded first, and never not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from pytest_django.fixtures import Settings

from certs import selectors, services, tasks
from certs.models import Authority, Certificate, Reminder
from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from consortium.members.states import Status
from tests.certs.life import rows

pytestmark = pytest.mark.django_db
Mailbox = list[EmailMessage]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def addresses(settings: Settings, heming: Node, zhou_lan: User, wang_min: User) -> None:
    settings.SECRETARIAT_EMAIL = ["secretariat@alliance.example"]
    heming.institution.contact_email = "ops@heming.example"
    heming.institution.save()
    zhou_lan.email, wang_min.email = "zhou.lan@heming.example", "wang.min@alliance.example"
    zhou_lan.save()
    wang_min.save()


@pytest.fixture
def authority(db: None) -> Authority:
    return rows.authority()


@pytest.fixture
def certificate(authority: Authority, heming: Node) -> Certificate:
    return rows.certificate(heming, authority)


def at(moment: datetime) -> list[int]:
    """What the hourly task does at ``moment``, and the mails after it; the steps that were recorded."""
    with clock.frozen(moment):
        made = services.record_due_reminders(moment)
        outbox.drain("default")
    return [reminder.days for reminder in made]


def test_each_step_is_mailed_once(certificate: Certificate, mailoutbox: Mailbox) -> None:
    end = certificate.not_after
    said = [at(end - days * DAY) for days in (61, 60, 59, 45, 30, 29, 14, 7, 6, 1, 0)]
    assert said == [[], [60], [], [], [30], [], [14], [7], [], [1], []]
    assert len(mailoutbox) == 5
    assert not Reminder.objects.filter(sent_at=None).exists()
    assert at(end + DAY) == []


def test_what_the_mail_says_and_to_whom(certificate: Certificate, mailoutbox: Mailbox) -> None:
    at(certificate.not_after - 14 * DAY)
    (mail,) = mailoutbox
    assert mail.to == ["ops@heming.example", "zhou.lan@heming.example"]
    assert mail.subject.endswith("heming-bank/settlement-1 runs out in 14 days")
    assert mail.subject.count("heming-bank/settlement-1") == 2  # in Chinese first
    assert mail.body.count(certificate.serial_id) == 2
    assert mail.extra_headers["Auto-Submitted"] == "auto-generated"
    reminder = Reminder.objects.get()
    assert (reminder.days, reminder.recipients) == (14, mail.to)
    assert Event.objects.get(action="certificate.reminded").node_id == certificate.node_id


def test_an_outage_makes_one_mail_of_all_that_passed(certificate: Certificate, mailoutbox: Mailbox) -> None:
    assert at(certificate.not_after - 60 * DAY) == [60]
    assert at(certificate.not_after - 5 * DAY) == [7]
    assert at(certificate.not_after - 5 * DAY) == []
    assert len(mailoutbox) == 2


def test_a_clock_that_is_set_back_repeats_nothing(certificate: Certificate, mailoutbox: Mailbox) -> None:
    assert at(certificate.not_after - 7 * DAY) == [7]
    assert at(certificate.not_after - 20 * DAY) == []
    assert len(mailoutbox) == 1


def test_one_mail_an_institution_names_all(
    authority: Authority, heming: Node, zhou_lan: User, mailoutbox: Mailbox
) -> None:
    node = rows.certificate(heming, authority)
    officer = rows.certificate(zhou_lan, authority, profile="officer")
    assert at(node.not_after - 7 * DAY) == [7, 7]
    (mail,) = mailoutbox
    assert node.serial_id in mail.body
    assert officer.serial_id in mail.body
    assert mail.subject.endswith("2 certificates run out, the first in 7 days")


@pytest.mark.parametrize("end", ["renewed", "revoked", "suspended", "retired", "exited"])
def test_nobody_is_reminded_of_what_needs_no_successor(
    end: str,
    certificate: Certificate,
    authority: Authority,
    heming: Node,
    zhou_lan: User,
    mailoutbox: Mailbox,
) -> None:
    moment = certificate.not_after - 14 * DAY
    with clock.frozen(moment):
        if end == "renewed":
            rows.certificate(heming, authority)
        elif end == "revoked":
            services.revoke(certificate, reason="superseded", actor=zhou_lan)
        elif end == "suspended":
            services.suspend(certificate, actor=zhou_lan)
        elif end == "retired":
            Node.objects.filter(pk=heming.pk).update(retired_at=moment)
        else:
            heming.institution.status = Status.EXITED
            heming.institution.save()
    assert at(moment) == []
    assert mailoutbox == []


def test_a_released_certificate_is_spoken_of_again(
    certificate: Certificate, zhou_lan: User, mailoutbox: Mailbox
) -> None:
    moment = certificate.not_after - 14 * DAY
    with clock.frozen(moment):
        services.suspend(certificate, actor=zhou_lan)
        assert at(moment) == []
        services.release(certificate, comment="All is well", actor=zhou_lan)
    assert at(moment) == [14]
    assert len(mailoutbox) == 1


def test_authorities_and_console_certificates_are_the_secretariats(mailoutbox: Mailbox) -> None:
    ending = rows.authority("nodes", ends=clock.now() + 100 * DAY)
    gateway = rows.certificate("CN=gateway.example", ending, profile="gateway", ends=clock.now() + 10 * DAY)
    assert sorted(at(clock.now())) == [14, 180]
    (mail,) = mailoutbox
    assert mail.to == ["secretariat@alliance.example", "wang.min@alliance.example"]
    assert gateway.serial_id in mail.body
    assert "nodes" in mail.body
    assert Event.objects.filter(action="authority.reminded").count() == 1


def test_an_authority_with_a_successor_is_not_mentioned(mailoutbox: Mailbox) -> None:
    rows.authority("nodes", ends=clock.now() + 100 * DAY)
    rows.authority("nodes-2")
    assert at(clock.now()) == []


def test_a_responders_week_is_not_announced_while_it_is_renewed_in_time(authority: Authority) -> None:
    first = rows.certificate("CN=status", authority, profile="ocsp", period=7 * DAY)
    assert at(first.not_before) == []
    assert at(first.not_after - 12 * timedelta(hours=1)) == [1]  # nobody renewed it: somebody should know
    with clock.frozen(first.not_after - 11 * timedelta(hours=1)):
        rows.certificate("CN=status", authority, profile="ocsp", period=7 * DAY)
        assert not selectors.reminders(clock.now()).exists()


class Broken(EmailBackend):
    """The mail server is away, or refuses, as ``error`` says."""

    error: Exception = OSError("connection refused")

    def send_messages(self, messages: object) -> int:
        raise self.error


@pytest.fixture
def no_mail_server(settings: Settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"


def test_a_mail_server_that_is_away_is_waited_for(
    certificate: Certificate, settings: Settings, no_mail_server: None, mailoutbox: Mailbox
) -> None:
    moment = certificate.not_after - 14 * DAY
    assert at(moment) == [14]
    message = OutboxMessage.objects.get(topic="certs.remind")
    assert (message.done_at, message.attempts) == (None, 0)
    assert message.last_error == "connection refused"
    assert Reminder.objects.get().sent_at is None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert at(moment + timedelta(minutes=6)) == []
    assert len(mailoutbox) == 1
    assert Reminder.objects.get().sent_at == moment + timedelta(minutes=6)


def test_what_a_mail_server_refuses_is_counted_and_shown(
    certificate: Certificate, no_mail_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Broken, "error", SMTPRecipientsRefused({"ops@heming.example": (550, b"no")}))
    at(certificate.not_after - 14 * DAY)
    message = OutboxMessage.objects.get(topic="certs.remind")
    assert message.attempts == 1
    assert "SMTPRecipientsRefused" in message.last_error


def test_steps_that_waited_for_the_mail_server_become_one_mail(
    certificate: Certificate, settings: Settings, no_mail_server: None, mailoutbox: Mailbox
) -> None:
    end = certificate.not_after
    assert at(end - 14 * DAY) == [14]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert at(end - 7 * DAY) == [7]
    (mail,) = mailoutbox
    assert mail.subject.endswith("runs out in 7 days")
    assert list(Reminder.objects.filter(sent_at=None).values_list("days", flat=True)) == [14]  # overtaken


def test_without_an_address_the_console_alone_says_it(
    certificate: Certificate, heming: Node, zhou_lan: User, li_jun: User, wang_min: User, mailoutbox: Mailbox
) -> None:
    heming.institution.contact_email = ""
    heming.institution.save()
    User.objects.filter(pk=zhou_lan.pk).update(email="")
    moment = certificate.not_after - 14 * DAY
    assert at(moment) == [14]
    assert mailoutbox == []
    for reader, seen in ((zhou_lan, 1), (wang_min, 1), (li_jun, 0)):
        assert selectors.reminders_for(reader, moment).count() == seen


def test_a_mail_that_is_sent_again_has_the_same_id(certificate: Certificate, mailoutbox: Mailbox) -> None:
    moment = certificate.not_after - 14 * DAY
    at(moment)
    Reminder.objects.update(sent_at=None)  # as after a crash before the mark
    with clock.frozen(moment):
        assert services.send_reminders(str(certificate.institution_id)) == 1
        assert services.send_reminders(str(certificate.institution_id)) == 0
    first, second = mailoutbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]


def test_whoever_asks_for_all_sends_to_each(
    certificate: Certificate, authority: Authority, mailoutbox: Mailbox
) -> None:
    rows.certificate("CN=gateway.example", authority, profile="gateway", ends=certificate.not_after)
    with clock.frozen(certificate.not_after - 14 * DAY):
        assert len(services.record_due_reminders(clock.now())) == 2
        assert services.send_reminders() == 2
        assert services.send_reminders() == 0
    assert {mail.to[0] for mail in mailoutbox} == {"ops@heming.example", "secretariat@alliance.example"}


def test_the_hourly_task_asks_the_clock(certificate: Certificate, mailoutbox: Mailbox) -> None:
    with clock.frozen(certificate.not_after - 30 * DAY):
        tasks.record_reminders()
    assert Reminder.objects.get().days == 30


def test_many_are_recorded_without_a_query_for_each_that_was_said(
    authority: Authority, heming: Node, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    made = [rows.certificate(heming, authority, profile=p) for p in ("evm-node", "fisco-bcos-3", "client")]
    moment = made[0].not_after - 14 * DAY
    assert len(at(moment)) == 3
    with django_assert_max_num_queries(6):  # type: ignore[attr-defined]
        assert services.record_due_reminders(moment) == []
