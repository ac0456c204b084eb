"""kill -9 of the agent in the middle of putting a list in force: the next try ends at the wanted set."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.agent import adapters
from governance.agent.config import File
from tests.agent.adapters.support import BESU, HEMING, QINGCHUAN, TREASURY, WANGCHAO, YUNQI, besu_list, key
from tests.agent.adapters.test_fisco import CONFIG, lists, table_of, tls_id
from tests.agent.nodes.running import ROOT, Running

Start = Callable[..., Running]

# A process that ends by SIGKILL before its nth step that somebody else could see: a file replaced, a call, a
# signal, a command. Counted from outside, by audit events, so that the adapters run as they are.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from governance.agent import adapters
from governance.agent.config import File

table, wanted, files, base, steps = json.loads(sys.stdin.read())
done = 0

def count(event, arguments):
    global done
    call = event == "http.client.send" and arguments[1].startswith(b"POST")  # the body is sent apart
    if call or event in ("os.rename", "os.kill", "subprocess.Popen", "os.utime"):
        done += 1
        if done > steps:
            os.kill(os.getpid(), signal.SIGKILL) if event != "os.kill" else os._exit(137)

places = tuple(File(target, Path(path)) for target, path in files)
adapter = adapters.make(table, places, Path(base))
sys.addaudithook(count)
adapter.put({path: text.encode() for path, text in wanted.items()})
"""


def killed_after(
    steps: int, table: dict[str, Any], wanted: dict[str, bytes], base: Path, *files: tuple[str, str]
) -> bool:
    """Was it killed? False when it was through before."""
    texts = {path: data.decode() for path, data in wanted.items()}
    given = json.dumps([table, texts, files, str(base), steps]).encode()
    done = subprocess.run(
        [sys.executable, "-c", KILLED], input=given, cwd=ROOT, check=False, capture_output=True
    )
    assert done.returncode in (0, -9, 137), done.stderr.decode()
    return done.returncode != 0


def at_every_step(
    table: dict[str, Any],
    base: Path,
    former: dict[str, bytes],
    wanted: dict[str, bytes],
    *files: tuple[str, str],
) -> int:
    """From ``former``, killed at each step in turn; each time the next try ends at ``wanted``."""
    steps = 0
    places = tuple(File(target, Path(path)) for target, path in files)
    while True:
        adapter = adapters.make(table, places, base)
        adapter.put(former)
        assert adapters.holds(adapter, former)
        was_killed = killed_after(steps, table, wanted, base, *files)
        again = adapters.make(table, places, base)
        again.put(wanted)
        assert adapters.holds(again, wanted)
        if not was_killed:
            return steps
        steps += 1


@pytest.mark.parametrize("mode", ["file", "rpc"])
def test_besu(start: Start, tmp_path: Path, mode: str) -> None:
    file = tmp_path / "permissions_config.toml"
    file.write_bytes(besu_list([HEMING])[BESU])
    node = start("besu", "--nodes-file", file, "--accounts")
    place = {"permissions_file": str(file)} if mode == "file" else {}
    table = {"kind": "besu", "rpc": node.url, "mode": mode, **place}
    former, wanted = besu_list([HEMING, QINGCHUAN]), besu_list([HEMING, WANGCHAO], [TREASURY])
    assert at_every_step(table, tmp_path, former, wanted) >= 2
    node.restart()
    assert adapters.holds(adapters.make(table, (), tmp_path), wanted)


def test_goquorum(start: Start, tmp_path: Path) -> None:
    node = start("ethereum", "--kind", "goquorum", "--key", key(1), "--data-dir", tmp_path)
    table = {"kind": "goquorum", "rpc": node.url, "data_dir": str(tmp_path)}

    def of(*nodes: str, out: tuple[str, ...] = ()) -> dict[str, bytes]:
        return {
            "goquorum/permissioned-nodes.json": json.dumps(nodes).encode(),
            "goquorum/disallowed-nodes.json": json.dumps(out).encode(),
        }

    former, wanted = of(HEMING, QINGCHUAN), of(HEMING, WANGCHAO, out=(YUNQI,))
    assert at_every_step(table, tmp_path, former, wanted) >= 3
    assert node.control("connect", WANGCHAO)
    assert not node.control("connect", QINGCHUAN)


def test_geth_forgets_nobody_that_it_was_told_of(start: Start, tmp_path: Path) -> None:
    """Whoever was added by the one that was killed is removed by a next list that does not have them."""
    file = tmp_path / "static-nodes.json"
    node = start("ethereum", "--kind", "geth", "--key", key(1), "--static-nodes", file)
    table = {"kind": "geth", "rpc": node.url, "static_nodes_file": str(file)}

    def of(*nodes: str) -> dict[str, bytes]:
        return {"geth/static-nodes.json": json.dumps(nodes).encode()}

    former, other, wanted = of(HEMING, QINGCHUAN), of(HEMING, WANGCHAO), of(HEMING, YUNQI)
    assert at_every_step(table, tmp_path, former, wanted) >= 2
    steps = 0
    while killed_after(steps, table, other, tmp_path):
        adapters.make(table, (), tmp_path).put(wanted)
        assert node.control("static") == node.control("trusted") == [key(4)]
        steps += 1


@pytest.mark.parametrize("version", ["3.16.4", "2.11.0"])
def test_fisco_bcos(start: Start, tmp_path: Path, version: str) -> None:
    digits = 128 if version.startswith("2") else 512
    (tmp_path / "config.ini").write_text(CONFIG.format(first=tls_id(1, digits)))
    (tmp_path / "nodes.json").write_text('{"nodes": []}')
    words = ["--config-ini", tmp_path / "config.ini", "--nodes-file", tmp_path / "nodes.json"]
    node = start("fisco", "--version", version, "--pid-file", tmp_path / "pid", *words)
    table = table_of(tmp_path, node, version)
    folder = "fisco-bcos/2.x" if version.startswith("2") else "fisco-bcos"
    targets = adapters.make(table, (), tmp_path).targets()
    former = lists([tls_id(1, digits)], folder=folder)
    wanted = lists([tls_id(1, digits), tls_id(2, digits)], nodes=["10.0.0.2:30300"], folder=folder)
    former, wanted = ({path: given[path] for path in targets} for given in (former, wanted))
    assert at_every_step(table, tmp_path, former, wanted) >= 3


def test_a_command(tmp_path: Path) -> None:
    apply = ["/bin/sh", "-c", f"cp {tmp_path}/list {tmp_path}/loaded"]
    table = {"kind": "command", "apply": apply}
    place = ("permissions.json", str(tmp_path / "list"))
    former, wanted = {"permissions.json": b"1"}, {"permissions.json": b"2"}
    assert at_every_step(table, tmp_path, former, wanted, place) >= 2
    assert (tmp_path / "loaded").read_bytes() == b"2"
