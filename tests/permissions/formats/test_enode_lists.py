"""GoQuorum's and geth's lists of enodes: strict JSON, one entry a node, and never zero bytes."""

from __future__ import annotations

import json

import pytest

from governance.permissions.formats import enodes, paths, writing
from governance.permissions.formats.checking import check
from governance.permissions.formats.desired import Address, DesiredState
from governance.permissions.formats.errors import Malformed
from tests.factories import consensus_id
from tests.permissions.formats.states import HEADER, frozen, node, state

PATH = paths.GOQUORUM_PATH
ENODE = f"enode://{consensus_id(0)}@10.0.0.1:30303?discport=30303"


def written(path: str, wanted: DesiredState) -> list[str]:
    found = json.loads(writing.write(HEADER, wanted)[path])
    assert isinstance(found, list)
    return found


def refused(content: bytes) -> str:
    with pytest.raises(Malformed) as error:
        enodes.json_list(PATH, content, raft=True)
    return error.value.rule


def test_goquorum_is_told_the_raft_port_and_geth_is_not() -> None:
    wanted = state(node(0, raft_port=50401))
    assert written(PATH, wanted) == [ENODE + "&raftport=50401"]
    assert written(paths.GETH_PATH, wanted) == [ENODE]


def test_a_node_with_several_addresses_has_one_entry_since_goquorum_matches_by_its_id_only() -> None:
    wanted = state(node(0, addresses=(Address("10.8.0.1", 30303),)))
    assert written(PATH, wanted) == [ENODE] == written(paths.GETH_PATH, wanted)
    twice = json.dumps([ENODE, ENODE.replace("10.0.0.1", "10.8.0.1")]).encode()
    assert refused(twice) == "duplicate_node"


def test_nodes_at_one_address_are_both_listed_since_goquorum_matches_by_their_ids() -> None:
    assert len(written(PATH, state(node(0), node(1, host="10.0.0.1")))) == 2


def test_a_frozen_node_is_disallowed_by_name() -> None:
    assert written(paths.GOQUORUM_DISALLOWED_PATH, state(node(0), frozen=(frozen(1),))) == [
        f"enode://{consensus_id(1)}@10.0.0.2:30303?discport=30303"
    ]


def test_with_nobody_frozen_the_disallowed_file_is_a_list_never_zero_bytes_which_would_block_all() -> None:
    assert written(paths.GOQUORUM_DISALLOWED_PATH, state()) == []
    files = writing.write(HEADER, state())
    with pytest.raises(Malformed):
        check({**files, paths.GOQUORUM_DISALLOWED_PATH: b""})


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"null", b'["a",]', b"// none\n[]", b"[1]", "[\u201c\u201d]".encode()],
    ids=["empty", "object", "null", "comma", "comment", "number", "quotes"],
)
def test_a_bad_list_is_refused_since_goquorum_would_deny_all(content: bytes) -> None:
    assert refused(content) in {"not_a_list", "not_ascii"}


def test_discovery_may_be_off_but_no_port_is_left_out() -> None:
    assert enodes.json_list(PATH, json.dumps([ENODE.replace("=30303", "=0")]).encode())
    assert refused(json.dumps([ENODE.partition("?")[0]]).encode()) == "enode"


def test_a_key_off_the_curve_is_refused_since_one_such_entry_loses_the_whole_list() -> None:
    assert refused(json.dumps([ENODE.replace(consensus_id(0), "12" * 64)]).encode()) == "key_off_curve"


@pytest.mark.parametrize("path", [PATH, paths.GETH_PATH, paths.GOQUORUM_DISALLOWED_PATH])
def test_a_list_that_says_something_else_than_the_others_is_refused(path: str) -> None:
    files = writing.write(HEADER, state(node(0), node(1), frozen=(frozen(2),)))
    with pytest.raises(Malformed) as error:
        check({**files, path: json.dumps([ENODE]).encode()})
    assert error.value.rule == "differs_from_list"
