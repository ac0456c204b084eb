"""How API clients prove who they are: the portal's session, or a token of the account."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from consortium.web.accounts import token_hash
from consortium.web.models import ApiToken


class SessionAuthentication(authentication.SessionAuthentication):
    """Answers 401 rather than 403 when nobody is signed in."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token <key>``; for the ``ballot`` command and members' own programs."""

    def authenticate_credentials(self, key: str) -> Any:
        if not re.fullmatch(r"[0-9a-f]{40}", key):  # a NUL in it would fail in the database
            raise exceptions.AuthenticationFailed(_("Invalid token."))
        token = ApiToken.objects.select_related("user").filter(sha256=token_hash(key)).first()
        if token is None or not token.user.is_active:
            raise exceptions.AuthenticationFailed(_("Invalid token."))
        return token.user, token


class _SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class _TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        text = "The word Token, a space and the account's token, which the portal makes."
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": text}
