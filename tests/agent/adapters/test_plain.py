"""Kind ``files``: a list in a file, and any command that makes the node read it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.config import File
from governance.agent.errors import ConfigError, ReloadFailed

LIST = b'{"nodes": ["heming-1"]}\n'


def plain(folder: Path, *reload: str) -> Adapter:
    files = (File("permissions.json", folder / "permissions.json"),)
    return adapters.make({"reload": list(reload)}, files, folder)


def test_a_list_is_written_and_the_reload_command_run(tmp_path: Path) -> None:
    adapter = plain(tmp_path, "/bin/sh", "-c", f"cp {tmp_path}/permissions.json {tmp_path}/loaded")
    wanted = {"permissions.json": LIST}
    adapter.check(wanted)
    adapter.put(wanted)
    assert (tmp_path / "loaded").read_bytes() == LIST
    found = adapter.read_back(wanted)
    assert found.files == {"permissions.json": hashlib.sha256(LIST).hexdigest()}
    assert found.source == "file"
    assert adapters.holds(adapter, wanted)


def test_a_reload_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    adapter = plain(tmp_path, "/bin/sh", "-c", "echo no such service >&2; exit 5")
    with pytest.raises(ReloadFailed, match=r"exit code 5 no such service"):
        adapter.put({"permissions.json": LIST})


def test_a_reload_that_cannot_be_run_is_a_failure_too(tmp_path: Path) -> None:
    with pytest.raises(ReloadFailed, match="nowhere"):
        plain(tmp_path, "/nowhere/reload").put({"permissions.json": LIST})


def test_a_list_in_two_places_is_in_force_only_when_it_is_in_both(tmp_path: Path) -> None:
    files = tuple(File("permissions.json", tmp_path / name) for name in ("one", "two"))
    adapter = adapters.make({}, files, tmp_path)
    adapter.put({"permissions.json": LIST})
    assert adapters.holds(adapter, {"permissions.json": LIST})
    (tmp_path / "two").write_bytes(b"other")
    assert not adapters.holds(adapter, {"permissions.json": LIST})
    assert adapter.targets() == ("permissions.json",)


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"kind": "cobol"}, "node.kind"),
        ({"kind": 3}, "node.kind"),
        ({"reload": "kill"}, "node.reload"),
        ({"reload_seconds": 0}, "node.reload_seconds"),
        ({"relaod": ["kill"]}, "relaod"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(tmp_path: Path, table: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        adapters.make(table, (File("permissions.json", tmp_path / "list"),), tmp_path)


def test_files_need_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[\[file\]\]"):
        adapters.make({"kind": "files"}, (), tmp_path)
