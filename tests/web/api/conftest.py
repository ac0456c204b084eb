"""The portal's town, and a client that speaks JSON with a token."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from consortium.members.models import User
from consortium.web.accounts import renew_token
from tests.web.portal.conftest import (
    _no_rate_limits_left_over,
    keys,
    own_ledger,
    pki,
    places,
    sealed_keys,
    stage,
    town,
    web3,
    workstation,
)

__all__ = [
    "_no_rate_limits_left_over", "keys", "own_ledger", "pki", "places", "sealed_keys", "stage", "town",
    "web3", "workstation",
]  # fmt: skip


class Api:
    """One account's program."""

    def __init__(self, user: User) -> None:
        headers = {"authorization": f"Token {renew_token(user)}", "accept-language": "en"}
        self.client = Client(raise_request_exception=False, enforce_csrf_checks=True, headers=headers)

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json")

    def put(self, path: str, body: Any = None) -> Any:
        return self.client.put(f"/api/v1/{path}", body or {}, content_type="application/json")

    def patch(self, path: str, body: Any = None) -> Any:
        return self.client.patch(f"/api/v1/{path}", body or {}, content_type="application/json")

    def raw(self, path: str, body: bytes, content_type: str = "application/json") -> Any:
        return self.client.generic("POST", f"/api/v1/{path}", body, content_type)


@pytest.fixture
def api() -> type[Api]:
    return Api
