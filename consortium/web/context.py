"""What every page's frame needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from consortium.members.models import User


def account(request: HttpRequest) -> dict[str, Any]:
    """``account``: who is signed in, or nothing. Lazy: error pages never ask, so they need no database."""
    return {"account": SimpleLazyObject(lambda: _account(request))}


def _account(request: HttpRequest) -> User | None:
    user = getattr(request, "user", None)
    return user if isinstance(user, User) and user.is_active else None
