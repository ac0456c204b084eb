"""Besu by its file: the traps of its loading, each against a node that has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.adapters.rpc import Rpc
from governance.agent.config import File
from governance.agent.errors import ConfigError, Refused, ReloadFailed
from tests.agent.adapters.support import (
    BESU,
    HEMING,
    PAYMENTS,
    QINGCHUAN,
    TREASURY,
    WANGCHAO,
    besu_list,
    brought,
    enode,
    key,
    mode_of,
)
from tests.agent.nodes.running import DoesNotStart, Running

Start = Callable[..., Running]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "permissions_config.toml"
    path.write_bytes(besu_list([HEMING])[BESU])
    return path


def agent_of(node: Running, file: Path, **more: Any) -> Adapter:
    table = {"kind": "besu", "rpc": node.url, "permissions_file": str(file), **more}
    return adapters.make(table, (), file.parent)


def connected(node: Running) -> list[str]:
    return [peer.split("@")[0].removeprefix("enode://") for peer in node.control("peers")]


def test_a_list_is_written_loaded_and_read_back_from_the_node(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node, file)
    wanted = besu_list([HEMING, QINGCHUAN])
    brought(adapter, wanted)
    assert adapter.read_back(wanted).source == "node"
    assert node.control("connect", QINGCHUAN)
    assert not node.control("connect", WANGCHAO)
    assert adapter.targets() == (BESU,)


def test_a_peer_that_leaves_the_list_is_gone(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node, file)
    brought(adapter, besu_list([HEMING, QINGCHUAN]))
    node.control("connect", QINGCHUAN)
    brought(adapter, besu_list([HEMING]))
    assert connected(node) == []


def test_the_file_that_besu_rewrites_is_compared_as_a_set(start: Start, file: Path) -> None:
    """Loading accounts rewrites the file, lower-cased and without comments."""
    node = start("besu", "--nodes-file", file, "--accounts")
    adapter = agent_of(node, file)
    accounts = [TREASURY.upper().replace("0X", "0x"), PAYMENTS]
    wanted = besu_list([enode(1).replace(key(1), key(1).upper()), QINGCHUAN], accounts)
    brought(adapter, wanted)
    assert TREASURY in file.read_text()
    assert file.read_bytes() != wanted[BESU]
    assert adapters.holds(adapter, wanted)


def test_nodes_and_accounts_may_be_in_two_files(start: Start, file: Path, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.toml"
    accounts.write_text("accounts-allowlist=[]\n")
    node = start("besu", "--nodes-file", file, "--accounts-file", accounts, "--accounts")
    adapter = agent_of(node, file, accounts_file=str(accounts))
    brought(adapter, besu_list([HEMING], [TREASURY]))
    assert "nodes" not in accounts.read_text()
    assert TREASURY not in file.read_text()
    node.restart()
    assert adapters.holds(adapter, besu_list([HEMING], [TREASURY]))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "are needed"),
        (b"nodes-allowlist=[]\n", "are needed"),
        (b"accounts-allowlist=[]\n", "are needed"),
        (b'accounts-allowlist=[]\nnodes-allowlist="all"\n', "not a list"),
        (b"accounts-allowlist=[]\nnodes-allowlist=[\n", "not TOML"),
        (besu_list([HEMING, HEMING])[BESU], "there twice"),
        (besu_list([], [TREASURY, TREASURY])[BESU], "there twice"),
        (besu_list(["enode://abc@10.0.0.1:30303"])[BESU], "not an enode"),
        (besu_list([enode(1, port=0)])[BESU], "port"),
        (besu_list([], ["0x12"])[BESU], "not an account"),
        (besu_list([enode(1, host="node.heming.example")])[BESU], "a name for an address"),
    ],
)
def test_what_besu_could_not_load_is_refused_before_anything_is_touched(
    start: Start, file: Path, data: bytes, reason: str
) -> None:
    """An empty file, a missing key, duplicates and names are no list: the reload clears before it parses."""
    node = start("besu", "--nodes-file", file)
    before = file.read_bytes()
    with pytest.raises(Refused, match=reason):
        agent_of(node, file).check({BESU: data})
    assert file.read_bytes() == before
    assert node.calls() == []


def test_an_empty_list_is_a_list(start: Start, file: Path) -> None:
    """`[]` is legal: whether it is wise is for the console to ask."""
    node = start("besu", "--nodes-file", file)
    brought(agent_of(node, file), besu_list([]))
    assert not node.control("connect", HEMING)


def test_a_name_is_taken_where_the_node_looks_names_up(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file, "--dns")
    brought(agent_of(node, file, dns=True), besu_list([enode(1, host="Node.Heming.example")]))
    assert node.control("connect", enode(1, host="Node.Heming.example"))


def test_a_list_without_a_configured_bootnode_is_refused(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file, "--bootnode", HEMING)
    adapter = agent_of(node, file, bootnodes=[HEMING])
    with pytest.raises(Refused, match="Besu would not start"):
        adapter.check(besu_list([QINGCHUAN]))
    brought(adapter, besu_list([HEMING, QINGCHUAN]))
    node.restart()


def test_besu_does_not_start_with_a_list_that_lacks_a_bootnode(start: Start, file: Path) -> None:
    """Why the agent asks: with the list in place, the next restart would be the last."""
    with pytest.raises(DoesNotStart, match="not in nodes-allowlist"):
        start("besu", "--nodes-file", file, "--bootnode", QINGCHUAN)


def test_a_list_without_a_static_node_is_refused(start: Start, file: Path, tmp_path: Path) -> None:
    (tmp_path / "static-nodes.json").write_text(f'["{WANGCHAO}"]')
    adapter = agent_of(start("besu", "--nodes-file", file), file, static_nodes_file="static-nodes.json")
    with pytest.raises(Refused, match="static node"):
        adapter.check(besu_list([HEMING]))


def test_a_file_overwritten_without_a_reload_is_noticed_and_put_right(start: Start, file: Path) -> None:
    """One writer: file and memory out of sync would show at the next restart."""
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node, file)
    wanted = besu_list([HEMING, QINGCHUAN])
    brought(adapter, wanted)
    file.write_bytes(besu_list([WANGCHAO])[BESU])
    assert not adapters.holds(adapter, wanted)
    brought(adapter, wanted)


def test_a_change_by_rpc_behind_the_agent_is_noticed_and_put_right(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node, file)
    brought(adapter, besu_list([HEMING]))

    Rpc(node.url).call("perm_addNodesToAllowlist", [QINGCHUAN])
    assert not adapters.holds(adapter, besu_list([HEMING]))
    brought(adapter, besu_list([HEMING]))


def test_a_refused_reload_ends_with_the_former_list_in_file_and_node(start: Start, file: Path) -> None:
    """The reload is not atomic: accounts are loaded and the nodes' list is cleared before Besu gives up."""
    node = start("besu", "--nodes-file", file, "--accounts")
    adapter = agent_of(node, file, dns=True)  # the agent is told that names are fine; this node knows better
    former = besu_list([HEMING], [TREASURY])
    brought(adapter, former)
    node.control("connect", HEMING)
    with pytest.raises(Refused, match="Error reloading permissions file"):
        adapter.put(besu_list([enode(2, host="node.qingchuan.example")], [PAYMENTS]))
    assert adapters.holds(adapter, former)
    node.restart()
    assert adapters.holds(adapter, former)


