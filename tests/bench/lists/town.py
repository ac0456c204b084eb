"""An alliance with as many nodes as wanted: rows, real certificates, signed lists. Rows are committed.

Its contracts and seats are on a ledger of its own. Of the nodes the ledger knows only what
:meth:`Town.decided` enters there: the console's rows of the others are as the indexer would have left them.

Networks are of the same size whatever their number, as it is the length of its list that an agent's work
grows with.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.test import override_settings

from certs import authorities, building, console_certificates, keys
from certs.models import Authority, Certificate, SerialNumber
from consortium.core import clock, outbox
from consortium.members.models import Institution, Network, Node
from consortium.stack.embedded import EmbeddedLedger
from governance.chain import contracts
from governance.chain.models import IndexedBlock, RegistryEntry
from governance.permissions import services, tufrepo
from tests.chain.world import World
from tests.factories import InstitutionFactory, NetworkFactory, NodeFactory

PASSPHRASE = b"a passphrase for the length of one measurement"
CHEAP = {"time_cost": 1, "memory_cost": 1024, "parallelism": 1}
SEALER = 2
BANKS = 80
FIRST_ADDRESS = int(ipaddress.IPv4Address("127.64.0.1"))  # an agent's own, one for each


@dataclass(frozen=True)
class Town:
    """Where everything lies, and who is there."""

    home: Path
    world: World
    banks: list[Institution]
    authority: Authority
    signer: ec.EllipticCurvePrivateKey

    def network(self, slug: str, count: int, *, first: int, agent_port: int) -> list[dict[str, str]]:
        """A network of ``count`` listed nodes, numbered from ``first``; what their agents need to know."""
        network = NetworkFactory(slug=slug)
        nodes = Node.objects.bulk_create(
            (self._node(network, number, agent_port) for number in range(first, first + count)),
            batch_size=2000,
        )
        self._admit(nodes)
        kits = self._certify(nodes)
        services.keep_permits()
        return kits

    def _node(self, network: Network, number: int, agent_port: int) -> Node:
        address = ipaddress.IPv4Address(FIRST_ADDRESS + number)
        return NodeFactory.build(
            institution=self.banks[number % len(self.banks)],
            network=network,
            name=f"node-{number}",
            consensus_id=_consensus_id(),
            host=f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}",
            push_url=f"https://{address}:{agent_port}/" if agent_port else "",
        )

    def _admit(self, nodes: list[Node]) -> None:
        RegistryEntry.objects.bulk_create(
            (
                RegistryEntry(
                    **self.changed(), network=node.network_id, consensus_id=node.consensus_id,
                    member_id=node.institution.uscc, role=SEALER,
                )
                for node in nodes
            ),
            batch_size=2000,
        )  # fmt: skip

    def decided(self, node: Node, role: int) -> None:
        """A role that members gave ``node``: carried out in the name of the timelock, mined, not indexed."""
        timelock = self.world.ledger.timelock
        self.world.rpc("anvil_impersonateAccount", timelock)
        call = self.world.registry.functions.setRole(
            contracts.network_bytes(node.network_id),
            bytes.fromhex(node.consensus_id),
            contracts.member_id_bytes(node.institution.uscc),
            role,
        )
        sent = call.transact({"from": timelock, "gasPrice": 0})  # type: ignore[typeddict-item]
        if self.world.client.eth.wait_for_transaction_receipt(sent)["status"] != 1:
            raise RuntimeError("the registry refused the role")

    def changed(self) -> dict[str, Any]:
        head = IndexedBlock.objects.latest("number")
        return {
            "ledger": self.world.ledger, "block": head.number, "block_time": head.timestamp,
            "tx_hash": head.hash,
        }  # fmt: skip

    def _certify(self, nodes: list[Node]) -> list[dict[str, str]]:
        """Certificates by the alliance's CA key, without the rest of issuing: that has a bench of its own."""
        now = clock.now().replace(microsecond=0)
        issuer = x509.load_der_x509_certificate(bytes(self.authority.der))
        made = [_certificate(node, issuer, self.signer, now) for node in nodes]
        serials = [building.serial_text(certificate.serial_number) for _, certificate in made]
        SerialNumber.objects.bulk_create(
            (SerialNumber(serial=text, authority=self.authority, allocated_at=now) for text in serials),
            batch_size=2000,
        )
        Certificate.objects.bulk_create(
            (
                _row(node, self.authority, serial, certificate)
                for node, serial, (_, certificate) in zip(nodes, serials, made, strict=True)
            ),
            batch_size=2000,
        )
        chain = issuer.public_bytes(serialization.Encoding.PEM)
        return [
            self._kit(node, key, certificate, chain)
            for node, (key, certificate) in zip(nodes, made, strict=True)
        ]

    def _kit(self, node: Node, key: Any, certificate: x509.Certificate, chain: bytes) -> dict[str, str]:
        place = self.home / "agents" / f"{node.pk}.pem"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
            + chain
        )
        host = node.push_url.removeprefix("https://").partition(":")[0]
        return {"node": str(node.pk), "network": node.network_id, "address": host, "pem": str(place)}


