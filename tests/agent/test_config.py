"""The agent's one file of configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from governance.agent import config
from governance.agent.errors import ConfigError

GOOD = """
gateway = "https://console.example:8443/"
ca_file = "ca.pem"
certificate_file = "node.crt"
key_file = "node.key"
trusted_root = "root.json"
network = "settlement"
state_dir = "state"
listen = "[::1]:9443"
reload = ["true"]

[[file]]
target = "permissions.json"
path = "/var/lib/node/permissions.json"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = config.read(written(tmp_path, GOOD))
    assert found.ca_file == tmp_path / "ca.pem"
    assert found.files == (config.File("permissions.json", Path("/var/lib/node/permissions.json")),)
    assert found.gateway == "https://console.example:8443"
    assert found.listen == ("::1", 9443)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("https://", "http://", "gateway"),
        ('network = "settlement"', "", "network"),
        ('listen = "[::1]:9443"', 'listen = "9443"', "listen"),
        ('listen = "[::1]:9443"', "poll_seconds = 0", "poll_seconds"),
        ('listen = "[::1]:9443"', "pol_seconds = 5", "pol_seconds"),
        ('reload = ["true"]', 'reload = "true"', "reload"),
        ("[[file]]", "[[files]]", "files"),
        ('path = "/var', 'splice = true\npath = "/var', "splice"),
        ('path = "/var', 'pfad = "/var', "path"),
        ('gateway = "', "gateway = ", "agent.toml"),
        ("[[file]]", "[node]\nsoftware = 'besu'\n[[file]]", "node"),
        ("[[file]]", "[renew]\nat = 1.0\n[[file]]", "renew"),
        ("[[file]]", "[renew]\nat = true\n[[file]]", "renew"),
        ("[[file]]", "[renew]\nkeep_key = 1\n[[file]]", "keep_key"),
        ("[[file]]", "[renew]\nreload = 'x'\n[[file]]", "reload"),
        ("[[file]]", "[ledger]\nurl = 'ftp://localhost'\n[[file]]", "ledger"),
        ("[[file]]", "[ledger]\nurl = 'http://localhost'\ncontract = '0x12'\n[[file]]", "contract"),
    ],
)
def test_a_fault_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=named):
        config.read(written(tmp_path, GOOD.replace(old, new)))


def test_the_tables_are_read(tmp_path: Path) -> None:
    contract = "0x" + "12" * 20
    more = f"""
[node]
kind = "besu"
rpc = "http://127.0.0.1:8545"
[renew]
at = 0.5
keep_key = true
reload = ["true"]
[ledger]
url = "http://127.0.0.1:8545"
contract = "{contract}"
"""
    found = config.read(written(tmp_path, GOOD.partition("[[file]]")[0] + more))
    assert found.files == ()
    assert found.node["rpc"] == "http://127.0.0.1:8545"
    assert found.renew == config.Renew(0.5, True, ("true",))
    assert found.ledger == config.Ledger("http://127.0.0.1:8545", contract)


def test_a_file_of_the_first_version_stays_good(tmp_path: Path) -> None:
    found = config.read(written(tmp_path, GOOD))
    assert (found.node, found.renew, found.ledger) == ({}, config.Renew(), None)


def test_the_command_ends_with_2_and_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("https", "ftp"))
    done = subprocess.run(
        [sys.executable, "-m", "governance.agent", "--config", str(path)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "gateway" in done.stderr


def test_the_agent_imports_neither_django_nor_the_console() -> None:
    code = "import sys, governance.agent.__main__; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name.partition(".")[0] for name in done.stdout.split()}
    assert not ours & {"django", "consortium", "certs", "web3", "celery"}