def test_when_neither_list_loads_the_agent_does_not_say_that_the_former_is_in_force(
    start: Start, file: Path
) -> None:
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node, file)
    brought(adapter, besu_list([HEMING]))
    for _ in range(2):
        node.control("say", "perm_reloadPermissionsFromFile", -32000, "Error reloading permissions file")
    with pytest.raises(ReloadFailed, match="and the former one"):
        adapter.put(besu_list([QINGCHUAN]))


def test_what_is_in_force_is_not_loaded_again(start: Start, file: Path) -> None:
    """No reload without need, since each is a moment with an empty list."""
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node, file)
    brought(adapter, besu_list([HEMING, QINGCHUAN]))
    brought(adapter, besu_list([QINGCHUAN, HEMING]))
    assert len(node.calls("perm_reloadPermissionsFromFile")) == 1


def test_a_node_that_is_down_gets_its_file_and_has_it_when_it_starts(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    adapter = agent_of(node, file)
    node.stop()
    file.write_bytes(b"")  # with which it would not start
    with pytest.raises(ReloadFailed):
        adapter.put(besu_list([HEMING, WANGCHAO]))
    node.start()
    assert adapters.holds(adapter, besu_list([HEMING, WANGCHAO]))


def test_a_file_keeps_the_mode_that_lets_besu_read_it(start: Start, file: Path) -> None:
    file.chmod(0o664)
    brought(agent_of(start("besu", "--nodes-file", file), file), besu_list([HEMING, QINGCHUAN]))
    assert mode_of(file) == 0o664
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name]


def test_accounts_are_refused_where_the_node_asks_no_account(start: Start, file: Path) -> None:
    adapter = agent_of(start("besu", "--nodes-file", file), file)
    with pytest.raises(Refused, match="no account permissioning"):
        adapter.put(besu_list([HEMING], [TREASURY]))
    assert adapters.holds(adapter, besu_list([HEMING]))


