"""The folder of requests that a console writes and a ceremony reads: CSRs and ``requests.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certs.ceremony import policy
from certs.ceremony.errors import Refused
from certs.ceremony.protocol import spki_sha256
from certs.keystores import kinds, places
from certs.keystores.errors import NotThisKind

FORMAT = "consortium-authority-requests-1"
MANIFEST = "requests.json"
_LARGEST = 64 * 1024  # bytes of a file that is read
_HOST = re.compile(r"[A-Za-z0-9.:/-]{1,253}")


@dataclass(frozen=True)
class Request:
    """One authority's request. ``hosts``: what its certificates may name, where its purpose allows any."""

    name: str
    csr: bytes  # PEM or DER
    hosts: tuple[str, ...] = ()

    def public_key(self) -> CertificatePublicKeyTypes:
        """Checked: the CSR is signed with it, and it is of a kind that authorities have. Raises Refused."""
        policy.purpose_of(self.name)
        try:
            csr = load(self.csr)
            proven = csr.is_signature_valid
            key = csr.public_key()
            kinds.kind_of(key)
        except (ValueError, UnsupportedAlgorithm, InvalidSignature, NotThisKind) as error:
            raise Refused(f"{self.name}: {error}") from error
        if not proven:
            raise Refused(f"{self.name}: the request is not signed with the key that it names")
        if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e != 65537:
            raise Refused(f"{self.name}: an RSA key's exponent is 65537 and no other")
        return key

    @property
    def spki_sha256(self) -> str:
        """The fingerprint that the witnesses compare with what the console showed."""
        return spki_sha256(self.public_key())


def load(csr: bytes) -> x509.CertificateSigningRequest:
    """PEM or DER. Raises ValueError."""
    if csr.lstrip().startswith(b"-----"):
        return x509.load_pem_x509_csr(csr)
    return x509.load_der_x509_csr(csr)


def write_folder(folder: Path, requests: Iterable[Request], alliance: str) -> None:
    """Write the folder, the manifest last: without it, nothing is read."""
    listed = []
    for request in requests:
        file = f"{request.name}.csr"
        places.replace(folder / file, request.csr)
        listed.append(
            {
                "name": request.name,
                "file": file,
                "spki_sha256": request.spki_sha256,
                "hosts": list(request.hosts),
            }
        )
    manifest = {"format": FORMAT, "alliance": alliance, "requests": listed}
    places.replace(folder / MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")


def read_folder(folder: Path) -> tuple[list[Request], dict[str, bytes]]:
    """The requests, and every file that was read, by name. Raises Refused."""
    files = {MANIFEST: _read(folder / MANIFEST)}
    try:
        manifest = json.loads(files[MANIFEST])
        rows = [_row(row) for row in manifest["requests"]]
        known = manifest["format"] == FORMAT
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{folder / MANIFEST} is not readable: {error!r}") from error
    if not known:
        raise Refused(f"{folder / MANIFEST} has another format than {FORMAT}")
    requests = []
    for name, hosts, fingerprint in rows:
        policy.purpose_of(name)  # before it becomes a part of a path
        files[f"{name}.csr"] = _read(folder / f"{name}.csr")
        request = Request(name, files[f"{name}.csr"], hosts)
        if request.spki_sha256 != fingerprint:
            raise Refused(f"{name}.csr is not the one that {MANIFEST} names")
        requests.append(request)
    return requests, files


def _row(row: Any) -> tuple[str, tuple[str, ...], str]:
    hosts = tuple(row["hosts"])
    if not all(isinstance(host, str) and _HOST.fullmatch(host) for host in hosts):
        raise Refused(f"{row['name']!r}: not names of hosts or networks: {hosts!r}")
    return str(row["name"]), hosts, str(row["spki_sha256"])


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise Refused(f"{path} is larger than {_LARGEST} bytes")
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
