"""What is missing or weak outside development stops the process, before it signs or serves anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
SHOW = """
import json
from django.conf import settings
print(json.dumps({
    "PUBLIC_URL": settings.PUBLIC_URL,
    "ALLOWED_HOSTS": settings.ALLOWED_HOSTS,
    "allauth": settings.ALLAUTH_TRUSTED_PROXY_COUNT,
    "api": settings.REST_FRAMEWORK["NUM_PROXIES"],
}))
"""


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """An environment that has all that production needs, and nothing of the tests' own."""
    key = tmp_path / "secret-key"
    key.write_text("k" * 50 + "\n", encoding="ascii")
    return {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "consortium.settings",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "LEDGER_URL": "http://127.0.0.1:9",
        "SECRET_KEY_FILE": str(key),
        "ALLOWED_HOSTS": "console.example, console.internal",
        "PUBLIC_URL": "https://console.example",
    }


def started(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_everything_it_starts(production: dict[str, str]) -> None:
    process = started(production)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == {
        "PUBLIC_URL": "https://console.example",
        "ALLOWED_HOSTS": ["console.example", "console.internal"],
        "allauth": 0,
        "api": 0,
    }


@pytest.mark.parametrize("value", [None, "  "])
@pytest.mark.parametrize("name", ["PUBLIC_URL", "ALLOWED_HOSTS", "SECRET_KEY_FILE"])
def test_what_is_missing_is_named(production: dict[str, str], name: str, value: str | None) -> None:
    del production[name]
    process = started({**production, **({} if value is None else {name: value})})
    assert process.returncode == 1
    assert f"ImproperlyConfigured: {name} must be set outside development" in process.stderr


def test_the_gateway_wants_them_too(production: dict[str, str]) -> None:
    process = started({**production, "PUBLIC_URL": "", "CONSORTIUM_SURFACE": "gateway"})
    assert process.returncode == 1
    assert "ImproperlyConfigured: PUBLIC_URL" in process.stderr


@pytest.mark.parametrize("value", ["console.example", "https://", "ftp://console.example"])
def test_a_public_address_that_is_none(production: dict[str, str], value: str) -> None:
    process = started({**production, "PUBLIC_URL": value})
    assert process.returncode == 1
    assert "ImproperlyConfigured: PUBLIC_URL" in process.stderr


def test_a_short_secret_key(production: dict[str, str]) -> None:
    Path(production["SECRET_KEY_FILE"]).write_text("k" * 49 + "\n" * 10, encoding="ascii")
    process = started(production)
    assert process.returncode == 1
    assert "ImproperlyConfigured: SECRET_KEY_FILE" in process.stderr
    assert "kkkk" not in process.stderr


def test_development_needs_none_of_it(production: dict[str, str]) -> None:
    for name in ("PUBLIC_URL", "ALLOWED_HOSTS", "SECRET_KEY_FILE"):
        del production[name]
    process = started({**production, "CONSORTIUM_DEVELOPMENT": "1", "CONSOLE_PORT": "8123"})
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["PUBLIC_URL"] == "http://localhost:8123"


def test_behind_a_proxy_one_forwarded_address_is_believed(production: dict[str, str]) -> None:
    shown = json.loads(started({**production, "BEHIND_TLS_PROXY": "1"}).stdout)
    assert (shown["allauth"], shown["api"]) == (1, 1)


def checked(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--tag", "security", *options],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("options", [[], ["--deploy"]])
def test_certificates_are_not_signed_unread_outside_development(
    production: dict[str, str], options: list[str]
) -> None:
    done = checked({**production, "LINT_CERTIFICATES": "0"}, *options)
    assert done.returncode == 1
    assert "(certs.E001) LINT_CERTIFICATES=0" in done.stderr


def test_with_the_linter_or_in_development_nothing_is_said_of_it(production: dict[str, str]) -> None:
    for more in ({}, {"LINT_CERTIFICATES": "0", "CONSORTIUM_DEVELOPMENT": "1"}):
        done = checked({**production, **more})
        assert (done.returncode, "certs.E001" in done.stdout + done.stderr) == (0, False), done.stderr
