"""Applying, and whom to reach."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from consortium.core.errors import InvalidInput, NotAllowed, NotFound, ReasonRequired
from consortium.core.models import Event
from consortium.members import services
from consortium.members.errors import Taken
from consortium.members.models import Institution
from consortium.members.states import Status
from tests.factories import CategoryFactory, InstitutionFactory, UserFactory

pytestmark = pytest.mark.django_db


def apply(**fields: Any) -> Institution:
    values = {
        "short_name": "qushui-bank",
        "legal_name_zh": "曲水银行股份有限公司",
        "legal_name_en": "Qushui Bank Co., Ltd.",
        "category": CategoryFactory(),
        "uscc": "91440300hefqu1c39j",
        "lei": "836800CQ9DC9W0HHBE55",
        "joined_on": date(2023, 9, 9),
        "contact_name": "Wu Xin",
        "contact_email": "wu.xin@Qushui.example",
        "contact_phone": "",
        "actor": UserFactory(secretariat=True),
    }
    return services.apply(**(values | fields))


def test_an_application_is_kept_checked_and_recorded() -> None:
    bank = apply()
    bank.full_clean()
    assert bank.status == Status.APPLIED
    assert bank.uscc == "91440300HEFQU1C39J"
    assert bank.contact_email == "wu.xin@qushui.example"
    event = Event.objects.get()
    assert (event.action, event.institution_id) == ("institution.applied", bank.pk)


def test_lei_and_day_of_joining_may_be_missing() -> None:
    bank = apply(lei=None, joined_on=None)
    assert (bank.lei, bank.joined_on) == (None, None)
    assert apply(short_name="other", uscc="91440300XUXAGT4ECY", lei="").lei is None, "two without an LEI"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("short_name", "Qushui Bank", "slug"),
        ("legal_name_zh", "=1+1", "formula"),
        ("legal_name_en", "", "required"),
        ("uscc", "91440300HEFQU1C39K", "uscc_check_digit"),
        ("lei", "836800CQ9DC9W0HHBE56", "lei_check_digits"),
        ("joined_on", date(2999, 1, 1), "date_out_of_range"),
        ("contact_name", "Wu\x00Xin", "hidden_character"),
        ("contact_email", "wu.xin", "email"),
        ("contact_phone", "=1", "phone"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_kept(field: str, value: Any, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        apply(**{field: value})
    assert (refused.value.params["field"], refused.value.params["rule"]) == (field, rule)
    assert not Institution.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("field", "others"),
    [
        ("short_name", {"uscc": "91440300XUXAGT4ECY", "lei": None}),
        ("uscc", {"short_name": "other", "lei": None}),
        ("lei", {"short_name": "other", "uscc": "91440300XUXAGT4ECY"}),
    ],
)
def test_what_another_institution_has_is_taken(field: str, others: dict[str, Any]) -> None:
    apply()
    with pytest.raises(Taken) as refused:
        apply(**others)
    assert refused.value.params == {"field": field}
    assert refused.value.status == 409


def test_only_the_secretariat_enters_applications() -> None:
    for user in (UserFactory(), UserFactory(regulator=True)):
        with pytest.raises(NotAllowed):
            apply(actor=user)


def change_contact(bank: Institution, **fields: Any) -> Institution:
    values = {
        "contact_name": "Zhao Bo",
        "contact_email": "zhao.bo@heming.example",
        "contact_phone": "+86 755 1234567",
        "actor": UserFactory(institution=bank),
        "reason": "Zhou Lan left",
    }
    return services.change_contact(bank, **(values | fields))


def test_a_changed_contact_is_recorded_with_what_it_was() -> None:
    bank = InstitutionFactory(contact_name="Zhou Lan")
    assert change_contact(bank).contact_name == "Zhao Bo"
    event = Event.objects.get()
    assert event.reason == "Zhou Lan left"
    assert event.data["changes"]["contact_name"] == ["Zhou Lan", "Zhao Bo"]


def test_the_same_contact_again_leaves_no_event() -> None:
    bank = InstitutionFactory()
    change_contact(bank)
    change_contact(bank)
    assert Event.objects.count() == 1


def test_a_contact_is_changed_by_its_own_officers_with_a_reason_and_good_fields_only() -> None:
    bank = InstitutionFactory()
    with pytest.raises(NotFound):
        change_contact(bank, actor=UserFactory())
    with pytest.raises(NotAllowed):
        change_contact(bank, actor=UserFactory(regulator=True))
    with pytest.raises(ReasonRequired):
        change_contact(bank, reason=" ")
    with pytest.raises(InvalidInput):
        change_contact(bank, contact_email="nobody")
    with pytest.raises(InvalidInput):
        change_contact(bank, reason="a\x00b")
    assert not Event.objects.exists()
