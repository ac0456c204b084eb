"""People's accounts: made by the secretariat, or by a member for its own officers; never by visitors."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from consortium.core import events
from consortium.core.errors import InvalidInput
from consortium.members import rules
from consortium.members.errors import AccountDeactivated, LastSecretariatAccount, Taken, checked, invalid
from consortium.members.models import Institution, User
from consortium.members.permissions import require_officer_or_secretariat, require_secretariat
from consortium.members.services.common import Register, hold, needed_reason
from consortium.members.states import Role


def create_account(
    *,
    username: str,
    password: str | None,
    role: str,
    institution: Institution | None,
    email: str = "",
    first_name: str = "",
    last_name: str = "",
    actor: events.Actor,
) -> User:
    """Make an account. Without a password nobody can sign in until one is set.

    Raises InvalidInput for a field, Taken for the name, NotAllowed or NotFound by the actor's role.
    """
    _require_may_appoint(actor, role, institution)
    user = User(
        username=checked("username", rules.username, username),
        role=role,
        institution=institution,
        email=checked("email", rules.email, email) if email.strip() else "",
        first_name=_name("first_name", first_name),
        last_name=_name("last_name", last_name),
        is_staff=role != Role.MEMBER,  # may open the admin site; what it shows follows from the role
    )
    _set_password(user, password)
    with transaction.atomic():
        hold(Register.ACCOUNTS)
        if User.objects.filter(username__iexact=user.username).exists():
            raise Taken(field="username")
        user.save()
        _record("account.created", user, actor=actor, role=role)
        return user


def _require_may_appoint(actor: events.Actor, role: str, institution: Institution | None) -> None:
    if role not in Role.values:
        raise invalid("role", "unknown_choice", known=", ".join(Role.values))
    if role == Role.MEMBER and institution is None:
        raise invalid("institution", "institution_needed")
    if role == Role.MEMBER and institution is not None:
        require_officer_or_secretariat(actor, institution)
        return
    require_secretariat(actor)
    if institution is not None:
        raise invalid("institution", "institution_not_wanted")


def _name(field: str, value: str) -> str:
    return checked(field, rules.name, value, 150) if value.strip() else ""


def _set_password(user: User, password: str | None) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(field="password", reason=" ".join(error.messages), rule="password") from None
    user.set_password(password)


def deactivate_account(account: User, *, actor: events.Actor, reason: str) -> User:
    """Shut an account: its sessions and tokens stop at once. None is ever deleted: the record names them.

    Raises AccountDeactivated, LastSecretariatAccount, NotAllowed or NotFound.
    """
    _require_may_dismiss(actor, account)
    said = needed_reason(reason)
    with transaction.atomic():
        hold(Register.ACCOUNTS)  # or the last two of the secretariat could shut each other's
        now = User.objects.select_for_update(no_key=True).get(pk=account.pk)
        if not now.is_active:
            raise AccountDeactivated(account=now.get_username())
        _require_another_secretariat(now)
        now.is_active = False
        now.save(update_fields=["is_active"])
        _record("account.deactivated", now, actor=actor, reason=said)
        return now


def _require_may_dismiss(actor: events.Actor, account: User) -> None:
    if account.institution is None:
        require_secretariat(actor)
    else:
        require_officer_or_secretariat(actor, account.institution)


def _require_another_secretariat(account: User) -> None:
    if account.role != Role.SECRETARIAT:
        return
    others = User.objects.filter(role=Role.SECRETARIAT, is_active=True).exclude(pk=account.pk)
    if not others.exists():
        raise LastSecretariatAccount(account=account.get_username())


def _record(action: str, user: User, *, actor: events.Actor, reason: str = "", **data: Any) -> None:
    events.record(action, user, actor=actor, reason=reason, institution_id=user.institution_id, **data)
