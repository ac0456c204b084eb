"""Files are written whole or not at all, and stay after a power cut."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from consortium.core import files


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was handed to fsync, in order, by the name that it had then."""
    seen: list[Path] = []
    fsync = os.fsync

    def record(handle: int) -> None:
        seen.append(Path(f"/proc/self/fd/{handle}").resolve())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", record)
    return seen


def test_a_file_is_replaced_whole_with_the_mode_asked_for(tmp_path: Path) -> None:
    place = tmp_path / "nodes.crl"
    files.replace(place, b"the first")
    assert files.replace(place, b"the second", mode=0o600) == place
    assert place.read_bytes() == b"the second"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("write", [files.replace, files.create])
def test_on_a_full_disk_the_former_stays_and_nothing_half_written_is_left(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    place = files.replace(tmp_path / "nodes.crl", b"the first")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(place, b"the second", mode=0o644)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert place.read_bytes() == b"the first"
    assert list(tmp_path.iterdir()) == [place]


def test_what_is_made_once_is_never_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "keys" / "relay.json"
    files.create(place, b"the only one", mode=0o600)
    with pytest.raises(FileExistsError):
        files.create(place, b"another", mode=0o600)
    assert place.read_bytes() == b"the only one"
    assert list(place.parent.iterdir()) == [place]


def test_content_then_directory_are_on_the_disk_also_a_directory_made_for_it(
    tmp_path: Path, synced: list[Path]
) -> None:
    place = tmp_path / "data" / "keys" / "relay.json"
    files.create(place, b"the only one", mode=0o600)
    assert synced[:2] == [tmp_path / "data", tmp_path]
    assert synced[2].name.startswith(".relay.json.")
    assert synced[3:] == [place.parent]
    synced.clear()
    files.replace(place, b"the next", mode=0o600)
    assert synced[0].name.startswith(".relay.json.")
    assert synced[1:] == [place.parent]


def test_a_secrets_directory_is_closed_a_published_one_is_not(tmp_path: Path) -> None:
    files.create(tmp_path / "keys" / "a", b"", mode=0o600)
    files.replace(tmp_path / "pki" / "b", b"")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert (tmp_path / "pki").stat().st_mode & 0o055 == 0o055 & ~_umask()


def test_what_starts_the_stack_reads_no_settings_and_no_models() -> None:
    look = (
        "import sys, consortium.stack.endpoints, consortium.core.files; from django.conf import settings;"
        "print(settings.configured, 'django.db' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False False"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_a_killed_writer_left_is_swept_once_it_is_old(tmp_path: Path) -> None:
    place = tmp_path / "gateway.key"
    killed = (
        "import os; from consortium.core import files; files.os.fsync = lambda _: os.kill(os.getpid(), 9)"
    )
    write = f"from pathlib import Path; files.replace(Path({str(place)!r}), b'half', mode=0o600)"
    done = subprocess.run([sys.executable, "-c", f"{killed}\n{write}"], check=False)
    assert done.returncode == -9
    (left,) = tmp_path.iterdir()
    others = tmp_path / ".gateway.key.other-file"
    others.write_bytes(b"not ours")
    files.replace(place, b"the first", mode=0o600)
    assert left.exists()  # its writer may be at work still
    for name in (left, others):
        os.utime(name, (0, 0))
    files.replace(place, b"the second", mode=0o600)
    assert set(tmp_path.iterdir()) == {place, others}
