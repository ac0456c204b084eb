"""Kind ``command``: a program of the operator's own, and what its exit code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.config import File
from governance.agent.errors import ConfigError, Refused, ReloadFailed
from tests.agent.adapters.support import brought

WANTED = {"permissions.json": b'{"nodes": []}\n'}


def agent_of(folder: Path, script: str, **more: object) -> Adapter:
    """``script`` in force by what it does; $LIST is where the list lies."""
    files = (File("permissions.json", folder / "list"),)
    table = {"kind": "command", "apply": ["/bin/sh", "-c", f"LIST={folder}/list; {script}"], **more}
    return adapters.make(table, files, folder)


def test_exit_code_0_is_in_force(tmp_path: Path) -> None:
    adapter = agent_of(tmp_path, f'cp "$LIST" {tmp_path}/loaded; printf %s "$AGENT_FILES" > {tmp_path}/files')
    brought(adapter, WANTED)
    assert (tmp_path / "loaded").read_bytes() == WANTED["permissions.json"]
    assert json.loads((tmp_path / "files").read_text()) == {"permissions.json": str(tmp_path / "list")}
    assert adapter.read_back(WANTED).source == "file"
    assert adapter.targets() == ("permissions.json",)
    assert adapter.version() == ""


def test_exit_code_3_is_a_refusal_with_its_reason_and_the_former_files(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"former")
    with pytest.raises(Refused, match=r"^no such account$"):
        agent_of(tmp_path, "echo looking; echo no such account >&2; exit 3").put(WANTED)
    assert (tmp_path / "list").read_bytes() == b"former"


def test_a_refused_first_list_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="says no"):
        agent_of(tmp_path, "exit 3").put(WANTED)
    assert not (tmp_path / "list").exists()


def test_another_exit_code_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(ReloadFailed, match="exit code 1 is restarting"):
        agent_of(tmp_path, "echo is restarting >&2; exit 1").put(WANTED)


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(ReloadFailed, match="timed out"):
        agent_of(tmp_path, "exec sleep 600", seconds=0.3).put(WANTED)


def test_what_is_in_force_is_what_the_program_says(tmp_path: Path) -> None:
    show = ["/bin/sh", "-c", f"cd {tmp_path} && sha256sum loaded | sed 's/loaded/permissions.json/'"]
    adapter = agent_of(
        tmp_path, f'cp "$LIST" {tmp_path}/loaded', read_back=show, version=["echo", "Geth 1.10"]
    )
    brought(adapter, WANTED)
    assert adapter.read_back(WANTED).source == "node"
    assert adapter.version() == "Geth 1.10"
    (tmp_path / "loaded").write_bytes(b"something else")
    assert not adapters.holds(adapter, WANTED)


def test_a_program_that_shows_nothing_of_use_is_no_read_back(tmp_path: Path) -> None:
    assert not adapters.holds(agent_of(tmp_path, "true", read_back=["echo", "all fine"]), WANTED)
    with pytest.raises(ReloadFailed, match="exit code 1"):
        agent_of(tmp_path, "true", read_back=["false"]).read_back(WANTED)


def test_the_program_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"node\.apply"):
        adapters.make({"kind": "command"}, (File("permissions.json", tmp_path / "list"),), tmp_path)
    with pytest.raises(ConfigError, match=r"\[\[file\]\]"):
        adapters.make({"kind": "command", "apply": ["true"]}, (), tmp_path)
