"""``python -m governance.agent.bundle dist/consortium-agent.pyz``: the agent as one file.

The pure Python packages that it needs are put in as they are installed here, at the versions installed here.
``cryptography`` has machine code, which can't be run from an archive: the machine has it (Debian's
python3-cryptography, or pip). The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

PACKAGES = ("tuf", "securesystemslib", "urllib3")
_HERE = Path(__file__).resolve().parent
_MADE = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows: no file says when it was packed
_MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("consortium-agent needs Python 3.11 or later")
try:
    import cryptography  # noqa: F401
except ImportError:
    sys.exit("consortium-agent needs cryptography: apt-get install python3-cryptography, or pip install it")
from governance.agent.__main__ import main

sys.exit(main())
"""


def build(place: Path) -> None:
    """Write the archive, executable. Raises PackageNotFoundError, FileNotFoundError."""
    contents = dict(_own())
    for package in PACKAGES:
        contents |= dict(_installed(package))
    contents["__main__.py"] = _MAIN.encode()
    # Before Python 3.13 a folder without __init__.py is a package only if the archive names the folder.
    folders = {f"{parent}/" for name in contents for parent in PurePosixPath(name).parents if parent.name}
    contents |= dict.fromkeys(folders, b"")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as stream:
        stream.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(contents.items()):
                archive.writestr(_entry(name), content, zipfile.ZIP_DEFLATED)
    place.chmod(0o755)


def _own() -> Iterator[tuple[str, bytes]]:
    for path in _HERE.rglob("*.py"):
        inside = path.relative_to(_HERE)
        if inside.parts[0] != "build":  # what an installation from this folder leaves
            yield str(PurePosixPath("governance", "agent", *inside.parts)), path.read_bytes()


def _installed(package: str) -> Iterator[tuple[str, bytes]]:
    """A package's modules, and its licence, which goes where its code goes."""
    for file in metadata.files(package) or ():
        place = PurePosixPath(file)
        if place.suffix in (".so", ".pyd"):
            raise ValueError(f"{package} has machine code: {place}")
        wanted = place.suffix == ".py" or "licen" in place.name.lower() or place.name == "METADATA"
        if wanted and ".." not in place.parts:
            yield str(place), Path(str(file.locate())).read_bytes()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MADE)
    entry.external_attr = 0o644 << 16
    return entry


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", type=Path)
    options = parser.parse_args()
    build(options.place)
    print(f"{options.place}: {options.place.stat().st_size // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
