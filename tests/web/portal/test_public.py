"""What anybody may fetch: CA files with the database down, health, readiness, metrics, error pages."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.test import Client
from django.utils.http import http_date

from consortium.core import clock, files
from consortium.core.models import OutboxMessage
from consortium.stack import child


@pytest.fixture
def published(settings: object, tmp_path: Path) -> Path:
    settings.PKI_DIR = tmp_path  # type: ignore[attr-defined]
    (tmp_path / "nodes.crt").write_bytes(b"certificate")
    (tmp_path / "nodes.crl").write_bytes(b"list")
    (tmp_path / "secret.key").write_bytes(b"key")
    return tmp_path


class TestWithoutADatabase:
    """None of these is allowed a query: pytest-django refuses every one."""

    def test_certificates_and_lists_are_served_as_der(self, client: Client, published: Path) -> None:
        found = {name: client.get(f"/pki/nodes.{name}") for name in ("crt", "crl")}
        assert (found["crt"]["Content-Type"], found["crt"].content) == (
            "application/pkix-cert",
            b"certificate",
        )
        assert (found["crl"]["Content-Type"], found["crl"].content) == ("application/pkix-crl", b"list")
        again = client.get("/pki/nodes.crl", headers={"if-none-match": found["crl"]["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_who_has_the_newest_list_is_not_sent_it_again(self, client: Client, published: Path) -> None:
        os.utime(published / "nodes.crl", (1_700_000_000.5, 1_700_000_000.5))
        date = client.get("/pki/nodes.crl")["Last-Modified"]
        assert client.get("/pki/nodes.crl", headers={"if-modified-since": date}).status_code == 304
        older = client.get("/pki/nodes.crl", headers={"if-modified-since": http_date(1_700_000_000)})
        assert (older.status_code, older.content) == (200, b"list")

    @pytest.mark.parametrize("kept", [("Last-Modified", "if-modified-since"), ("ETag", "if-none-match")])
    def test_of_two_lists_in_one_second_nobody_misses_the_second(
        self, kept: tuple[str, str], client: Client, published: Path
    ) -> None:
        """Or a relying party would go without what it revokes, until the next one."""
        second = int(time.time())
        for fraction, content in ((0.1, b"list"), (0.9, b"list with a revocation more")):
            os.utime(files.replace(published / "nodes.crl", content), (second + fraction, second + fraction))
            if content == b"list":
                first = client.get("/pki/nodes.crl")
        again = client.get("/pki/nodes.crl", headers={kept[1]: first[kept[0]]})
        assert (again.status_code, again.content) == (200, b"list with a revocation more")

    @pytest.mark.parametrize(
        "name",
        [
            "other.crl",
            "secret.key",
            "..%2fnodes.crt",
            "nodes.crt%00",
            ".crt",
            "a" * 300 + ".crt",
            "Nodes.crt",
        ],
    )
    def test_nothing_else_is(self, client: Client, published: Path, name: str) -> None:
        assert client.get(f"/pki/{name}").status_code == 404

    def test_the_process_says_that_it_is_up(self, client: Client) -> None:
        assert client.get("/healthz").content == b"ok\n"


@pytest.mark.django_db
def test_ready_names_what_is_down(client: Client, settings: object) -> None:
    assert client.get("/readyz").json() == {"postgresql": "ok", "redis": "ok", "ledger": "ok"}
    settings.REDIS_URL = f"redis://127.0.0.1:{child.free_port()}/0"  # type: ignore[attr-defined]
    settings.LEDGER_URL = f"http://127.0.0.1:{child.free_port()}"  # type: ignore[attr-defined]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"postgresql": "ok", "redis": "down", "ledger": "down"}


@pytest.mark.django_db
class TestMetrics:
    def test_count_what_waits(self, client: Client) -> None:
        now = clock.now()
        for key, dead in (("a", None), ("b", None), ("c", now)):
            OutboxMessage.objects.create(
                topic="t", queue="push", key=key, created_at=now, due_at=now, dead_at=dead
            )
        text = client.get("/metrics").content.decode()
        assert 'console_outbox_open{queue="push"} 2.0' in text
        assert 'console_outbox_dead{queue="push"} 1.0' in text
        assert "console_nodes_behind 0.0" in text

    def test_are_for_this_machine_or_the_holder_of_the_token(
        self, client: Client, settings: object, tmp_path: Path
    ) -> None:
        assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404
        for name in ("x-forwarded-for", "x-forwarded-proto", "forwarded", "via", "x-real-ip"):
            assert client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 404, name
        assert client.get("/metrics").status_code == 200
        settings.BEHIND_TLS_PROXY = True  # type: ignore[attr-defined]
        assert client.get("/metrics").status_code == 404
        (tmp_path / "token").write_text("s3cret\n")
        settings.METRICS_TOKEN_FILE = str(tmp_path / "token")  # type: ignore[attr-defined]
        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics", headers={"authorization": "Bearer s3cret"}).status_code == 200


@pytest.mark.django_db
class TestErrorPages:
    @pytest.mark.parametrize(
        ("language", "word"), [("en", "There is no such page"), ("zh-hans", "没有此页面")]
    )
    def test_are_in_the_readers_language(self, client: Client, language: str, word: str) -> None:
        answer = client.get("/nowhere/", headers={"accept-language": language})
        assert answer.status_code == 404
        assert word in answer.content.decode()

    def test_a_missing_api_address_answers_in_json(self, client: Client) -> None:
        answer = client.get("/api/v1/nowhere/")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    def test_a_form_without_its_secret_is_refused_in_words(self) -> None:
        client = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
        answer = client.post("/accounts/login/", {"login": "x", "password": "y"})
        assert answer.status_code == 403
        assert "The form was too old" in answer.content.decode()

    def test_a_failure_of_ours_shows_no_trace(self, client: Client, settings: object, tmp_path: Path) -> None:
        settings.METRICS_TOKEN_FILE = str(tmp_path / "missing")  # type: ignore[attr-defined]
        answer = client.get("/metrics")
        assert answer.status_code == 500
        text = answer.content.decode()
        assert "Something failed on our side" in text
        assert "Traceback" not in text
        assert "missing" not in text
