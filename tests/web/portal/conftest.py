"""Two banks in one alliance, each with everything a bank can have; a secretariat and a regulator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client

from tests.certs.conftest import Pki, pki, places, sealed_keys, workstation
from tests.certs.openssl import Workstation
from tests.proposals.conftest import keys, own_ledger, stage, web3
from tests.proposals.stage import Stage
from tests.web.portal.town import Town, built

__all__ = ["keys", "own_ledger", "pki", "places", "sealed_keys", "stage", "web3", "workstation"]


@pytest.fixture
def town(stage: Stage, pki: Pki, keys: Path, workstation: Workstation) -> Town:
    """Built through the services: certificates by openssl and the CA, a vote on a real ledger."""
    shutil.copy(keys / "relay.json", pki.key_dir)
    return built(stage, workstation)


@pytest.fixture
def client() -> Client:
    """Answers come back as a browser would get them; a crash is an error page, not an exception."""
    return Client(raise_request_exception=False, headers={"accept-language": "en"})


@pytest.fixture(autouse=True)
def _no_rate_limits_left_over() -> Iterator[None]:
    """Rate limits are counted in Redis, which outlives a test."""
    cache.clear()
    yield
    cache.clear()
