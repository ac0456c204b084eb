"""A ceremony machine in a directory: people around a table, a safe, folders that come and go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs.ceremony import cli
from certs.ceremony import protocol as protocols
from certs.ceremony.protocol import Protocol
from certs.ceremony.requests import Request, write_folder
from certs.keystores import kinds, sealed

CHEAP = {"time_cost": 1, "memory_cost": 64, "parallelism": 1}
WORD = b"three grey herons by the river"
WITNESSES = ["--witness", "Wang Min", "--witness", "Chen Ling"]


class Table:
    """``run("root", …)`` is one ceremony; what it printed is in ``said``."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str], name: str = "root") -> None:
        self.place, self.name, self._capsys = place, name, capsys
        self.home, self.out = place / f"home-{name}", place / f"out-{name}"
        self.word = place / "word"
        place.mkdir(parents=True, exist_ok=True)
        self.word.write_bytes(WORD + b"\n")
        # At a price that tests can pay; the ceremony takes up a key that is there.
        sealed.seal(self.home / f"{name}.key", name, sealed.plain_of(kinds.make("P-384")), WORD, cost=CHEAP)
        self.said = ""

    def run(self, command: str, *options: str) -> int:
        common = ["--home", str(self.home), "--root", self.name, "--out", str(self.out), *WITNESSES]
        code = cli.main([command, *common, "--passphrase-file", str(self.word), *options])
        captured = self._capsys.readouterr()
        self.said = captured.out + captured.err
        return code

    def make_root(self) -> x509.Certificate:
        made = self.run("root", "--alliance", "Alliance", "--public-url", "https://console.example")
        assert made == 0, self.said
        return self.certificate(self.name)

    def certificate(self, name: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate((self.out / f"{name}.crt").read_bytes())

    @property
    def path(self) -> Path:
        return self.home / f"{self.name}-protocol.jsonl"

    def protocol(self) -> Protocol:
        return protocols.read(self.path.read_bytes())

    def entry(self, number: int) -> dict[str, object]:
        entry = json.loads(self.path.read_bytes().splitlines()[number - 1])["entry"]
        assert isinstance(entry, dict)
        return entry

    def ask(self, *names: str, **keys: ec.EllipticCurvePrivateKey) -> Path:
        """A console's folder of requests."""
        folder = self.place / f"requests-{'-'.join(names)}"
        requests = [
            Request(name, csr(keys.get(name) or ec.generate_private_key(ec.SECP256R1()))) for name in names
        ]
        write_folder(folder, requests, "Alliance")
        return folder


def csr(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whatever it says here")])
    return x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Table:
    return Table(tmp_path / "machine", capsys)
