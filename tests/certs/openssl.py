"""What a bank does with plain openssl: keys, requests, verification."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

_KEYS = {
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "rsa2048e3": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
    "rsa3072e3": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-pkeyopt", "rsa_keygen_pubexp:3"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "secp256k1": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
    "ed25519": ["-algorithm", "ED25519"],
}


def openssl(
    *arguments: str, check: bool = True, data: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run openssl; a failure shows what it said."""
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    assert not check or done.returncode == 0, done.stderr.decode()
    return done


class Workstation:
    """A directory with keys and requests in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        self._numbers = itertools.count(1)

    def key(self, kind: str) -> Path:
        """A new private key of a kind in ``_KEYS``."""
        path = self.home / f"{next(self._numbers)}.key"
        openssl("genpkey", *_KEYS[kind], "-out", str(path))
        return path

    def request(
        self,
        kind: str = "p256",
        *options: str,
        key: Path | None = None,
        subject: str = "/",
        form: str = "PEM",
    ) -> bytes:
        """A CSR over a new key (or ``key``); ``options`` go to ``openssl req``."""
        key = key or self.key(kind)
        made = openssl("req", "-new", "-key", str(key), "-subj", subject, "-outform", form, *options)
        return made.stdout

    def file(self, name: str, data: bytes) -> str:
        path = self.home / name
        path.write_bytes(data)
        return str(path)
