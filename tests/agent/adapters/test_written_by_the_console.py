"""Two programs, one language: every list that the console writes is one that the agent's adapters take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from governance.agent import adapters
from governance.permissions.formats import paths
from governance.permissions.formats.desired import DesiredState
from governance.permissions.formats.writing import write
from tests.permissions.formats.states import HEADER, states

RPC = "http://127.0.0.1:9"
FISCO: Mapping[str, Any] = {"kind": "fisco-bcos", "config_ini": "config.ini", "nodes_file": "nodes.json"}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "besu": {"kind": "besu", "rpc": RPC, "permissions_file": "permissions_config.toml"},
    "goquorum": {"kind": "goquorum", "rpc": RPC, "data_dir": "."},
    "geth": {"kind": "geth", "rpc": RPC, "static_nodes_file": "static-nodes.json"},
    "fisco-bcos 3.x": {**FISCO, "version": "3.16.4", "pid_file": "pid"},
    "fisco-bcos sm": {**FISCO, "version": "3.16.4", "pid_file": "pid", "sm": True},
    "fisco-bcos 2.x": {**FISCO, "version": "2.11.0"},
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(state=states())
def test_what_the_console_writes_the_adapter_takes(kind: str, state: DesiredState) -> None:
    adapter = adapters.make(KINDS[kind], (), Path())
    files = write(HEADER, state)
    wanted = {target: files[target] for target in adapter.targets()}
    adapter.check(wanted)  # raises Refused for what the node could not load
    assert all(wanted.values()), "and no file is empty"


def test_every_format_has_an_adapter() -> None:
    needed = {target for table in KINDS.values() for target in adapters.make(table, (), Path()).targets()}
    assert needed == set(paths.FORMAT_OF) - {paths.JSON_PATH}
