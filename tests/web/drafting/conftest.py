"""The portal's town on its ledger; Wang Min of the secretariat drafts, in the admin and by program."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.web.admin.conftest import signed_in
from tests.web.api.conftest import Api
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
from tests.web.portal.town import Town

__all__ = [
    "_no_rate_limits_left_over", "keys", "own_ledger", "pki", "places", "sealed_keys", "stage", "town",
    "web3", "workstation",
]  # fmt: skip


@pytest.fixture
def desk(town: Town) -> Client:
    """Wang Min's browser."""
    return signed_in(town.wang_min)


@pytest.fixture
def program(town: Town) -> Any:
    """Wang Min's program."""
    return Api(town.wang_min)
