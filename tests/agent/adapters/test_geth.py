"""geth: static and trusted peers. It can't be asked for either, so the agent keeps a note of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.errors import Refused
from tests.agent.adapters.support import HEMING, QINGCHUAN, WANGCHAO, YUNQI, brought, enode, key
from tests.agent.nodes.running import Running

Start = Callable[..., Running]
TARGET = "goquorum/permissioned-nodes.json"


def nodes(*listed: str) -> dict[str, bytes]:
    return {TARGET: json.dumps(listed).encode()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "static-nodes.json"


@pytest.fixture
def node(start: Start, file: Path) -> Running:
    """Heming Bank's own."""
    return start("ethereum", "--kind", "geth", "--key", key(1), "--static-nodes", file)


def agent_of(node: Running, file: Path) -> Adapter:
    return adapters.make({"kind": "geth", "rpc": node.url, "static_nodes_file": str(file)}, (), file.parent)


def test_who_is_listed_is_static_and_trusted_and_the_node_itself_is_neither(
    node: Running, file: Path
) -> None:
    adapter = agent_of(node, file)
    brought(adapter, nodes(HEMING, QINGCHUAN, WANGCHAO))
    assert node.control("static") == node.control("trusted") == sorted([key(2), key(3)])
    assert adapter.targets() == (TARGET,)
    assert adapter.version().startswith("Geth/")


def test_who_leaves_the_list_is_neither_any_longer_and_is_sent_away(node: Running, file: Path) -> None:
    adapter = agent_of(node, file)
    brought(adapter, nodes(HEMING, QINGCHUAN, WANGCHAO))
    node.control("connect", QINGCHUAN)
    node.control("connect", WANGCHAO)
    brought(adapter, nodes(HEMING, WANGCHAO))
    assert node.control("static") == node.control("trusted") == node.control("peers") == [key(3)]


def test_a_node_that_moved_is_still_static_at_its_new_address(node: Running, file: Path) -> None:
    """geth knows peers by key alone: to remove the old address last would remove the new one."""
    adapter = agent_of(node, file)
    brought(adapter, nodes(QINGCHUAN))
    brought(adapter, nodes(enode(2, host="10.7.7.7")))
    assert node.control("static") == [key(2)]
    assert "10.7.7.7" in file.read_text()


def test_a_stranger_that_dialled_in_is_noticed_and_sent_away(node: Running, file: Path) -> None:
    adapter = agent_of(node, file)
    brought(adapter, nodes(HEMING, QINGCHUAN))
    assert node.control("connect", YUNQI), "geth has no allow list"
    assert not adapters.holds(adapter, nodes(HEMING, QINGCHUAN))
    brought(adapter, nodes(HEMING, QINGCHUAN))
    assert node.control("peers") == []


def test_a_geth_that_was_restarted_is_told_again(node: Running, file: Path) -> None:
    adapter = agent_of(node, file)
    wanted = nodes(HEMING, QINGCHUAN)
    brought(adapter, wanted)
    node.restart()
    assert node.control("trusted") == []
    node.control("connect", QINGCHUAN)
    assert not adapters.holds(adapter, wanted), "a peer that it should trust is not trusted"
    brought(adapter, wanted)
    assert node.control("trusted") == [key(2)]


def test_a_geth_that_was_restarted_alone_is_told_again_too(node: Running, file: Path) -> None:
    adapter = agent_of(node, file)
    wanted = nodes(HEMING, QINGCHUAN)
    brought(adapter, wanted)
    node.restart()
    assert adapters.holds(adapter, wanted)
    assert node.control("trusted") == [key(2)]


def test_a_list_that_it_refuses_half_way_leaves_the_former(node: Running, file: Path) -> None:
    adapter = agent_of(node, file)
    brought(adapter, nodes(HEMING, QINGCHUAN, WANGCHAO))
    node.control("limit", 2)
    with pytest.raises(Refused, match="too many static nodes"):
        adapter.put(nodes(HEMING, QINGCHUAN, YUNQI, enode(5)))
    assert node.control("static") == sorted([key(2), key(3)])
    assert adapters.holds(adapter, nodes(HEMING, QINGCHUAN, WANGCHAO))


def test_what_is_no_list_is_refused(node: Running, file: Path) -> None:
    with pytest.raises(Refused, match="not JSON"):
        agent_of(node, file).check({TARGET: b""})
    assert node.calls() == []


NUMBERS = st.frozensets(st.integers(1, 7), max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(former=NUMBERS, wanted=NUMBERS, moved=NUMBERS, limit=st.integers(3, 9))
def test_whatever_it_had_exactly_the_wanted_are_known_or_it_refuses_and_keeps_its_own(
    node: Running,
    file: Path,
    former: frozenset[int],
    wanted: frozenset[int],
    moved: frozenset[int],
    limit: int,
) -> None:
    adapter = agent_of(node, file)
    node.control("limit", 0)
    before = listed(former)
    after = nodes(*[enode(n, host="10.7.7.7" if n in moved else "") for n in sorted(wanted)])
    adapter.put(before)
    limit = max(limit, len(former - {1}))
    node.control("limit", limit)
    expected = wanted
    try:
        adapter.put(after)
        adapter.put(after)
        assert adapters.holds(adapter, after)
    except Refused:
        assert len(wanted - {1}) > limit
        assert adapters.holds(adapter, before)
        expected = former
    assert node.control("static") == node.control("trusted") == sorted(map(key, expected - {1}))


def listed(numbers: Iterable[int]) -> dict[str, bytes]:
    return nodes(*map(enode, sorted(numbers)))
