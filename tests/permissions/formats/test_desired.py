"""One state, all files: pure, and every file says the same."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.permissions import rules
from governance.permissions.formats import paths, writing
from governance.permissions.formats.checking import check
from governance.permissions.formats.desired import Address, DesiredState, TlsIds
from governance.permissions.formats.errors import Malformed
from tests.permissions.formats.states import HEADER, account, frozen, node, rsa, state, states


@given(states())
def test_every_state_is_written_so_that_every_reader_takes_it_as_it_is_meant(wanted: DesiredState) -> None:
    parsed = check(rules.compile_list(HEADER, wanted))
    assert {one.key for one in parsed.goquorum} == {one.consensus_id for one in wanted.nodes}
    assert {one.key for one in parsed.goquorum_disallowed} == {one.consensus_id for one in wanted.frozen}
    assert parsed.besu.accounts == {one.address for one in wanted.accounts}
    assert {one.address for one in parsed.besu.nodes} == {
        str(address) for one in wanted.nodes for address in one.reached_at
    }


@given(states())
def test_the_same_state_gives_the_same_bytes(wanted: DesiredState) -> None:
    again = dataclasses.replace(wanted, nodes=tuple(one._replace() for one in wanted.nodes))
    assert rules.compile_list(HEADER, wanted) == rules.compile_list(HEADER, again)
    assert rules.content_hash("settlement", wanted) == rules.content_hash("settlement", again)


@given(states(), st.text(min_size=1, max_size=20))
def test_any_name_is_kept_as_it_is_though_entries_are_put_on_lines_of_their_own(
    wanted: DesiredState, name: str
) -> None:
    tricky = name + '}, {"id": ' + name
    nodes = tuple(one._replace(name=tricky) for one in wanted.nodes)
    document = json.loads(
        writing.write(HEADER, dataclasses.replace(wanted, nodes=nodes))[paths.JSON_PATH].decode("utf-8")
    )
    assert [one["name"] for one in document["nodes"]] == [tricky] * len(nodes)


def test_permissions_json_keeps_its_fields_and_says_what_else_is_listed() -> None:
    wanted = state(
        node(0, addresses=(Address("10.8.0.1", 30303),), is_bootnode=True, tls_ids=TlsIds((rsa(0), rsa(7)))),
        accounts=(account(0, "deploy"),),
        frozen=(frozen(1),),
        denied=TlsIds(rsa=(rsa(1),)),
    )
    found = json.loads(writing.write(HEADER, wanted)[paths.JSON_PATH])
    former = {
        "id", "name", "member", "role", "consensus_id", "tls_id", "host", "port", "software",
        "software_version", "certificate_serial", "certificate_not_after",
    }  # fmt: skip
    assert found["network"] == "settlement"
    assert {name: found[name] for name in HEADER.custom()} == HEADER.custom()
    (one,) = found["nodes"]
    assert former <= one.keys()
    assert (one["addresses"], one["is_bootnode"]) == (["10.8.0.1:30303"], True)
    assert one["further_tls_ids"] == {"3.x": [rsa(7)]}
    assert found["accounts"] == [account(0, "deploy").as_json()]
    assert [entry["name"] for entry in found["frozen"]] == ["qingchuan-bank/n1"]
    assert found["denied_tls_ids"] == {"3.x": [rsa(1)]}


@pytest.mark.parametrize("path", sorted(paths.FORMAT_OF))
def test_no_file_may_lack_and_none_may_be_more(path: str) -> None:
    files = writing.write(HEADER, state(node(0)))
    lacking = {name: content for name, content in files.items() if name != path}
    with pytest.raises(Malformed, match="file_missing_or_unknown"):
        check(lacking)
    with pytest.raises(Malformed, match="file_missing_or_unknown"):
        check({**files, "besu/other.toml": b""})


@pytest.mark.parametrize("path", sorted(paths.FORMAT_OF))
def test_no_file_may_be_empty_bytes(path: str) -> None:
    files = writing.write(HEADER, state(node(0), frozen=(frozen(1),)))
    with pytest.raises(Malformed) as error:
        check({**files, path: b""})
    assert error.value.path == path


def test_a_frozen_node_that_is_listed_is_refused() -> None:
    with pytest.raises(Malformed, match="frozen_node_listed"):
        rules.compile_list(HEADER, state(node(0), frozen=(frozen(0),)))


def test_a_node_twice_is_refused() -> None:
    twice = DesiredState((node(0), node(0, host="10.0.0.9")))
    with pytest.raises(Malformed, match="duplicate"):
        rules.compile_list(HEADER, twice)


def test_an_address_of_nobody_in_particular_is_refused() -> None:
    with pytest.raises(Malformed) as error:
        rules.compile_list(HEADER, state(node(0, host="0.0.0.0")))
    assert (error.value.path, error.value.rule) == (paths.BESU_PATH, "enode")


def test_a_document_without_its_fields_is_refused() -> None:
    files = writing.write(HEADER, state(node(0)))
    document = json.loads(files[paths.JSON_PATH])
    del document["nodes"][0]["host"]
    with pytest.raises(Malformed, match="field_missing"):
        check({**files, paths.JSON_PATH: json.dumps(document).encode()})
