"""How API clients prove who they are: the portal's session, or a token of the account."""

from __future__ import annotations

from rest_framework import authentication
from rest_framework.request import Request


class SessionAuthentication(authentication.SessionAuthentication):
    """Answers 401 rather than 403 when nobody is signed in."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token <key>``; for the ``ballot`` command and members' own programs."""
