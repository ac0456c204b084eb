"""Besu by JSON-RPC alone: every message behind its one error code, and what the agent makes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.adapters.besu_calls import NotEnabled, NotReloaded, OutOfSync, Stale, meaning
from governance.agent.adapters.rpc import Rpc, RpcError
from governance.agent.errors import Refused, ReloadFailed
from tests.agent.adapters.support import (
    BESU,
    HEMING,
    PAYMENTS,
    QINGCHUAN,
    TREASURY,
    WANGCHAO,
    YUNQI,
    besu_list,
    brought,
    enode,
)
from tests.agent.nodes.running import Running

Start = Callable[..., Running]
CHANGES = ("perm_addNodesToAllowlist", "perm_removeNodesFromAllowlist")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "permissions_config.toml"
    path.write_bytes(besu_list([HEMING])[BESU])
    return path


def agent_of(node: Running) -> Adapter:
    return adapters.make({"kind": "besu", "rpc": node.url, "mode": "rpc"}, (), Path())


def test_only_the_difference_is_asked_for_additions_first(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node)
    brought(adapter, besu_list([QINGCHUAN, WANGCHAO]))
    assert [len(params[0]) for params in node.calls(*CHANGES)] == [2, 1]
    brought(adapter, besu_list([QINGCHUAN, YUNQI]))
    assert [params[0][0].split("@")[0] for params in node.calls(*CHANGES)[2:]] == [
        YUNQI.split("@")[0],
        WANGCHAO.split("@")[0],
    ]


def test_params_hold_one_list_and_never_an_empty_one(start: Start, file: Path) -> None:
    """`[["…"]]`; "Request contains an empty list of nodes" is an error."""
    node = start("besu", "--nodes-file", file, "--accounts")
    adapter = agent_of(node)
    for wanted in (besu_list([HEMING]), besu_list([], [TREASURY]), besu_list([], [])):
        brought(adapter, wanted)
    calls = node.calls(*CHANGES, "perm_addAccountsToAllowlist", "perm_removeAccountsFromAllowlist")
    assert [len(params) for params in calls] == [1, 1, 1]
    assert all(params[0] for params in calls)


def test_the_node_itself_refuses_an_empty_list_and_duplicates(start: Start, file: Path) -> None:
    rpc = Rpc(start("besu", "--nodes-file", file).url)
    with pytest.raises(RpcError, match=r"empty list of nodes \(-32000\)"):
        rpc.call("perm_addNodesToAllowlist", [])
    with pytest.raises(RpcError, match=r"duplicate nodes \(-32000\)"):
        rpc.call("perm_addNodesToAllowlist", [QINGCHUAN, QINGCHUAN])


def test_accounts_are_set_as_nodes_are(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file, "--accounts")
    adapter = agent_of(node)
    brought(adapter, besu_list([HEMING], [TREASURY.upper().replace("0X", "0x")]))
    brought(adapter, besu_list([HEMING], [PAYMENTS]))
    node.restart()
    assert adapters.holds(adapter, besu_list([HEMING], [PAYMENTS]))


def test_a_fixed_node_cannot_be_removed_and_the_former_list_is_back(start: Start, file: Path) -> None:
    """ "Cannot remove a fixed node (bootnode or static node)": what was added before is taken out again."""
    node = start("besu", "--nodes-file", file, "--bootnode", HEMING)
    adapter = agent_of(node)
    brought(adapter, besu_list([HEMING, WANGCHAO]))
    with pytest.raises(Refused, match="Cannot remove a fixed node"):
        adapter.put(besu_list([QINGCHUAN]))
    assert adapters.holds(adapter, besu_list([HEMING, WANGCHAO]))


def test_an_address_that_the_node_calls_invalid_is_refused(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node)
    node.control("say", "perm_addNodesToAllowlist", -32000, "Request contains an invalid node")
    with pytest.raises(Refused, match="an invalid node"):
        adapter.put(besu_list([HEMING, QINGCHUAN]))
    assert adapters.holds(adapter, besu_list([HEMING]))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("perm_addNodesToAllowlist", "Cannot add an existing node to allowlist"),
        ("perm_removeNodesFromAllowlist", "Cannot remove an absent node from allowlist"),
    ],
)
def test_a_list_that_changed_meanwhile_is_looked_at_again(
    start: Start, file: Path, method: str, message: str
) -> None:
    node = start("besu", "--nodes-file", file)
    node.control("say", method, -32000, message)
    brought(agent_of(node), besu_list([QINGCHUAN]))
    assert (node.control("connect", QINGCHUAN), node.control("connect", HEMING)) == (True, False)


def test_a_list_that_somebody_else_goes_on_changing_is_a_failure(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    for _ in range(3):
        node.control("say", "perm_addNodesToAllowlist", -32000, "Cannot add an existing node to allowlist")
    with pytest.raises(ReloadFailed, match="somebody else"):
        agent_of(node).put(besu_list([HEMING, QINGCHUAN]))


def test_a_full_disk_at_the_node_is_worth_another_try(start: Start, file: Path) -> None:
    """ "Unable to persist changes… Changes reverted"."""
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node)
    node.control("fill_disk", True)
    with pytest.raises(ReloadFailed, match="Changes reverted"):
        adapter.put(besu_list([HEMING, QINGCHUAN]))
    assert adapters.holds(adapter, besu_list([HEMING]))
    node.control("fill_disk", False)
    brought(adapter, besu_list([HEMING, QINGCHUAN]))


def test_out_of_sync_is_applied_but_not_persisted_and_said_so(
    start: Start, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody overwrote the file: memory has the list, the file does not, until the node starts again."""
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node)
    file.write_bytes(besu_list([WANGCHAO])[BESU])
    wanted = besu_list([QINGCHUAN, YUNQI])
    with caplog.at_level(logging.WARNING, logger="agent"):
        brought(adapter, wanted)
    assert "not persisted to disk" in caplog.text
    assert WANGCHAO in file.read_text(), "the agent touches no file"
    node.restart()
    assert not adapters.holds(adapter, wanted)
    brought(adapter, wanted)
    node.restart()
    assert adapters.holds(adapter, wanted)


