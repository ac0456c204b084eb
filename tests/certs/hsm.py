"""A device of another maker: SoftHSM2, with one token for the session."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.peers import SOFTHSM

PIN = b"305419896"


@dataclass
class Device:
    """``module`` is its PKCS#11 library; ``label()`` names a key that no other test has."""

    module: str
    token: str
    pin_file: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def label(self, word: str = "key") -> str:
        return f"pkcs11:{self.token}/{word}-{next(self._numbers)}"


@pytest.fixture(scope="session")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    home = tmp_path_factory.mktemp("softhsm")
    (home / "tokens").mkdir()
    conf = home / "softhsm2.conf"
    conf.write_text(
        f"directories.tokendir = {home / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(conf)  # the library reads it when it is loaded, once a process
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "alliance", "--so-pin", "20010101",
         "--pin", PIN.decode()],
        check=True, capture_output=True,
    )  # fmt: skip
    (home / "pin").write_bytes(PIN + b"\n")
    assert SOFTHSM is not None
    return Device(str(SOFTHSM), "alliance", home / "pin")