def test_accounts_are_left_alone_where_the_operator_says_so(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    brought(agent_of(node, file, ignore_accounts=True), besu_list([HEMING, QINGCHUAN], [TREASURY]))
    assert node.control("connect", QINGCHUAN), "the nodes are in force all the same"


def test_accounts_that_the_node_asks_for_are_not_ignored(start: Start, file: Path) -> None:
    """To leave them out would empty the node's list, and nobody could send."""
    file.write_bytes(besu_list([HEMING], [TREASURY])[BESU])
    node = start("besu", "--nodes-file", file, "--accounts")
    with pytest.raises(Refused, match=r"node\.ignore_accounts"):
        agent_of(node, file, ignore_accounts=True).put(besu_list([HEMING], [TREASURY]))
    assert node.control("memory")["accounts-allowlist"] == [TREASURY]


def test_without_perm_in_its_api_the_node_refuses(start: Start, file: Path) -> None:
    adapter = agent_of(start("besu", "--nodes-file", file, "--api", "web3"), file)
    with pytest.raises(Refused, match="Method not enabled"):
        adapter.put(besu_list([HEMING, QINGCHUAN]))
    assert file.read_bytes() == besu_list([HEMING])[BESU]


# --- versions -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", ["26.3.0-RC0", "26.3.0", "27.1.0"])
def test_since_26_3_two_keys_at_one_address_are_refused(start: Start, file: Path, version: str) -> None:
    """An entry matches by address and port, no longer by key: either of the two could be the other."""
    node = start("besu", "--nodes-file", file, "--version", version)
    adapter = agent_of(node, file)
    with pytest.raises(Refused, match="the address of two keys"):
        adapter.put(besu_list([HEMING, enode(7, host="10.0.0.1")]))
    assert node.control("connect", enode(7, host="10.0.0.1")), "this is what it would let in anyway"
    assert adapters.holds(adapter, besu_list([HEMING]))


@pytest.mark.parametrize("version", ["26.2.0", "25.12.0"])
def test_before_26_3_the_key_tells_two_nodes_at_one_address_apart(
    start: Start, file: Path, version: str
) -> None:
    node = start("besu", "--nodes-file", file, "--version", version)
    brought(agent_of(node, file), besu_list([HEMING, enode(7, host="10.0.0.1")]))
    assert node.control("connect", enode(7, host="10.0.0.1"))
    assert not node.control("connect", enode(8, host="10.0.0.1"))


def test_a_bootnode_counts_by_its_address_since_26_3_and_by_its_key_before(start: Start, file: Path) -> None:
    renewed = besu_list([enode(7, host="10.0.0.1"), QINGCHUAN])
    older = start("besu", "--nodes-file", file, "--version", "26.2.0")
    with pytest.raises(Refused, match="bootnode"):
        agent_of(older, file, bootnodes=[HEMING]).put(renewed)
    older.stop()
    newer = start("besu", "--nodes-file", file, "--version", "26.3.0")
    brought(agent_of(newer, file, bootnodes=[HEMING]), renewed)


def test_the_version_is_what_the_node_says(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file, "--version", "26.3.0")
    assert agent_of(node, file).version() == "besu/v26.3.0/linux-x86_64/openjdk-java-21"
    mute = start("besu", "--nodes-file", file, "--api", "perm")
    assert agent_of(mute, file).version() == ""
    with pytest.raises(Refused, match="the address of two keys"):  # the stricter rule is supposed of it
        agent_of(mute, file).put(besu_list([HEMING, enode(7, host="10.0.0.1")]))


# --- configuration ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"mode": "magic"}, "node.mode"),
        ({"permissions_file": None}, "node.permissions_file"),
        ({"rpc": "ipc:/besu"}, "node.rpc"),
        ({"rpc": "http://admin:secret@localhost:8545"}, "node.rpc: no login"),
        ({"bootnodes": ["enode://x"]}, "node.bootnodes"),
        ({"dns": "yes"}, "node.dns"),
        ({"reload": ["kill"]}, "unknown"),
        ({"token_file": "a", "jwt_key_file": "b"}, "node.jwt_key_file"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(tmp_path: Path, more: dict[str, Any], named: str) -> None:
    table = {"kind": "besu", "rpc": "http://127.0.0.1:8545", "permissions_file": "p.toml", **more}
    with pytest.raises(ConfigError, match=named) as refused:
        adapters.make({name: value for name, value in table.items() if value is not None}, (), tmp_path)
    assert "secret@" not in str(refused.value)


def test_besu_takes_no_file_entries_beside_its_own(tmp_path: Path) -> None:

    with pytest.raises(ConfigError, match="file"):
        adapters.make({"kind": "besu"}, (File(BESU, tmp_path / "x"),), tmp_path)