def test_every_message_is_told_apart_though_the_code_is_one() -> None:
    meant = {
        "Node allowlist has not been enabled": NotEnabled,
        "Account allowlist has not been enabled": NotEnabled,
        "Request contains an empty list of nodes": Refused,
        "Request contains an invalid account": Refused,
        "Request contains duplicate nodes": Refused,
        "Cannot add an existing node to allowlist": Stale,
        "Cannot remove an absent account from allowlist": Stale,
        "Cannot remove a fixed node (bootnode or static node) from allowlist": Refused,
        "Unable to persist changes to allowlist configuration file. Changes reverted": ReloadFailed,
        "The permissioning allowlist configuration file is out of sync.  The changes have been applied, "
        "but not persisted to disk": OutOfSync,
        "Error reloading permissions file. Please use perm_getAccountsAllowlist": NotReloaded,
        "Internal error": ReloadFailed,
    }
    for message, kind in meant.items():
        assert type(meaning(RpcError("perm_x", -32000, message))) is kind, message


NUMBERS = st.frozensets(st.integers(1, 6), max_size=5)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(former=NUMBERS, wanted=NUMBERS, accounts=NUMBERS, fixed=st.booleans())
def test_whatever_it_had_the_node_ends_with_the_wanted_set_or_refuses_and_keeps_its_own(
    two_nodes: dict[bool, Running],
    former: frozenset[int],
    wanted: frozenset[int],
    accounts: frozenset[int],
    fixed: bool,
) -> None:
    node, adapter = two_nodes[fixed], agent_of(two_nodes[fixed])
    always = {0} if fixed else set()
    before = besu_list(map(enode, former | always), [TREASURY])
    after = besu_list(map(enode, wanted), [f"0x{number:040x}" for number in accounts])
    adapter.put(before)
    try:
        adapter.put(after)
    except Refused:
        assert fixed
        assert adapters.holds(adapter, before)
        return
    assert not fixed
    assert adapters.holds(adapter, after)
    calls = len(node.calls(*CHANGES))
    adapter.put(after)
    assert len(node.calls(*CHANGES)) == calls, "again is nothing"


@pytest.fixture
def two_nodes(start: Start, tmp_path: Path) -> dict[bool, Running]:
    """One with a bootnode, one without."""
    found = {}
    for fixed in (True, False):
        path = tmp_path / f"{fixed}.toml"
        path.write_bytes(besu_list([enode(0)])[BESU])
        more = ("--bootnode", enode(0)) if fixed else ()
        found[fixed] = start("besu", "--nodes-file", path, "--accounts", *more)
    return found
