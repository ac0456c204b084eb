"""Signing in: accounts are made by the secretariat, never by visitors. What people change leaves an event."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest
from django.urls import reverse

from consortium.core import clock, events
from consortium.members.models import User
from consortium.web.models import ApiToken


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    @transaction.atomic
    def set_password(self, user: User, password: str) -> None:
        """Change the password, record it, end the API token: its holder may have had the old one."""
        super().set_password(user, password)
        _record("account.password_changed", user)
        withdraw_token(user)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """The secretariat works in the admin, everybody else in the portal."""
        user = request.user
        if isinstance(user, User) and user.is_secretariat:
            return reverse("admin:index")
        return reverse("portal:home")


@transaction.atomic
def renew_token(user: User) -> str:
    """Make the account's API token anew and return it; the earlier one stops working at once.

    The caller shows it this once: what is kept is its hash.
    """
    key = secrets.token_hex(20)
    kept = {"sha256": token_hash(key), "created_at": clock.now()}
    ApiToken.objects.update_or_create(user=user, defaults=kept)
    _record("account.token_renewed", user)
    return key


def token_hash(key: str) -> str:
    """What is kept of a token: SHA-256, hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def token_since(user: User) -> datetime | None:
    """When the account's API token was made; None when there is none."""
    return ApiToken.objects.filter(user=user).values_list("created_at", flat=True).first()


@transaction.atomic
def withdraw_token(user: User) -> None:
    """Take the account's API token away; nothing happens when there is none."""
    deleted, _rows = ApiToken.objects.filter(user=user).delete()
    if deleted:
        _record("account.token_withdrawn", user)


def _record(action: str, user: User, **data: Any) -> None:
    events.record(action, user, actor=user, institution_id=user.institution_id, **data)


def _factor_added(sender: Any, instance: Authenticator, created: bool, **_more: Any) -> None:
    if created:
        _record("account.second_factor_added", instance.user, type=instance.type)


def _factor_removed(sender: Any, instance: Authenticator, **_more: Any) -> None:
    _record("account.second_factor_removed", instance.user, type=instance.type)


def declare() -> None:
    """Record second factors, which allauth keeps by itself; called once, when the app is ready.

    These signals are sent inside the row's own transaction; allauth's come after the commit.
    """
    post_save.connect(_factor_added, sender=Authenticator, dispatch_uid="second factor added")
    post_delete.connect(_factor_removed, sender=Authenticator, dispatch_uid="second factor removed")
