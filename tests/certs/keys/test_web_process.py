"""The web process can't sign: neither has it what opens a key, nor does its code know a way."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consortium.stack.endpoints import PROJECT
from tests.certs.conftest import Pki
from tests.certs.hsm import PIN, Device

pytestmark = pytest.mark.django_db
LIMIT = 120.0
# What a worker of gunicorn does: load the application, then (here) try every way there is to a key.
_PROCESS = """
import json, sys
from importlib import import_module
application = import_module(sys.argv[1]).application
from django.urls import get_resolver
len(get_resolver().url_patterns)  # every view's module is loaded by now
from django.conf import settings
from certs import keys
from certs.issuing.families import family_of
from consortium.core.errors import ConsoleError
out = {"signing passphrase": bool(settings.SIGNING_PASSPHRASE_FILE), "refused": {}}
for name in sys.argv[2:]:
    for how in ("open_key", "open_bytes"):
        try:
            getattr(keys, how)(name)
            out["refused"][f"{how} {name}"] = "opened"
        except (ConsoleError, ValueError) as error:
            out["refused"][f"{how} {name}"] = getattr(error, "code", "not a sealed key")
print(json.dumps(out))
"""


def web_process(pki: Pki, surface: str, *names: str, **more: str) -> dict[str, object]:
    """As the stack starts it: everybody's settings, but no passphrase."""
    environment = {
        **{name: value for name, value in os.environ.items() if "PASSPHRASE" not in name},
        "KEY_DIR": str(pki.key_dir), "PKI_DIR": str(pki.pki_dir), **more,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", _PROCESS, surface, *names], cwd=PROJECT, env=environment,
        capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(made, dict)
    return made


@pytest.mark.parametrize("surface", ["consortium.wsgi", "consortium.gateway"])
def test_it_opens_no_key_though_the_files_lie_there(pki: Pki, surface: str) -> None:
    names = ["root", "nodes", "access", "lists"]
    assert all((pki.key_dir / f"{name}.key").exists() for name in names)
    found = web_process(pki, surface, *names)
    assert found["signing passphrase"] is False
    refused = found["refused"]
    assert isinstance(refused, dict)
    assert len(refused) == 8
    assert set(refused.values()) == {"keys_not_available"}


@pytest.mark.peer("softhsm")
def test_nor_one_in_a_device_whose_pin_it_was_given(pki: Pki, device: Device) -> None:
    from certs.keystores import device as devices

    name = device.label()
    devices.make(device.module, name, "P-256", PIN)
    found = web_process(
        pki, "consortium.wsgi", name, PKCS11_MODULE=device.module, PKCS11_PIN_FILE=str(device.pin_file)
    )
    assert found["refused"] == {
        f"open_key {name}": "keys_not_available",
        f"open_bytes {name}": "keys_not_available",
    }


# Modules with which something is signed, or by which a key is opened or made.
SIGNING = (
    "certs.keys", "certs.keystores", "certs.issuing", "certs.authorities", "certs.ceremony",
    "certs.console_certificates", "certs.status.signing", "certs.status.delegation", "certs.sm2.signing",
    "governance.permissions.tufrepo",
)  # fmt: skip


def test_no_view_imports_a_way_to_sign() -> None:
    sources = [*(PROJECT / "consortium" / "web").rglob("*.py"), PROJECT / "consortium" / "urls.py",
               PROJECT / "consortium" / "gateway_urls.py"]  # fmt: skip
    assert len(sources) > 30
    found = {
        f"{path.relative_to(PROJECT)}: {name}" for path in sources for name in imported(path) if signs(name)
    }
    assert not found


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def signs(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in SIGNING)