@contextmanager
def town() -> Iterator[Town]:
    """Authorities, list keys and eighty members, in folders of this measurement's own."""
    with tempfile.TemporaryDirectory(prefix="console-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # nginx's workers read what is served
        (home / "passphrase").write_bytes(PASSPHRASE + b"\n")
        anvil = EmbeddedLedger(home / "ledger")
        with (
            anvil as url,
            override_settings(
                KEY_DIR=home / "keys",
                PKI_DIR=home / "pki",
                TUF_DIR=home / "tuf",
                LEDGER_URL=url,
                SIGNING_PASSPHRASE_FILE=str(home / "passphrase"),
                RELAY_PASSPHRASE_FILE=str(home / "passphrase"),
            ),
        ):
            yield _founded(home, anvil)


def _founded(home: Path, anvil: EmbeddedLedger) -> Town:
    signer = ec.generate_private_key(ec.SECP256R1())
    keys.seal("root", ec.generate_private_key(ec.SECP384R1()), PASSPHRASE, cost=CHEAP)
    keys.seal("nodes", signer, PASSPHRASE, cost=CHEAP)
    for name in ("access", "lists"):
        keys.seal(name, ec.generate_private_key(ec.SECP256R1()), PASSPHRASE, cost=CHEAP)
    authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now(), cost=CHEAP)
    console_certificates.ensure_gateway(["localhost", "127.0.0.1"], passphrase=PASSPHRASE)
    banks = [InstitutionFactory(admitted=True, voting=True) for _ in range(BANKS)]
    world = World(anvil, home / "passphrase")
    world.found()
    outbox.drain("default")  # who has a seat now is a member
    return Town(home, world, banks, Authority.objects.get(key_name="nodes"), signer)


def publish(network: str) -> None:
    """Compile and publish what is due, in this process."""
    services.compile_epoch(Network.objects.get(pk=network), cause="bench")
    services.publish()


def _consensus_id() -> str:
    """A point of the curve, as lists are held against its equation."""
    point = ec.generate_private_key(ec.SECP256K1()).public_key()
    encoded = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return encoded[1:].hex()


def _certificate(
    node: Node, issuer: x509.Certificate, signer: ec.EllipticCurvePrivateKey, now: Any
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(building.node_urn(node))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node.name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(building.new_serial())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=300))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    return key, builder.sign(signer, hashes.SHA256())


def _row(node: Node, authority: Authority, serial: str, certificate: x509.Certificate) -> Certificate:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return Certificate(
        serial_id=serial, authority=authority, institution=node.institution, node=node, profile="evm-node",
        der=der, fingerprint_sha256=hashlib.sha256(der).hexdigest(), spki_sha256=serial,
        subject=f"CN={node.name}", not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc, issued_at=clock.now(),
    )  # fmt: skip


def write_kits(path: Path, kits: list[dict[str, str]], **more: Any) -> Path:
    """What a process that plays agents reads."""
    path.write_text(json.dumps({"agents": kits, "ca": str(settings.PKI_DIR / "chain.pem"), **more}))
    return path
