"""Besu's ``permissions_config.toml``: what Besu would trip over is neither written nor signed."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given

from governance.permissions.formats import enodes, paths, writing
from governance.permissions.formats.checking import check
from governance.permissions.formats.desired import Address, DesiredState
from governance.permissions.formats.errors import Malformed
from tests.factories import consensus_id
from tests.permissions.formats.states import HEADER, account, node, state, states

PATH = paths.BESU_PATH
ENODE = f"enode://{consensus_id(0)}@10.0.0.1:30303?discport=30303"


def written(wanted: DesiredState) -> dict[str, list[str]]:
    return tomllib.loads(writing.write(HEADER, wanted)[PATH].decode())


def refused(text: str) -> str:
    with pytest.raises(Malformed) as error:
        enodes.besu(PATH, text.encode())
    assert error.value.path == PATH
    return error.value.rule


def besu(*urls: str, accounts: str = "") -> str:
    listed = ",".join(f'"{url}"' for url in urls)
    return f"accounts-allowlist=[{accounts}]\nnodes-allowlist=[{listed}]\n"


def test_both_keys_are_there_though_nobody_is_listed_since_besu_does_not_start_without_one() -> None:
    assert written(state()) == {"accounts-allowlist": [], "nodes-allowlist": []}


@pytest.mark.parametrize(
    "text", ["", "nodes-allowlist=[]\n", "accounts-allowlist=[]\n"], ids=["empty file", "nodes", "accounts"]
)
def test_a_file_without_both_keys_is_refused(text: str) -> None:
    assert refused(text) == "both_keys_needed"


def test_an_account_is_listed_in_lower_case_as_besu_writes_it_itself() -> None:
    assert written(state(accounts=(account(),)))["accounts-allowlist"] == [account().address]
    assert refused(besu(accounts='"0x' + "AB" * 20 + '"')) == "account"
    assert refused(besu(accounts='"' + "ab" * 20 + '"')) == "account"


def test_the_same_entry_twice_is_refused() -> None:
    assert refused(besu(ENODE, ENODE)) == "duplicate_enode"
    assert refused(besu(accounts=f'"{account().address}","{account().address}"')) == "duplicate_account"


@pytest.mark.parametrize(
    "host", ["node.heming.example", "0.0.0.0", "224.0.0.1", "010.0.0.1", "10.0.0.256", "[::]", "[ff02::1]"]
)
def test_a_name_is_no_address_as_besu_asks_for_an_option_with_it(host: str) -> None:
    assert refused(besu(ENODE.replace("10.0.0.1", host))) in {"enode", "address"}


@pytest.mark.parametrize("port", ["0", "65536", "030303", "-1"])
def test_a_port_is_from_1_to_65535(port: str) -> None:
    assert refused(besu(ENODE.replace(":30303", f":{port}"))) == "enode"


def test_a_key_that_is_no_point_is_refused_since_a_reader_may_reject_the_whole_list() -> None:
    assert refused(besu(ENODE.replace(consensus_id(0), "00" * 64))) == "key_off_curve"


def test_two_keys_at_one_address_are_refused_since_besu_matches_by_address_from_26_3_on() -> None:
    other = ENODE.replace(consensus_id(0), consensus_id(1))
    assert refused(besu(ENODE, other)) == "address_under_two_entries"


def test_an_address_that_two_nodes_name_is_written_once_and_reported() -> None:
    rival = node(1, host="10.0.0.1", addresses=(Address("10.0.0.9", 30303),))
    wanted = state(node(0), rival)
    urls = written(wanted)["nodes-allowlist"]
    assert sorted(url.partition("@")[2].partition("?")[0] for url in urls) == [
        "10.0.0.1:30303",
        "10.0.0.9:30303",
    ]
    assert wanted.shared == ["10.0.0.1:30303"]


@pytest.mark.parametrize("boot", [0, 1])
def test_the_bootnode_keeps_an_address_that_another_names_too(boot: int) -> None:
    wanted = state(*[node(n, host="10.0.0.1", is_bootnode=n == boot) for n in (0, 1)])
    (url,) = written(wanted)["nodes-allowlist"]
    assert consensus_id(boot) in url


def test_a_list_without_a_bootnode_that_is_listed_is_refused_since_besu_does_not_start() -> None:
    files = writing.write(HEADER, state(node(0, is_bootnode=True), node(1)))
    kept = [url for url in tomllib.loads(files[PATH].decode())["nodes-allowlist"] if consensus_id(1) in url]
    with pytest.raises(Malformed) as error:
        check({**files, PATH: besu(*kept).encode()})
    assert (error.value.rule, error.value.found) == ("bootnode_missing", consensus_id(0)[:100])


def test_each_of_a_nodes_addresses_is_an_entry_with_its_own_discovery_port() -> None:
    many = node(0, addresses=(Address("fd00::8", 30304), Address("10.8.0.1", 30303)), discovery_port=30301)
    assert written(state(many))["nodes-allowlist"] == [
        f"enode://{consensus_id(0)}@10.0.0.1:30303?discport=30301",
        f"enode://{consensus_id(0)}@[fd00::8]:30304?discport=30301",
        f"enode://{consensus_id(0)}@10.8.0.1:30303?discport=30301",
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (besu() + "nodes-allowlist=[]\n", "unknown_or_repeated_key"),
        (besu() + "nodes-whitelist=[]\n", "unknown_or_repeated_key"),
        (besu() + "# a remark\n", "unknown_or_repeated_key"),
        (besu("enode\\u0041"), "escape"),
        ("accounts-allowlist=[]\nnodes-allowlist=[\n", "not_a_list"),
        ("accounts-allowlist=[1]\nnodes-allowlist=[]\n", "not_a_list"),
        (besu(ENODE + "&raftport=50401"), "raft_port"),
    ],
)
def test_what_is_not_written_here_is_not_read(text: str, rule: str) -> None:
    assert refused(text) == rule


@given(states())
def test_a_toml_parser_reads_what_the_check_reads(wanted: DesiredState) -> None:
    content = writing.write(HEADER, wanted)[PATH]
    ours, theirs = enodes.besu(PATH, content), tomllib.loads(content.decode())
    assert sorted(ours.accounts) == theirs["accounts-allowlist"]
    assert [f"enode://{one.key}@{one.address}" for one in ours.nodes] == [
        url.partition("?")[0] for url in theirs["nodes-allowlist"]
    ]
