"""What a request gets when PostgreSQL or Redis is away, or when there are too many; what no cache keeps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from consortium.core.models import Event
from consortium.members.models import Network, User
from consortium.stack import child
from consortium.stack.embedded import EmbeddedRedis
from consortium.web import limits
from consortium.web.accounts import renew_token
from consortium.web.portal import scope
from governance.chain.models import Ledger, RegistryEntry
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def chen_ling() -> User:
    """An officer of Nanpu Bank."""
    bank = factories.InstitutionFactory(n=3, active=True)
    return factories.UserFactory(username="chen.ling", institution=bank)


def browser(user: User | None = None) -> Client:
    client = Client(raise_request_exception=False, headers={"accept-language": "en"})
    if user is not None:
        client.force_login(user)
    return client


def program(user: User) -> Client:
    headers = {"accept-language": "en", "authorization": f"Token {renew_token(user)}"}
    return Client(raise_request_exception=False, headers=headers)


@pytest.fixture
def cache_at(settings: Any) -> Iterator[Any]:
    """Move the cache to another Redis."""
    before = settings.CACHES["default"]

    def move(url: str) -> None:
        settings.CACHES = {"default": {**before, "LOCATION": url}}

    yield move
    settings.CACHES = {"default": before}


SIGN_IN = {"login": "chen.ling", "password": factories.PASSWORD}


class TestWithoutRedis:
    def check(self, chen_ling: User) -> None:
        refused = browser().post("/accounts/login/", SIGN_IN)
        assert (refused.status_code, refused["Retry-After"]) == (503, "30")
        assert "Try again in a minute" in refused.content.decode()
        answer = program(chen_ling).post("/api/v1/proposals/7/ballots/", {}, content_type="application/json")
        assert answer.status_code == 404
        node = factories.NodeFactory(n=1, institution=chen_ling.institution)
        page = browser(chen_ling).post(f"/nodes/{node.pk}/retire/", {"reason": "Replaced"})
        assert page.status_code == 302

    def test_dead(self, chen_ling: User, cache_at: Any) -> None:
        cache_at(f"redis://127.0.0.1:{child.free_port()}/0")
        self.check(chen_ling)

    def test_hung(self, chen_ling: User, cache_at: Any, tmp_path: Path) -> None:
        redis = EmbeddedRedis(tmp_path / "redis", durable=False)
        cache_at(redis.start())
        try:
            redis.popen.send_signal(signal.SIGSTOP)
            self.check(chen_ling)
        finally:
            redis.popen.send_signal(signal.SIGCONT)
            redis.stop()


@pytest.mark.django_db(transaction=True)
def test_without_the_database_pages_and_api_say_so(settings: Any) -> None:
    good = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(HOST="127.0.0.1", PORT=str(child.free_port()))
    try:
        client = browser()
        client.cookies["sessionid"] = "a" * 32
        page = client.get("/")
        answer = Client(raise_request_exception=False, headers={"authorization": f"Token {'a' * 40}"}).get(
            "/api/v1/nodes/"
        )
    finally:
        connection.close()
        connection.settings_dict.update(good)
    assert (page.status_code, page["Retry-After"]) == (503, "30")
    assert "does not answer" in page.content.decode()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


class TestTooMany:
    def test_writes_of_the_api(self, chen_ling: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(limits.RATES, limits.WRITES, 3)
        client = program(chen_ling)
        answers = [client.post("/api/v1/nodes/", {}, content_type="application/json") for _ in range(5)]
        assert [answer.status_code for answer in answers[-2:]] == [429, 429]
        assert answers[0].status_code == 400
        assert answers[-1].json()["code"] == "too_many_requests"
        assert client.get("/api/v1/nodes/").status_code == 200

    def test_forms_of_the_portal(self, chen_ling: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(limits.RATES, limits.WRITES, 3)
        client = browser(chen_ling)
        pages = [client.post("/account/token/") for _ in range(5)]
        assert pages[0].status_code == 200
        assert pages[-1].status_code == 429
        assert "Too many changes" in pages[-1].content.decode()
        assert Event.objects.filter(action="account.token_renewed").count() <= 4

    def test_changed_addresses_wherever_they_come_from(
        self, chen_ling: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(limits.RATES, limits.ENDPOINTS, 0)
        node = factories.NodeFactory(n=1, institution=chen_ling.institution)
        fields = {"host": "192.0.2.9", "port": 30303, "reason": "Moved"}
        page = browser(chen_ling).post(f"/nodes/{node.pk}/endpoint/", fields)
        assert page.status_code == 429, page.content.decode()
        answer = program(chen_ling).put(
            f"/api/v1/nodes/{node.pk}/endpoint/", fields, content_type="application/json"
        )
        assert answer.status_code == 429, answer.content
        assert not Event.objects.filter(action="node.endpoint_changed").exists()


class TestCaches:
    def test_keep_no_page_of_an_account(self, chen_ling: User) -> None:
        client = browser(chen_ling)
        for page in ("/", "/nodes/", "/record/", "/account/"):
            assert client.get(page)["Cache-Control"] == "private, no-store"

    def test_keep_nothing_of_the_api(self, chen_ling: User) -> None:
        answer = program(chen_ling).get("/api/v1/nodes/")
        assert answer["Cache-Control"] == "private, no-store"
        assert {"Cookie", "Authorization"} <= set(answer["Vary"].split(", "))


class TestNul:
    @pytest.mark.parametrize(
        "address",
        ["/admin/core/event/?action=%00", "/admin/search/?s=%00ab", "/admin/?a%00b=1", "/healthz?x=%00"],
    )
    def test_in_a_query_is_refused(self, address: str) -> None:
        client = browser(factories.UserFactory(secretariat=True))
        assert client.get(address).status_code == 400

    @pytest.mark.parametrize("model", ["members/network", "members/institution", "certs/certificate"])
    @pytest.mark.parametrize("nul", ["%00", "_00", "a_00b"])
    def test_in_a_path_finds_nothing(self, model: str, nul: str) -> None:
        client = browser(factories.UserFactory(secretariat=True))
        assert client.get(f"/admin/{model}/{nul}/change/").status_code == 404


def test_a_registered_node_opens_no_network_before_it_is_admitted(chen_ling: User) -> None:
    node = factories.NodeFactory(n=1, institution=chen_ling.institution)
    assert list(scope.networks(chen_ling)) == []
    entry = {"network": node.network_id, "consensus_id": node.consensus_id, "role": 1}
    ledger = Ledger.objects.create(
        slug="main",
        chain_id=20200,
        genesis_hash="0x" + "ab" * 32,
        seats="0x" + "11" * 20,
        governor="0x" + "22" * 20,
        registry="0x" + "33" * 20,
        relay_address="0x" + "44" * 20,
        start_block=0,
    )
    RegistryEntry.objects.create(
        **entry,
        ledger=ledger,
        member_id=node.institution.uscc,
        block=1,
        block_time=node.created_at,
        tx_hash="0x" + "0" * 64,
    )
    assert list(scope.networks(chen_ling)) == [Network.objects.get(pk=node.network_id)]
