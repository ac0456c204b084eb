"""A small alliance whose lists are signed, served and applied: rows, keys, a real gateway, real agents."""

from __future__ import annotations

import itertools
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.db import connection, transaction

from certs import issuing
from certs import selectors as certs
from certs import services as certificates
from certs.models import Certificate
from consortium.core import clock, events, outbox
from consortium.members.models import Institution, Network, Node, User
from consortium.stack import child
from governance.chain import contracts
from governance.chain.models import ChainEvent, IndexedBlock, Ledger, RegistryEntry, Seat
from governance.permissions.models import Delivery, Epoch
from tests.certs.openssl import Workstation
from tests.factories import InstitutionFactory, NetworkFactory, NodeFactory, UserFactory, voter

PROJECT = Path(__file__).resolve().parent.parent.parent
LIMIT = 60.0  # seconds; generous, only what hangs meets it
OBSERVER, SEALER = 1, 2


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds."""
    assert child.wait_until(condition, time.monotonic() + LIMIT), f"never came true: {what}"


@dataclass
class World:
    """What the tests' sentences are made of."""

    home: Path
    secretary: User
    workstation: Workstation
    ledger: Ledger
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    gateway_url: str = ""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # --- Members, nodes, certificates ------------------------------------------------------------------
    def member(self, name: str) -> Institution:
        """An active member with a seat."""
        bank = InstitutionFactory(active=True, short_name=name)
        UserFactory(institution=bank)
        Seat.objects.create(
            **self._changed(),
            member_id=bank.uscc,
            category_number=bank.category.number,
            voting_address=voter(next(self._numbers)).address,
            status=Seat.Status.ACTIVE,
        )
        return bank

    def node(self, name: str, network: str = "settlement", **values: Any) -> Node:
        """A node of a new member, named ``bank/node``, with no role and no certificate yet."""
        bank, _, short = name.partition("/")
        institution = Institution.objects.filter(short_name=bank).first() or self.member(bank)
        return NodeFactory(
            institution=institution, name=short, network=NetworkFactory(slug=network), **values
        )

    def certify(self, node: Node, kind: str = "p256") -> Certificate:
        """From openssl's key and request to the certificate, by the services."""
        key = self.workstation.key(kind)
        request = certificates.submit_request(
            node=node,
            profile="fisco-bcos-3" if kind == "rsa2048" else "evm-node",
            csr=self.workstation.request(key=key),
            actor=node.institution.officers.get(),
        )
        certificates.approve_request(request, actor=self.secretary)
        made = issuing.issue(request.pk)
        assert made is not None
        folder = self.folder(node)
        (folder / "node.key").write_bytes(key.read_bytes())
        (folder / "node.crt").write_text(certs.chain_pem(made))
        return made

    def revoke(self, certificate: Certificate) -> None:
        certificates.revoke(
            certificate, reason="keyCompromise", comment="the disk was stolen", actor=self.secretary
        )

    def folder(self, node: Node) -> Path:
        """The node's own machine."""
        path = self.home / "nodes" / f"{node.institution.short_name}-{node.name}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    # --- The ledger's word -----------------------------------------------------------------------------
    def role(self, node: Node, role: int = SEALER) -> None:
        """The registry gives a role, or none (0), as the indexer would record it."""
        key = {"ledger": self.ledger, "network": node.network_id, "consensus_id": node.consensus_id}
        changed = {**self._changed(), "member_id": node.institution.uscc}
        with transaction.atomic():
            if role:
                entry, _ = RegistryEntry.objects.update_or_create(**key, defaults={**changed, "role": role})
            else:
                entry = RegistryEntry.objects.get(**key)
                RegistryEntry.objects.filter(pk=entry.pk).delete()
            self._log(node, role, changed)
            events.record(
                "registry.changed",
                entry,
                actor=events.INDEXER,
                network=node.network_id,
                role=role,
                consensus_id=node.consensus_id,
                block=changed["block"],
                tx_hash=changed["tx_hash"],
            )

    def freeze(self, node: Node, until: datetime | None, *, ratified: bool = False) -> None:
        """The guardians freeze a node, the members ratify that, or end it (no ``until``)."""
        entry = RegistryEntry.objects.get(network=node.network_id, consensus_id=node.consensus_id)
        entry.frozen_until, entry.freeze_ratified = until, ratified
        action = "registry.freeze_ratified" if ratified else "registry.frozen"
        with transaction.atomic():
            entry.save()
            events.record(
                action if until else "registry.thawed",
                entry,
                actor=events.INDEXER,
                network=node.network_id,
                frozen_until=until.isoformat() if until else None,
                freeze_ratified=ratified,
            )

    def _log(self, node: Node, role: int, changed: dict[str, Any]) -> None:
        ChainEvent.objects.create(
            ledger=self.ledger,
            block=changed["block"],
            block_hash=changed["tx_hash"],
            block_time=changed["block_time"],
            log_index=0,
            tx_hash=changed["tx_hash"],
            contract=self.ledger.registry,
            name="NodeRoleChanged",
            about=f"node:{node.network_id}:{node.consensus_id}",
            args={"network": "0x" + contracts.network_bytes(node.network_id).hex(), "role": role},
        )

    def suspend(self, bank: Institution) -> None:
        """The ledger suspends a seat."""
        with transaction.atomic():
            seat = Seat.objects.get(member_id=bank.uscc)
            seat.status = Seat.Status.SUSPENDED
            seat.save()
            events.record("seat.changed", seat, actor=events.INDEXER)

    def _changed(self) -> dict[str, Any]:
        number = next(self._numbers)
        IndexedBlock.objects.create(
            ledger=self.ledger, number=number, hash=f"0x{number:064x}", timestamp=clock.now()
        )
        return {
            "ledger": self.ledger,
            "block": number,
            "block_time": clock.now(),
            "tx_hash": f"0x{number:064x}",
        }

    def admitted(self, name: str, *, role: int = SEALER, kind: str = "p256", **values: Any) -> Node:
        """A node with role and certificate."""
        node = self.node(name, **values)
        self.certify(node, kind)
        self.role(node, role)
        return node

    # --- Work ------------------------------------------------------------------------------------------
    def work(self) -> None:
        """Do what the outbox owes, in this process, until nothing is due."""
        while sum(outbox.drain(queue) for queue in ("default", "signing", "push")):
            pass

    def published(self, network: str = "settlement") -> Epoch:
        found = Epoch.objects.filter(network=network, published_at__isnull=False).order_by("-number").first()
        assert found is not None, "nothing is published"
        return found

    def content(self, path: str, network: str = "settlement") -> bytes:
        """A file of the newest epoch."""
        epoch = Epoch.objects.filter(network=network).order_by("-number").first()
        assert epoch is not None
        return bytes(epoch.files.get(path=path).content)

    def listed(self, network: str = "settlement") -> set[str]:
        """Names of the nodes in the newest epoch."""
        return {node["name"] for node in json.loads(self.content("permissions.json", network))["nodes"]}

    # --- Processes -------------------------------------------------------------------------------------
    def environment(self, **more: str) -> dict[str, str]:
        """For a process of the console's: this test's database and directories."""
        return {
            **os.environ,
            "DATABASE_URL": database_url(),
            "KEY_DIR": str(settings.KEY_DIR),
            "PKI_DIR": str(settings.PKI_DIR),
            "TUF_DIR": str(settings.TUF_DIR),
            "SIGNING_PASSPHRASE_FILE": str(settings.SIGNING_PASSPHRASE_FILE),
            **more,
        }

    def start(self, *argv: str, env: dict[str, str] | None = None, log: str) -> subprocess.Popen[bytes]:
        popen = child.spawn([sys.executable, *argv], log=self.home / log, env=env, cwd=PROJECT)
        self.processes.append(popen)
        return popen

    def start_gateway(self, **more: str) -> subprocess.Popen[bytes]:
        """gunicorn as it runs in production, once it answers; ``gateway_url`` is where."""
        port = child.free_port()
        popen = self.start(
            *("-m", "gunicorn", "-c", "python:consortium.gateway_conf"),
            env=self.environment(GATEWAY_PORT=str(port), SIGNING_PASSPHRASE_FILE="", **more),
            log="gateway.log",
        )
        self.gateway_url = f"https://localhost:{port}"
        # Listening is not enough: gunicorn binds the port long before a worker has loaded the application.
        eventually(lambda: self._answers() or popen.poll() is not None, "the gateway answers")
        assert popen.poll() is None, (self.home / "gateway.log").read_text()
        return popen

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                client.get("/")
        except httpx.TransportError:
            return False
        return True

    def client(self, node: Node | None = None, **options: Any) -> httpx.Client:
        """A client with the node's certificate, or with none."""
        context = ssl.create_default_context(cafile=str(settings.PKI_DIR / "chain.pem"))
        if node is not None:
            context.load_cert_chain(self.folder(node) / "node.crt", self.folder(node) / "node.key")
        return httpx.Client(
            base_url=self.gateway_url, verify=context, trust_env=False, timeout=LIMIT, **options
        )

    def configure(self, node: Node, *targets: str, listen: int = 0, **values: Any) -> Path:
        """The agent's configuration for a node; the files go to ``<folder>/<basename>``."""
        folder = self.folder(node)
        (folder / "root.json").write_bytes((settings.TUF_DIR / "root.json").read_bytes())
        (folder / "ca.pem").write_bytes((settings.PKI_DIR / "chain.pem").read_bytes())
        words = {
            "gateway": self.gateway_url,
            "ca_file": "ca.pem",
            "certificate_file": "node.crt",
            "key_file": "node.key",
            "trusted_root": "root.json",
            "network": node.network_id,
            "state_dir": "state",
            **({"listen": f"127.0.0.1:{listen}"} if listen else {}),
            **values,
        }
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in words.items())
        for target in targets or ("permissions.json",):
            text += f'[[file]]\ntarget = "{target}"\npath = "{Path(target).name}"\n'
        (folder / "agent.toml").write_text(text)
        return folder / "agent.toml"

    def agent_once(self, node: Node) -> subprocess.CompletedProcess[str]:
        """One round of the node's agent."""
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "governance.agent",
                "--once",
                "--config",
                self.folder(node) / "agent.toml",
            ],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )

    def start_agent(self, node: Node) -> subprocess.Popen[bytes]:
        """The node's agent, until the test ends."""
        config = str(self.folder(node) / "agent.toml")
        return self.start("-m", "governance.agent", "--config", config, log=f"agent-{node.name}.log")

    def with_push(self, node: Node, *targets: str, **values: Any) -> Node:
        """Configure the node's agent to listen, tell the console where, and start it."""
        port = child.free_port()
        node.push_url = f"https://127.0.0.1:{port}/"
        node.save()
        self.configure(node, *targets, listen=port, **{"poll_seconds": 3600, **values})
        self.start_agent(node)
        eventually(lambda: child.listening(port), f"{node} listens")
        return node

    def applied(self, node: Node) -> int:
        """The epoch that the console believes the node has in force."""
        return Delivery.objects.filter(node=node).values_list("applied_epoch", flat=True).first() or 0

    def in_force(self, node: Node, name: str = "permissions.json") -> bytes:
        """What the node would read."""
        return (self.folder(node) / name).read_bytes()

    def close(self) -> None:
        for popen in self.processes:
            if popen.poll() is None:
                popen.send_signal(signal.SIGCONT)
            child.stop(popen)


def database_url() -> str:
    """The test database as an address for other processes."""
    found = connection.settings_dict
    host = found["HOST"]
    login = f"{found['USER']}:{found['PASSWORD']}" if found["PASSWORD"] else found["USER"]
    if host.startswith("/"):
        return f"postgresql://{login}@/{found['NAME']}?host={host}"
    return f"postgresql://{login}@{host}:{found['PORT']}/{found['NAME']}"


def network(slug: str = "settlement") -> Network:
    return NetworkFactory(slug=slug)
