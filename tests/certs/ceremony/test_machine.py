"""The machine it runs on: no Django, no network, a death at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from certs.ceremony import protocol as protocols
from consortium.stack.endpoints import PROJECT
from tests.certs.ceremony.table import WITNESSES, Table

LIMIT = 120.0
_WATCHED = """
import sys
def hook(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"network: {event}")
sys.addaudithook(hook)
from certs.ceremony import cli
code = cli.main(sys.argv[1:])
loaded = {name.partition(".")[0] for name in sys.modules}
print("loaded:", sorted(loaded & {"django", "consortium", "governance", "celery", "psycopg", "redis"}))
sys.exit(code)
"""
_DEADLY = """
import os, signal, sys
from certs.ceremony import cli
from certs.keystores import places
target, count = sys.argv[1], int(sys.argv[2])
calls = 0
written = places._written
def dying(path, data, mode):
    global calls
    calls += 1
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return written(path, data, mode)
places._written = dying
sys.exit(cli.main(sys.argv[3:]))
"""


def process(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without any of this process's settings."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=PROJECT, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip


def options(table: Table) -> list[str]:
    common = ["--home", str(table.home), "--out", str(table.out), *WITNESSES]
    return [*common, "--passphrase-file", str(table.word)]


def test_it_runs_without_django_and_without_network(table: Table) -> None:
    made = process(
        _WATCHED, "root", *options(table), "--alliance", "Alliance", "--public-url", "https://c.example"
    )
    assert made.returncode == 0, made.stderr
    assert "loaded: []" in made.stdout
    signed = process(_WATCHED, "sign", *options(table), "--requests", str(table.ask("nodes")), "--yes")
    assert signed.returncode == 0, signed.stderr
    assert "loaded: []" in signed.stdout
    assert table.certificate("nodes").issuer == table.certificate("root").subject


def test_no_secret_is_taken_from_the_command_line() -> None:
    helped = process("from certs.ceremony import cli; cli.main(['root', '--help'])")
    assert "--passphrase-file" in helped.stdout
    assert not {"--passphrase ", "--pin ", "--password"} & set(helped.stdout.replace("\n", " ").split(","))
    assert "--passphrase " not in helped.stdout.replace("--passphrase-file", "")


@pytest.mark.parametrize("moment", range(1, 8))
def test_a_run_that_dies_while_it_writes_is_completed_by_the_next(table: Table, moment: int) -> None:
    """Killed at each file in turn: what was released is in the protocol, and nothing is there twice."""
    table.make_root()
    folder = table.ask("nodes")
    arguments = ["sign", *options(table), "--requests", str(folder), "--yes"]
    died = process(_DEADLY, "places", str(moment), *arguments)
    assert died.returncode in {-signal.SIGKILL, 0}, died.stderr
    before = [part.der for part in table.protocol().signed("issuing")]
    released = list(table.place.glob("*/nodes.crt"))
    assert not released or before, "a certificate that the protocol does not have"
    assert table.run("sign", "--requests", str(folder), "--yes") == 0
    after = [part.der for part in table.protocol().signed("issuing")]
    assert len(after) == 1
    assert before in ([], after)
    assert protocols.read((table.out / "root-protocol.jsonl").read_bytes()).head == table.protocol().head


@pytest.mark.parametrize("moment", range(1, 8))
def test_a_root_that_was_half_made_is_completed_with_the_same_key(table: Table, moment: int) -> None:
    arguments = ["root", *options(table), "--alliance", "Alliance", "--public-url", "https://console.example"]
    died = process(_DEADLY, "places", str(moment), *arguments)
    assert died.returncode == -signal.SIGKILL, died.stderr
    root = table.make_root()
    assert [part.kind for part in table.protocol().signed()] == ["root", "crl"]
    assert table.certificate("root") == root == table.protocol().root


def test_two_ceremonies_with_one_root_wait_for_each_other(table: Table) -> None:
    table.make_root()
    arguments = [sys.executable, "-m", "certs.ceremony", "crl", *options(table)]
    both = [subprocess.Popen(arguments, cwd=PROJECT, stdout=subprocess.PIPE) for _ in range(2)]
    for popen in both:
        popen.communicate(timeout=LIMIT)
    assert [popen.returncode for popen in both] == [0, 0]
    numbers = [entry["details"]["number"] for entry in table.protocol().entries[1:]]
    assert numbers == [1, 2, 3]


def test_the_home_is_closed_to_others(table: Table, tmp_path: Path) -> None:
    home = tmp_path / "new"
    table.home = home
    word = ["--passphrase-file", str(table.word)]
    made = process(
        "import sys; from certs.ceremony import cli; sys.exit(cli.main(sys.argv[1:]))", "root",
        "--home", str(home), *WITNESSES, *word, "--alliance", "A", "--public-url", "https://c.example",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "root.key").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (home / "root.key").read_bytes()
