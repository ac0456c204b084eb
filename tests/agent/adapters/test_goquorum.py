"""GoQuorum: two files that are read at every connection, and peers that stay until they are sent away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.errors import Refused, ReloadFailed
from tests.agent.adapters.support import HEMING, QINGCHUAN, WANGCHAO, YUNQI, brought, enode, key
from tests.agent.nodes.running import Running

Start = Callable[..., Running]
PERMITTED, DISALLOWED = "goquorum/permissioned-nodes.json", "goquorum/disallowed-nodes.json"


def lists(permitted: Iterable[str], disallowed: Iterable[str] = ()) -> dict[str, bytes]:
    return {
        PERMITTED: json.dumps(list(permitted)).encode(),
        DISALLOWED: json.dumps(list(disallowed)).encode(),
    }


@pytest.fixture
def node(start: Start, tmp_path: Path) -> Running:
    return start("ethereum", "--kind", "goquorum", "--key", key(1), "--data-dir", tmp_path)


def agent_of(node: Running, data_dir: Path, seconds: float = 10) -> Adapter:
    table = {"kind": "goquorum", "rpc": node.url, "data_dir": str(data_dir), "drop_seconds": seconds}
    return adapters.make(table, (), data_dir)


def test_the_files_are_read_at_the_next_connection_without_a_reload(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([HEMING, QINGCHUAN]))
    assert node.control("connect", QINGCHUAN)
    assert not node.control("connect", WANGCHAO)
    brought(adapter, lists([HEMING, QINGCHUAN, WANGCHAO]))
    assert node.control("connect", WANGCHAO)
    assert adapter.read_back(lists([HEMING, QINGCHUAN, WANGCHAO])).source == "node"
    assert adapter.version().startswith("Geth/v1.10.3")
    assert set(adapter.targets()) == {PERMITTED, DISALLOWED}


def test_a_change_does_not_drop_live_peers_so_the_agent_does(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([HEMING, QINGCHUAN, WANGCHAO]))
    node.control("connect", QINGCHUAN)
    node.control("connect", WANGCHAO)
    brought(adapter, lists([HEMING, WANGCHAO]))
    assert node.control("peers") == [key(3)]
    assert not node.control("connect", QINGCHUAN), "and it does not come back"


def test_a_peer_that_takes_its_time_to_leave_is_waited_for(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([QINGCHUAN]))
    node.control("connect", QINGCHUAN)
    node.control("linger", QINGCHUAN, 3)
    brought(adapter, lists([HEMING]))
    assert node.control("peers") == []


def test_a_peer_that_does_not_leave_is_not_reported_as_gone(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path, seconds=0.3)
    brought(adapter, lists([QINGCHUAN]))
    node.control("connect", QINGCHUAN)
    node.control("linger", QINGCHUAN, 1000)
    with pytest.raises(ReloadFailed, match=f"still connected: {key(2)[:16]}"):
        adapter.put(lists([HEMING]))
    assert not adapters.holds(adapter, lists([HEMING]))


def test_it_matches_by_node_id_only_so_a_peer_that_moved_stays(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([QINGCHUAN]))
    node.control("connect", enode(2, host="192.0.2.9", port=55123))
    brought(adapter, lists([enode(2, host="10.9.9.9")]))
    assert node.control("peers") == [key(2)]


def test_who_is_disallowed_is_out_though_permitted(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([HEMING, QINGCHUAN]))
    node.control("connect", QINGCHUAN)
    brought(adapter, lists([HEMING, QINGCHUAN], [QINGCHUAN]))
    assert node.control("peers") == []
    assert not node.control("connect", QINGCHUAN)


@pytest.mark.parametrize(
    ("target", "data"),
    [
        (DISALLOWED, b""),  # blocks all: `[]` or no file, never zero bytes
        (DISALLOWED, b"{}"),
        (PERMITTED, b""),  # denies all
        (PERMITTED, b"[1]"),
        (PERMITTED, b'["enode://abc@10.0.0.1:30303"]'),
        (PERMITTED, json.dumps([HEMING, HEMING]).encode()),
    ],
)
def test_what_would_shut_everybody_out_is_refused_before_it_is_written(
    node: Running, tmp_path: Path, target: str, data: bytes
) -> None:
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([HEMING, QINGCHUAN]))
    for refusing in (adapter.check, adapter.put):
        with pytest.raises(Refused, match=target):
            refusing({**lists([HEMING]), target: data})
    assert adapters.holds(adapter, lists([HEMING, QINGCHUAN]))
    assert node.control("connect", QINGCHUAN)


@pytest.mark.parametrize("name", ["permissioned-nodes.json", "disallowed-nodes.json"])
def test_a_file_of_zero_bytes_is_noticed_and_put_right(node: Running, tmp_path: Path, name: str) -> None:
    adapter = agent_of(node, tmp_path)
    wanted = lists([HEMING, QINGCHUAN])
    brought(adapter, wanted)
    (tmp_path / name).write_bytes(b"")
    assert not node.control("connect", QINGCHUAN)
    assert not adapters.holds(adapter, wanted)
    brought(adapter, wanted)
    assert node.control("connect", QINGCHUAN)


def test_a_missing_permissioned_file_is_noticed(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([HEMING]))
    (tmp_path / "permissioned-nodes.json").unlink()
    assert not adapters.holds(adapter, lists([HEMING]))


def test_files_are_in_place_even_when_the_node_does_not_answer(node: Running, tmp_path: Path) -> None:
    adapter = agent_of(node, tmp_path)
    node.stop()
    with pytest.raises(ReloadFailed):
        adapter.put(lists([HEMING, YUNQI]))
    node.start()
    assert node.control("connect", YUNQI)
    brought(adapter, lists([HEMING, YUNQI]))


def test_raft_ports_are_part_of_an_entry(node: Running, tmp_path: Path) -> None:
    raft = f"enode://{key(2)}@10.0.0.2:21000?discport=0&raftport=50401"
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([raft]))
    assert not adapters.holds(adapter, lists([raft.replace("50401", "50402")]))


def test_the_agent_uses_no_call_that_only_submits_a_transaction(node: Running, tmp_path: Path) -> None:
    """`quorumPermission_*` answers "Action completed successfully" before anything is mined."""
    adapter = agent_of(node, tmp_path)
    brought(adapter, lists([HEMING, QINGCHUAN]))
    brought(adapter, lists([HEMING]))
    assert {method for method, _ in node.control("calls")} <= {"admin_peers", "admin_removePeer"}


NUMBERS = st.frozensets(st.integers(1, 6), max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(former=NUMBERS, wanted=NUMBERS, disallowed=NUMBERS)
def test_whatever_it_had_only_the_wanted_are_in(
    node: Running,
    tmp_path: Path,
    former: frozenset[int],
    wanted: frozenset[int],
    disallowed: frozenset[int],
) -> None:
    adapter = agent_of(node, tmp_path)
    adapter.put(lists(map(enode, former)))
    for number in former:
        assert node.control("connect", enode(number))
    after = lists(map(enode, wanted), map(enode, disallowed))
    for _ in range(2):
        adapter.put(after)
        assert adapters.holds(adapter, after)
    assert node.control("peers") == sorted(map(key, (former & wanted) - disallowed))
    assert {n for n in range(1, 7) if node.control("connect", enode(n))} == wanted - disallowed
