"""A committee's ledger with people at their screens: a governor's officer, an outsider, the secretariat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import translation

from consortium.members.models import User
from tests.factories import InstitutionFactory, UserFactory
from tests.ledgers.fisco.conftest import _front, front, make_town, relay_key
from tests.ledgers.fisco.world import Town
from tests.web.api.conftest import Api, api

__all__ = ["Api", "_front", "api", "front", "make_town", "relay_key"]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """The tests read one language; rate limits are counted in Redis, which outlives a test."""
    cache.clear()
    with translation.override("en"):
        yield
    cache.clear()


@pytest.fixture
def town(make_town: object) -> Town:
    made: Town = make_town(rates=(60, 60), Wangchao=1, Dongli=1, Haitang=1)  # type: ignore[operator]
    made.officer("Dongli")
    return made


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def dongli(town: Town) -> Client:
    """An officer of a bank that is a governor."""
    return signed_in(town.officer("Dongli"))


@pytest.fixture
def outsider(town: Town) -> Client:
    """An officer of a bank that is no governor."""
    bank = InstitutionFactory(n=77, active=True)
    return signed_in(UserFactory(username="he.qing", institution=bank))


@pytest.fixture
def secretary(town: Town) -> Client:
    return signed_in(town.secretary)


@pytest.fixture
def regulator(town: Town) -> Client:
    return signed_in(UserFactory(regulator=True, username="wu.rui"))
