"""Lists that were verified once, kept to be put in force again without the gateway, or after a refusal.

``state/epochs/<n>/`` holds an epoch's files and a manifest. A folder appears whole, by rename; a file in it
that was damaged since is noticed by its hash, and the epoch then counts as lost.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from governance.agent import files

_MANIFEST = "manifest.json"


def keep(state_dir: Path, epoch: int, wanted: Mapping[str, bytes]) -> None:
    """Keep an epoch's files, by target path. Keeping them again is harmless."""
    if load(state_dir, epoch) == wanted:
        return
    home = _home(state_dir)
    home.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
    try:
        for target, content in wanted.items():
            files.write(made / _name(target), content, mode=0o600)
        manifest = {target: hashlib.sha256(content).hexdigest() for target, content in wanted.items()}
        files.write(made / _MANIFEST, json.dumps(manifest).encode(), mode=0o600)
        shutil.rmtree(home / str(epoch), ignore_errors=True)  # damaged, or of other targets
        os.replace(made, home / str(epoch))
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def load(state_dir: Path, epoch: int) -> dict[str, bytes] | None:
    """The epoch's files; None when they are not there, or not as they were kept."""
    folder = _home(state_dir) / str(epoch)
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        found = {target: (folder / _name(target)).read_bytes() for target in manifest}
    except (OSError, ValueError):
        return None
    right = all(hashlib.sha256(found[target]).hexdigest() == manifest[target] for target in manifest)
    return found if right else None


def forget_all_but(state_dir: Path, epoch: int) -> None:
    """Of other epochs nothing is needed any more; nor of what a killed agent left half made."""
    for folder in _home(state_dir).glob("*"):
        if folder.name != str(epoch):
            shutil.rmtree(folder, ignore_errors=True)
    for folder in _home(state_dir).glob(".new-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _home(state_dir: Path) -> Path:
    return state_dir / "epochs"


def _name(target: str) -> str:
    return quote(target, safe="")
