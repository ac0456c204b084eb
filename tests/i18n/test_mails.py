"""A reminder says the same in both languages, one after the other: nobody's own language is known."""

from __future__ import annotations

import re
from datetime import timedelta

from certs import mails
from certs.models import Reminder
from consortium.core import clock
from tests.i18n.reading import marked
from tests.i18n.test_catalogue import CHINESE
from tests.web.portal.town import Town


def test_each_language_is_whole_and_keeps_to_itself(town: Town) -> None:
    certificate = town.heming.certificate
    owed = Reminder(certificate=certificate, days=30, recorded_at=clock.now())
    now = certificate.not_after - timedelta(days=30)
    mail = mails.expiry([owed], ["ops@heming.example"], now)
    node = str(town.heming.node)
    assert mail.subject == f"{node} 将在 30 天后到期 · {node} runs out in 30 days"
    chinese, english = re.split(r"\n-{20,}\n", str(mail.body))
    assert "序列号: " in chinese
    assert certificate.serial_id in chinese
    assert certificate.serial_id in english
    assert not CHINESE.search(english)
    assert {text for text in marked() if len(text) > 20 and text in chinese} == set()


def test_what_is_not_a_members_is_told_to_the_secretariat_in_chinese_too(town: Town) -> None:
    authority = town.heming.certificate.authority
    owed = Reminder(authority=authority, days=60, recorded_at=clock.now())
    now = authority.not_after - timedelta(days=60)
    mail = mails.expiry([owed], ["secretariat@alliance.example"], now)
    assert mail.subject == f"{authority} 将在 60 天后到期 · {authority} runs out in 60 days"
    assert "新的签发机构须经密钥仪式建立" in str(mail.body)
