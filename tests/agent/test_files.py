"""Writing a list where the node reads it, and reading back what is there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from governance.agent import files
from governance.agent.config import File

LIST = b"[certificate_blacklist]\n[certificate_whitelist]\n    cal.0=aa\n"
NODE_CONFIG = b"""[p2p]
    listen_port=30300
[certificate_whitelist]
    cal.0=0ld
[rpc]
    listen_port=20200
"""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_written_file_keeps_the_permissions_that_the_node_needs(tmp_path: Path) -> None:
    path = tmp_path / "permissioned-nodes.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    files.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        files.write(path, None)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_splicing_replaces_its_sections_and_keeps_the_rest(tmp_path: Path) -> None:
    file = File("fisco-bcos/certificates.ini", tmp_path / "config.ini", splice=True)
    file.path.write_bytes(NODE_CONFIG)
    files.put(file, LIST)
    found = file.path.read_bytes()
    assert b"0ld" not in found
    assert b"[p2p]\n    listen_port=30300\n" in found
    assert b"[rpc]\n    listen_port=20200\n" in found
    assert found.count(b"[certificate_whitelist]") == 1


def test_splicing_twice_is_splicing_once(tmp_path: Path) -> None:
    once = files.splice(NODE_CONFIG, LIST)
    assert files.splice(once, LIST) == once


def test_what_is_read_back_from_a_spliced_file_is_the_list(tmp_path: Path) -> None:
    file = File("fisco-bcos/certificates.ini", tmp_path / "config.ini", splice=True)
    file.path.write_bytes(NODE_CONFIG)
    assert not files.holds(file, LIST)
    files.put(file, LIST)
    assert files.read_back(file, LIST) == sha256(LIST)


def test_a_line_added_to_a_spliced_section_is_noticed(tmp_path: Path) -> None:
    file = File("fisco-bcos/certificates.ini", tmp_path / "config.ini", splice=True)
    files.put(file, LIST)
    file.path.write_bytes(file.path.read_bytes() + b"    cal.1=bb\n")
    assert files.read_back(file, LIST) != sha256(LIST)


def test_besus_rewriting_of_its_file_is_the_same_list(tmp_path: Path) -> None:
    expected = b'accounts-allowlist=[]\nnodes-allowlist=["enode://a","enode://b"]\n'
    file = File("besu/permissions_config.toml", tmp_path / "permissions_config.toml")
    file.path.write_bytes(b'nodes-allowlist=["enode://b", "enode://a"]\naccounts-allowlist=[]\n')
    assert files.read_back(file, expected) == sha256(expected)


@pytest.mark.parametrize(
    "found", [b'nodes-allowlist=["enode://a"]\naccounts-allowlist=[]\n', b"not toml [", b""]
)
def test_another_list_is_not_the_same(tmp_path: Path, found: bytes) -> None:
    expected = b'accounts-allowlist=[]\nnodes-allowlist=["enode://a","enode://b"]\n'
    file = File("besu/permissions_config.toml", tmp_path / "permissions_config.toml")
    file.path.write_bytes(found)
    assert files.read_back(file, expected) == sha256(found)


def test_a_missing_file_is_read_back_as_nothing(tmp_path: Path) -> None:
    file = File("permissions.json", tmp_path / "permissions.json")
    assert files.read_back(file, b"[]") == sha256(b"")
