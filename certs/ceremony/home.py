"""A root's place on the ceremony machine: its sealed key, certificate, revocation list and protocol."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.ceremony import protocol as protocols
from certs.ceremony.errors import CeremonyError, Refused
from certs.ceremony.policy import ROOT, purpose_of
from certs.ceremony.protocol import Protocol, Signed
from certs.keystores import device, kinds, places, sealed
from certs.keystores.kinds import AuthorityKey


@dataclass(frozen=True)
class Home:
    """``directory`` holds ``<name>.key``, ``.crt``, ``.crl`` and ``<name>-protocol.jsonl``.

    ``key_name``: ``pkcs11:<token>/<label>`` where the key lies in a device behind the library ``module``.
    """

    directory: Path
    name: str = ROOT
    key_name: str = ""
    module: str = ""

    def __post_init__(self) -> None:
        if purpose_of(self.name) != ROOT:
            raise Refused(f"{self.name!r}: a root is called root, later ones root-2, …")

    @property
    def protocol_path(self) -> Path:
        return self.directory / f"{self.name}-protocol.jsonl"

    @property
    def key_path(self) -> Path:
        return self.directory / f"{self.name}.key"

    def protocol(self) -> Protocol:
        """What was done so far, verified. Raises ProtocolBroken."""
        try:
            data = self.protocol_path.read_bytes()
        except FileNotFoundError:
            return Protocol()
        return protocols.read(data)

    def key_exists(self) -> bool:
        """Is the root's key here?"""
        return device.exists(self.module, self.key_name) if self.key_name else self.key_path.exists()

    def open_key(self, secret: bytes) -> AuthorityKey:
        """Raises NoSuchKey, WrongSecret."""
        if self.key_name:
            return device.open_key(self.module, self.key_name, secret)
        key = kinds.load(sealed.unseal(self.key_path, self.name, secret), self.name)
        if not isinstance(key, AuthorityKey):
            raise CeremonyError(f"{self.key_path} holds no authority's key")
        return key

    def make_key(self, kind: str, secret: bytes) -> AuthorityKey:
        """Make the root's key, or take up the one that an interrupted run left. Raises NotThisKind."""
        kinds.check(kind)
        if self.key_exists():
            return self.open_key(secret)
        if self.key_name:
            return device.make(self.module, self.key_name, kind, secret)
        sealed.seal(self.key_path, self.name, sealed.plain_of(kinds.make(kind)), secret)
        return self.open_key(secret)

    def keep(self, protocol: Protocol) -> None:
        """The protocol first: what it does not have was never released."""
        places.replace(self.protocol_path, protocol.data)
        self.release(self.directory)

    def release(self, folder: Path) -> list[Path]:
        """Write all that was ever signed, as the protocol has it, and the protocol, into ``folder``."""
        protocol = self.protocol()
        newest = {file_name(part, self.name): file_content(part) for part in protocol.signed()}
        newest[self.protocol_path.name] = protocol.data
        return [_written(folder / name, data) for name, data in newest.items()]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second ceremony with this root out."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.directory / f".{self.name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _written(path: Path, data: bytes) -> Path:
    if path.exists() and path.read_bytes() == data:
        return path
    return places.replace(path, data)


def file_name(part: Signed, root: str) -> str:
    """What a signed thing is called in a folder."""
    if part.kind == "cross":
        return f"{part.name}-by-{root}.crt"
    return f"{part.name}.crl" if part.kind == "crl" else f"{part.name}.crt"


def file_content(part: Signed) -> bytes:
    """Certificates in PEM, for people's eyes; lists in DER, as they are published."""
    if part.kind == "crl":
        return part.der
    return x509.load_der_x509_certificate(part.der).public_bytes(Encoding.PEM)
