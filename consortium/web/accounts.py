"""Signing in: accounts are made by the secretariat, never by visitors. What people change leaves an event."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account_signals
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa import signals as mfa_signals
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from rest_framework.authtoken.models import Token

from consortium.core import events
from consortium.members.models import User


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """The secretariat works in the admin, everybody else in the portal."""
        user = request.user
        if isinstance(user, User) and user.is_secretariat:
            return reverse("admin:index")
        return reverse("portal:home")


@transaction.atomic
def renew_token(user: User) -> str:
    """Make the account's API token anew and return it; the earlier one stops working at once."""
    Token.objects.filter(user=user).delete()
    token = Token.objects.create(user=user)
    _record("account.token_renewed", user)
    return token.key


@transaction.atomic
def withdraw_token(user: User) -> None:
    """Take the account's API token away; nothing happens when there is none."""
    deleted, _rows = Token.objects.filter(user=user).delete()
    if deleted:
        _record("account.token_withdrawn", user)


def _record(action: str, user: User, **data: Any) -> None:
    events.record(action, user, actor=user, institution_id=user.institution_id, **data)


def _recorder(action: str) -> Any:
    def listener(sender: Any, user: User, **_more: Any) -> None:
        with transaction.atomic():
            _record(action, user)

    return listener


def declare() -> None:
    """Record what allauth changes by itself; called once, when the app is ready."""
    for signal, action in (
        (account_signals.password_changed, "account.password_changed"),
        (account_signals.password_reset, "account.password_changed"),
        (mfa_signals.authenticator_added, "account.second_factor_added"),
        (mfa_signals.authenticator_removed, "account.second_factor_removed"),
        (mfa_signals.authenticator_reset, "account.second_factor_renewed"),
    ):
        signal.connect(_recorder(action), dispatch_uid=f"event {action} {id(signal)}", weak=False)
