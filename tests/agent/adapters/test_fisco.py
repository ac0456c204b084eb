"""FISCO BCOS: what its versions read, when they read it, and what they take for "allow everyone"."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.errors import ConfigError, Refused, ReloadFailed, RestartNeeded
from tests.agent.adapters.support import brought, key
from tests.agent.nodes.running import Running

Start = Callable[..., Running]
CONFIG = """[p2p]
    listen_port=30300
    ; the operator's own comment
[certificate_blacklist]
[certificate_whitelist]
    cal.0={first}
[rpc]
    listen_port=20200
"""


def tls_id(number: int, digits: int = 512) -> str:
    return (key(number) * 4)[:digits]


HEMING, QINGCHUAN, WANGCHAO = (tls_id(number) for number in (1, 2, 3))


def lists(
    white: Iterable[str],
    black: Iterable[str] = (),
    nodes: Iterable[str] = ("10.0.0.1:30300",),
    folder: str = "fisco-bcos",
) -> dict[str, bytes]:
    crl = "".join(f"    crl.{number}={entry}\n" for number, entry in enumerate(black))
    cal = "".join(f"    cal.{number}={entry}\n" for number, entry in enumerate(white))
    text = f"[certificate_blacklist]\n{crl}[certificate_whitelist]\n{cal}"
    return {
        f"{folder}/certificates.ini": text.encode(),
        f"{folder}/nodes.json": json.dumps({"nodes": list(nodes)}).encode(),
    }


def old_lists(white: Iterable[str], black: Iterable[str] = ()) -> dict[str, bytes]:
    """Of a 2.x chain, whose nodes have no nodes.json of their own."""
    name = "fisco-bcos/2.x/certificates.ini"
    return {name: lists(white, black, folder="fisco-bcos/2.x")[name]}


@dataclass
class Site:
    """A node's folder, the node, and an agent's view of it."""

    folder: Path
    node: Running
    version: str
    adapter: Adapter

    @property
    def config(self) -> str:
        return (self.folder / "config.ini").read_text()

    @property
    def notice(self) -> Path:
        return self.folder / "config.ini.restart-needed"


@pytest.fixture
def site(start: Start, tmp_path: Path) -> Callable[..., Site]:
    def build(version: str = "3.16.4", *, digits: int = 512, rpc: bool = True, **more: Any) -> Site:
        (tmp_path / "config.ini").write_text(CONFIG.format(first=tls_id(1, digits)))
        (tmp_path / "nodes.json").write_text('{"nodes": ["10.0.0.1:30300"]}')
        arguments = ["--config-ini", tmp_path / "config.ini", "--nodes-file", tmp_path / "nodes.json"]
        sm = ["--sm"] if more.get("sm") else []
        node = start("fisco", "--version", version, "--pid-file", tmp_path / "pid", *arguments, *sm)
        table = table_of(tmp_path, node, version, rpc=rpc)
        return Site(tmp_path, node, version, adapters.make({**table, **more}, (), tmp_path))

    return build


def table_of(folder: Path, node: Running, version: str, *, rpc: bool = True) -> dict[str, Any]:
    nodes = {} if version.startswith("2") else {"nodes_file": "nodes.json"}
    asked = {"rpc": node.url} if rpc else {}
    name = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    running = Path(f"/proc/{node.pid}/comm").read_text().strip() or name
    return {
        "kind": "fisco-bcos",
        "version": version,
        "config_ini": "config.ini",
        "pid_file": "pid",
        "process_name": running,
        "drop_seconds": 10,
        **nodes,
        **asked,
    }


def eventually_loaded(site: Site, times: int) -> None:
    """The signal is answered by nobody."""
    deadline = time.monotonic() + 30
    while site.node.control("loaded") < times:
        assert time.monotonic() < deadline
        assert site.node.process.poll() is None


# --- 3.4 and later: the signal ------------------------------------------------------------------------
def test_a_list_is_spliced_in_and_read_at_the_signal(site: Callable[..., Site]) -> None:
    there = site()
    wanted = lists([HEMING, QINGCHUAN], [WANGCHAO], ["10.0.0.1:30300", "[2001:db8::2]:30300"])
    there.adapter.check(wanted)
    there.adapter.put(wanted)
    eventually_loaded(there, 1)
    assert there.node.control("white") == sorted([HEMING, QINGCHUAN])
    assert there.node.control("black") == [WANGCHAO]
    assert there.node.control("nodes") == ["10.0.0.1:30300", "[2001:db8::2]:30300"]
    assert adapters.holds(there.adapter, wanted)
    assert there.adapter.read_back(wanted).source == "node"
    assert there.adapter.version() == "3.16.4"


def test_the_rest_of_config_ini_stays_as_it_is(site: Callable[..., Site]) -> None:
    there = site()
    there.adapter.put(lists([QINGCHUAN]))
    for kept in (
        "[p2p]\n    listen_port=30300\n",
        "; the operator's own comment",
        "[rpc]\n    listen_port=20200",
    ):
        assert kept in there.config
    assert there.config.count("[certificate_whitelist]") == 1, "a section that is there twice is no file"
    assert HEMING not in there.config


def test_a_peer_that_is_no_longer_listed_is_gone_before_the_list_is_said_to_be_in_force(
    site: Callable[..., Site],
) -> None:
    there = site()
    brought(there.adapter, lists([HEMING, QINGCHUAN]))
    eventually_loaded(there, 1)
    assert there.node.control("connect", QINGCHUAN)
    brought(there.adapter, lists([HEMING]))
    assert there.node.control("peers") == []


def test_a_peer_that_stays_is_no_list_in_force(site: Callable[..., Site]) -> None:
    there = site(drop_seconds=0.5)
    there.node.control("connect", HEMING)
    there.node.control("keep_peers", True)
    with pytest.raises(ReloadFailed, match="still connected"):
        there.adapter.put(lists([QINGCHUAN]))
    assert not adapters.holds(there.adapter, lists([QINGCHUAN]))


def test_without_an_rpc_the_file_is_all_that_can_be_read_back(site: Callable[..., Site]) -> None:
    there = site(rpc=False)
    brought(there.adapter, lists([HEMING, QINGCHUAN]))
    assert there.adapter.read_back(lists([HEMING, QINGCHUAN])).source == "file"
    assert there.adapter.version() == ""


def test_the_black_list_wins(site: Callable[..., Site]) -> None:
    there = site()
    brought(there.adapter, lists([HEMING, QINGCHUAN], [QINGCHUAN]))
    eventually_loaded(there, 1)
    assert not there.node.control("connect", QINGCHUAN)


def test_nodes_json_is_read_first_and_without_it_no_list_is(site: Callable[..., Site]) -> None:
    """So a bad one is refused before the signal, and one that somebody broke is written first."""
    there = site()
    bad = {**lists([QINGCHUAN]), "fisco-bcos/nodes.json": b'{"nodes": ["not an address"]}'}
    with pytest.raises(Refused, match=r"nodes\.json"):
        there.adapter.put(bad)
    assert HEMING in there.config
    (there.folder / "nodes.json").write_text("{")
    brought(there.adapter, lists([QINGCHUAN]))
    eventually_loaded(there, 1)
    assert there.node.control("white") == [QINGCHUAN]
    assert there.node.control("log") == []


@pytest.mark.parametrize(
    ("certificates", "reason"),
    [
        (b"[certificate_blacklist]\n[certificate_whitelist]\n", "would let everybody in"),
        (b"", "would let everybody in"),
        (b"[certificate_whitelist]\n    cal.0=0x" + HEMING.encode(), "not an id"),
        (b"[certificate_whitelist]\n    cal.0=" + HEMING[:510].encode(), "not an id"),
        (b"[certificate_whitelist]\n    cal.0=" + tls_id(1, 128).encode(), "not an id"),
        (b"[certificate_whitelist]\n    cal.0=" + b"0" * 512, "not an id"),
        (b"[certificate_whitelist]\n    crl.0=" + HEMING.encode(), "pass over"),
        (b"[certificate_whitelist]\n    cal.0=%b\n    cal.0=%b" % (b"a" * 512, b"b" * 512), "there twice"),
        (b"[p2p]\n    listen_port=1", "outside"),
        (b"    cal.0=" + HEMING.encode(), "outside"),
    ],
)
def test_what_the_node_would_pass_over_or_take_for_everybody_is_refused(
    site: Callable[..., Site], certificates: bytes, reason: str
) -> None:
    """An empty white list, or one of invalid ids only, means: allow everyone. Bad lines are only logged."""
    there = site()
    before = there.config
    for refusing in (there.adapter.check, there.adapter.put):
        with pytest.raises(Refused, match=reason):
            refusing({**lists([HEMING]), "fisco-bcos/certificates.ini": certificates})
    assert there.config == before
    assert there.node.control("loaded") == 0


def test_the_node_itself_lets_everybody_in_with_such_a_list(site: Callable[..., Site]) -> None:
    """Why the agent asks."""
    there = site()
    (there.folder / "config.ini").write_text(CONFIG.format(first="0x" + HEMING))
    there.node.restart()
    assert there.node.control("connect", WANGCHAO)
    assert there.node.control("log") != []
    assert not adapters.holds(there.adapter, lists([HEMING]))


def test_an_id_added_by_hand_is_noticed(site: Callable[..., Site]) -> None:
    there = site()
    brought(there.adapter, lists([HEMING]))
    config = there.config.replace(
        "[certificate_whitelist]\n", f"[certificate_whitelist]\n    cal.9={WANGCHAO}\n"
    )
    (there.folder / "config.ini").write_text(config)
    assert not adapters.holds(there.adapter, lists([HEMING]))
    brought(there.adapter, lists([HEMING]))


def test_a_chain_of_sm_has_ids_of_128_digits_and_its_own_folder(site: Callable[..., Site]) -> None:
    there = site(digits=128, sm=True)
    assert there.adapter.targets() == ("fisco-bcos/sm/nodes.json", "fisco-bcos/sm/certificates.ini")
    brought(there.adapter, lists([tls_id(2, 128)], folder="fisco-bcos/sm"))


def test_the_signal_goes_to_no_other_program(site: Callable[..., Site]) -> None:
    """Whoever does not know it dies of it, and a pid file may be old."""
    there = site(process_name="fisco-bcos")
    with pytest.raises(ReloadFailed, match="not 'fisco-bcos'"):
        there.adapter.put(lists([QINGCHUAN]))
    assert there.node.control("loaded") == 0


def test_a_node_that_is_down_has_the_list_when_it_starts(site: Callable[..., Site]) -> None:
    there = site(rpc=False)
    there.node.stop()
    with pytest.raises(ReloadFailed, match="does not run"):
        there.adapter.put(lists([QINGCHUAN]))
    there.node.start()
    assert there.node.control("white") == [QINGCHUAN]


def test_a_command_may_send_the_signal(site: Callable[..., Site]) -> None:
    there = site(rpc=False, reload=["/bin/sh", "-c", "exit 1"])
    with pytest.raises(ReloadFailed, match="exit code 1"):
        there.adapter.put(lists([QINGCHUAN]))


def test_3_4_is_warned_of_its_deadlock_and_3_5_is_not(
    site: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="agent"):
        site("3.5.0").adapter.put(lists([QINGCHUAN]))
        assert "stand still" not in caplog.text
        brought(site("3.4.0").adapter, lists([QINGCHUAN]))
    assert "stand still" in caplog.text


def test_a_missing_config_ini_is_not_made_of_two_lists_alone(site: Callable[..., Site]) -> None:
    there = site()
    (there.folder / "config.ini").unlink()
    with pytest.raises(ReloadFailed, match="not there"):
        there.adapter.put(lists([QINGCHUAN]))
    assert not (there.folder / "config.ini").exists()


# --- before 3.4: a restart ----------------------------------------------------------------------------
def test_before_3_4_a_restart_is_asked_for_until_it_has_happened(
    site: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    there = site("3.3.0")
    wanted = lists([HEMING, QINGCHUAN])
    for _ in range(2):
        with pytest.raises(RestartNeeded, match=r"3\.3 reads its lists when it starts"):
            there.adapter.put(wanted)
    assert there.node.process.poll() is None, "3.3 would have died of the signal"
    assert "start the node again" in caplog.text
    assert "when it starts" in json.loads(there.notice.read_text())["reason"]
    assert not adapters.holds(there.adapter, wanted)
    there.node.restart()
    brought(there.adapter, wanted)
    assert not there.notice.exists()
    assert there.node.control("white") == sorted([HEMING, QINGCHUAN])


def test_a_restart_before_the_list_was_written_does_not_count(site: Callable[..., Site]) -> None:
    """The agent was killed between its note and the file; the node was started again meanwhile."""
    there = site("3.3.0")
    wanted = lists([HEMING, QINGCHUAN])
    (there.folder / "config.ini").write_text(CONFIG.format(first=f"{HEMING}\n    cal.1={QINGCHUAN}"))
    there.notice.write_text(json.dumps({"reason": "new list", "written": False, "process": "1 1"}))
    with pytest.raises(RestartNeeded, match="new list"):
        there.adapter.put(wanted)
    there.node.restart()
    brought(there.adapter, wanted)


def test_without_a_pid_file_the_operator_removes_the_notice(site: Callable[..., Site]) -> None:
    there = site("3.3.0")
    table = {**table_of(there.folder, there.node, "3.3.0"), "restart_notice": "please-restart"}
    adapter = adapters.make({k: v for k, v in table.items() if k != "pid_file"}, (), there.folder)
    with pytest.raises(RestartNeeded):
        adapter.put(lists([QINGCHUAN]))
    there.node.restart()
    with pytest.raises(RestartNeeded):
        adapter.put(lists([QINGCHUAN]))
    (there.folder / "please-restart").unlink()
    brought(adapter, lists([QINGCHUAN]))


def test_an_unchanged_list_needs_no_restart(site: Callable[..., Site]) -> None:
    there = site("3.3.0")
    brought(there.adapter, lists([HEMING]))
    assert not there.notice.exists()


def test_a_node_that_was_brought_up_to_date_gets_the_signal(site: Callable[..., Site]) -> None:
    """The node's own word counts more than the configuration's."""
    there = site("3.16.4")
    told = table_of(there.folder, there.node, "3.3.0")
    there.adapter = adapters.make(told, (), there.folder)
    brought(there.adapter, lists([QINGCHUAN]))
    eventually_loaded(there, 1)
    assert not there.notice.exists()


# --- 2.x: a file to touch -----------------------------------------------------------------------------
def test_2_x_reads_its_white_list_when_a_file_is_touched(site: Callable[..., Site]) -> None:
    there = site("2.11.0", digits=128)
    first, second = tls_id(1, 128), tls_id(2, 128)
    wanted = old_lists([first, second])
    brought(there.adapter, wanted)
    eventually_loaded(there, 1)
    assert there.node.control("white") == sorted([first, second])
    assert there.adapter.version() == "2.11.0"
    assert there.adapter.targets() == ("fisco-bcos/2.x/certificates.ini",)


def test_2_x_reads_its_black_list_at_a_restart_only(site: Callable[..., Site]) -> None:
    there = site("2.11.0", digits=128)
    first, second = tls_id(1, 128), tls_id(2, 128)
    wanted = old_lists([first, second], [second])
    with pytest.raises(RestartNeeded, match="black list"):
        there.adapter.put(wanted)
    eventually_loaded(there, 1)
    assert there.node.control("white") == sorted([first, second]), "the white list is in force already"
    assert there.node.control("connect", second), "and the black list is not"
    there.node.restart()
    brought(there.adapter, wanted)
    assert not there.node.control("connect", second)


# --- configuration ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"version": "three"}, "node.version"),
        ({"version": "1.3.0"}, "node.version"),
        ({"version": None}, "node.version"),
        ({"pid_file": None}, "node.pid_file"),
        ({"nodes_file": None}, "node.nodes_file"),
        ({"group": "1"}, "node.group"),
        ({"version": "2.11.0", "sm": True}, "node.sm"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(tmp_path: Path, more: dict[str, Any], named: str) -> None:
    table = {
        "kind": "fisco-bcos",
        "version": "3.16.4",
        "config_ini": "config.ini",
        "nodes_file": "nodes.json",
        "pid_file": "pid",
        **more,
    }
    with pytest.raises(ConfigError, match=named):
        adapters.make({name: value for name, value in table.items() if value is not None}, (), tmp_path)


NUMBERS = st.frozensets(st.integers(1, 6), max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(former=NUMBERS, white=NUMBERS, black=NUMBERS)
def test_whatever_it_had_the_node_has_exactly_the_wanted_or_it_refuses_and_nothing_changed(
    one: Site, former: frozenset[int], white: frozenset[int], black: frozenset[int]
) -> None:
    before = lists(map(tls_id, former | {7}))
    one.adapter.put(before)
    after = lists(map(tls_id, white), map(tls_id, black))
    loaded = one.node.control("loaded")
    try:
        one.adapter.put(after)
    except Refused:
        assert not white
        assert adapters.holds(one.adapter, before)
        return
    once = one.config
    one.adapter.put(after)
    assert one.config == once
    assert adapters.holds(one.adapter, after)
    eventually_loaded(one, loaded + 1)
    assert one.config.count("[certificate_whitelist]") == 1
    assert one.config.startswith("[p2p]\n    listen_port=30300\n")


@pytest.fixture
def one(site: Callable[..., Site]) -> Site:
    return site()
