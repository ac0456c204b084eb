"""Accounts: who makes them, who shuts them, and what nobody can do."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from consortium.core import events
from consortium.core.errors import InvalidInput, NotAllowed, NotFound, ReasonRequired
from consortium.core.models import Event
from consortium.members import services
from consortium.members.errors import AccountDeactivated, LastSecretariatAccount, Taken
from consortium.members.models import User
from consortium.members.states import Role
from tests.factories import PASSWORD, InstitutionFactory, UserFactory

pytestmark = pytest.mark.django_db


def create(**fields: Any) -> User:
    values = {
        "username": "zhou.lan",
        "password": PASSWORD,
        "role": Role.SECRETARIAT,
        "institution": None,
        "email": "zhou.lan@alliance.example",
        "first_name": "Lan",
        "last_name": "Zhou",
        "actor": events.COMMAND,
    }
    return services.create_account(**(values | fields))


def test_an_account_can_sign_in_and_its_event_holds_no_password() -> None:
    lan = create()
    assert authenticate(username="zhou.lan", password=PASSWORD) == lan
    event = Event.objects.get()
    assert (event.action, event.data) == ("account.created", {"role": "secretariat"})
    assert PASSWORD not in str(vars(event))


def test_only_secretariat_and_regulator_open_the_admin_site() -> None:
    bank = InstitutionFactory()
    assert create().is_staff
    assert create(username="a", role=Role.REGULATOR).is_staff
    assert not create(username="b", role=Role.MEMBER, institution=bank).is_staff
    assert not User.objects.filter(is_superuser=True).exists()


def test_without_a_password_nobody_signs_in() -> None:
    lan = create(password=None)
    assert not lan.has_usable_password()
    assert authenticate(username="zhou.lan", password="") is None


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"username": "Zhou Lan"}, "username", "username"),
        ({"username": ""}, "username", "required"),
        ({"email": "nobody"}, "email", "email"),
        ({"first_name": "=1+1"}, "first_name", "formula"),
        ({"password": "short"}, "password", "password"),
        ({"password": "zhou.lan@alliance"}, "password", "password"),
        ({"role": "emperor"}, "role", "unknown_choice"),
        ({"role": Role.MEMBER}, "institution", "institution_needed"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create(**fields)
    assert (refused.value.params["field"], refused.value.params["rule"]) == (field, rule)
    assert not User.objects.exists()


def test_the_secretariat_belongs_to_no_institution() -> None:
    bank = InstitutionFactory()
    with pytest.raises(InvalidInput) as refused:
        create(institution=bank)
    assert refused.value.params["rule"] == "institution_not_wanted"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="x", role=Role.SECRETARIAT, institution=bank)


def test_a_user_name_is_taken_in_any_case() -> None:
    create()
    with pytest.raises(Taken):
        create(username="ZHOU.Lan")


def test_an_officer_makes_accounts_for_its_own_institution_only() -> None:
    officer = UserFactory()
    made = create(role=Role.MEMBER, institution=officer.institution, actor=officer)
    assert made.institution == officer.institution
    with pytest.raises(NotFound):
        create(username="x", role=Role.MEMBER, institution=InstitutionFactory(), actor=officer)
    for role in (Role.SECRETARIAT, Role.REGULATOR):
        with pytest.raises(NotAllowed):
            create(username="x", role=role, actor=officer)
        with pytest.raises(NotAllowed):
            create(username="x", role=role, institution=officer.institution, actor=officer)


def test_a_regulator_makes_no_accounts() -> None:
    regulator = UserFactory(regulator=True)
    with pytest.raises(NotAllowed):
        create(actor=regulator)
    with pytest.raises(NotAllowed):
        create(role=Role.MEMBER, institution=InstitutionFactory(), actor=regulator)


def test_a_deactivated_account_can_not_sign_in_and_is_kept() -> None:
    officer = UserFactory()
    lan = UserFactory(secretariat=True)
    services.deactivate_account(officer, actor=lan, reason="left the bank")
    assert authenticate(username=officer.username, password=PASSWORD) is None
    assert User.objects.filter(pk=officer.pk).exists()
    event = Event.objects.get()
    assert (event.action, event.reason) == ("account.deactivated", "left the bank")
    with pytest.raises(AccountDeactivated):
        services.deactivate_account(officer, actor=lan, reason="again")


def test_the_last_account_of_the_secretariat_stays() -> None:
    lan = UserFactory(secretariat=True)
    UserFactory(secretariat=True, is_active=False)
    with pytest.raises(LastSecretariatAccount):
        services.deactivate_account(lan, actor=lan, reason="holiday")
    jun = UserFactory(secretariat=True)
    assert not services.deactivate_account(lan, actor=jun, reason="left").is_active


def test_officers_shut_accounts_of_their_own_bank_only_and_say_why() -> None:
    officer, stranger, lan = UserFactory(), UserFactory(), UserFactory(secretariat=True)
    colleague = UserFactory(institution=officer.institution)
    with pytest.raises(NotFound):
        services.deactivate_account(colleague, actor=stranger, reason="spite")
    with pytest.raises(NotAllowed):
        services.deactivate_account(lan, actor=officer, reason="spite")
    with pytest.raises(ReasonRequired):
        services.deactivate_account(colleague, actor=officer, reason="")
    assert not services.deactivate_account(colleague, actor=officer, reason="left").is_active


def run_command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_account", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_reads_the_password_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    bank = InstitutionFactory()
    run_command("sun.hui", "--role", "member", "--institution", bank.short_name, "--password-file", str(file))
    user = authenticate(username="sun.hui", password=PASSWORD)
    assert isinstance(user, User)
    assert user.institution == bank


def test_the_command_asks_for_the_password_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD, PASSWORD, "something-else"])
    monkeypatch.setattr(
        "consortium.members.management.commands.create_account.getpass", lambda *_: next(typed)
    )
    run_command("zhou.lan", "--role", "secretariat")
    assert authenticate(username="zhou.lan", password=PASSWORD)
    with pytest.raises(CommandError):
        run_command("li.jun", "--role", "secretariat")
    assert not User.objects.filter(username="li.jun").exists()


def test_the_command_has_a_word_for_what_it_can_not_do(tmp_path: Path) -> None:
    for arguments in (
        ("x", "--role", "member", "--institution", "nobody", "--no-password"),
        ("x", "--role", "member", "--no-password"),
        ("x", "--role", "secretariat", "--password-file", str(tmp_path / "missing")),
    ):
        with pytest.raises(CommandError):
            run_command(*arguments)
    assert not User.objects.exists()
