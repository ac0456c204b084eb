"""From registry, seats, certificates and endpoints to a new epoch."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from certs import selectors as certs
from consortium.core import clock, events, outbox
from consortium.members.models import Network, Node
from governance.chain import selectors as chain
from governance.permissions import rules, topics
from governance.permissions.models import Epoch, EpochFile, EpochMember
from governance.permissions.services import holding

_TRIES = 20  # a try takes milliseconds; the indexer commits a few times a second while it catches up


@dataclass(frozen=True)
class _LedgerFacts:
    """What the ledger says of one network as of ``block``."""

    block: int
    entries: list[rules.Entry]
    active: set[str]  # USCCs
    tx_hash: str


@dataclass(frozen=True)
class Inputs:
    """What an epoch is computed from, read at one time."""

    nodes: tuple[rules.ListedNode, ...]
    block: int
    tx_hash: str


def compile_epoch(network: Network, *, cause: str) -> Epoch | None:
    """Write the next epoch of ``network``; None when the list is what it was.

    No first epoch is written for a network in which nobody may take part yet: an agent beside a node that
    already runs would only lock it out.
    """
    with transaction.atomic():
        network = Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        inputs = _read(network)
        content = rules.content_hash(network.pk, inputs.nodes)
        last = Epoch.objects.filter(network=network).order_by("-number").first()
        if not _is_due(last, inputs, content):
            return None
        found = holding.look(network, inputs.nodes, inputs.block)
        epoch = _create(network, (last.number if last else 0) + 1, inputs, content, cause)
        events.record(
            "epoch.compiled",
            epoch,
            actor=events.CLOCK,
            reason=cause,
            network=network.pk,
            epoch=epoch.number,
            nodes=epoch.node_count,
            block=epoch.block,
            tx_hash=epoch.tx_hash,
        )
        holding.hold(epoch, found)
        outbox.enqueue(topics.PUBLISH, key="repository")
    return epoch


def recheck(network: Network) -> bool:
    """Owe a compilation when the list would differ from the last epoch; True if so.

    Certificates expire without an event: this is what notices.
    """
    inputs = _read(network)
    last = Epoch.objects.filter(network=network).order_by("-number").first()
    due = _is_due(last, inputs, rules.content_hash(network.pk, inputs.nodes))
    if due:
        with transaction.atomic():
            topics.want_compile(network.pk, "regular check")
    return due


def _is_due(last: Epoch | None, inputs: Inputs, content: str) -> bool:
    if last is None:
        return bool(inputs.nodes)
    return last.content_sha256 != content or holding.may_go_now(last, inputs.nodes, inputs.block)


def _read(network: Network) -> Inputs:
    ledger = _read_ledger(network)
    nodes = rules.listed(ledger.entries, endpoints(network), credentials(network), ledger.active)
    return Inputs(nodes, ledger.block, ledger.tx_hash)


def _read_ledger(network: Network) -> _LedgerFacts:
    """The registry and the seats as of one block, though the indexer may commit between two queries.

    It commits blocks and what they changed together: under an unchanged head nothing has changed. Holding
    its lock instead would make a revocation wait for as long as a rebuild takes.
    """
    for _ in range(_TRIES):
        head = chain.head()
        entries = [
            rules.Entry(row.consensus_id, row.member_id, row.role)
            for row in chain.admitted(network.pk, clock.now())
        ]
        active = set(chain.active_member_ids())
        tx_hash = chain.last_registry_change(network.pk)
        if chain.head() == head:
            return _LedgerFacts(head.block, entries, active, tx_hash)
    raise outbox.Later(1, "the ledger's tables changed at every attempt to read them")


def credentials(network: Network) -> dict[str, rules.Credential]:
    """Valid certificates of the network's nodes, by node."""
    return {
        str(node_id): rules.Credential(certificate.serial_id, certificate.tls_id, certificate.not_after)
        for node_id, certificate in certs.valid_node_certificates(network, clock.now()).items()
    }


def endpoints(network: Network) -> list[rules.Endpoint]:
    """The network's nodes that are in service."""
    nodes = Node.objects.filter(network=network, retired_at__isnull=True).select_related("institution")
    return [
        rules.Endpoint(
            node_id=str(node.pk),
            name=str(node),
            member_id=node.institution.uscc,
            consensus_id=node.consensus_id,
            software=node.software,
            software_version=node.software_version,
            host=node.host,
            port=node.port,
        )
        for node in nodes
    ]


def _create(network: Network, number: int, inputs: Inputs, content: str, cause: str) -> Epoch:
    now = clock.now().replace(microsecond=0)
    header = rules.Header(network.pk, number, inputs.block, inputs.tx_hash, now)
    epoch = Epoch.objects.create(
        network=network,
        number=number,
        block=inputs.block,
        tx_hash=inputs.tx_hash,
        effective_at=now,
        content_sha256=content,
        node_count=len(inputs.nodes),
        cause=cause[:200],
        compiled_at=clock.now(),
    )
    EpochFile.objects.bulk_create(
        EpochFile(
            epoch=epoch, format=rules.FORMAT_OF[path], path=path, content=data, sha256=rules.sha256(data)
        )
        for path, data in rules.compile_list(header, inputs.nodes).items()
    )
    roles = {name: number for number, name in rules.ROLES.items()}
    EpochMember.objects.bulk_create(
        EpochMember(epoch=epoch, node_id=node.id, role=roles[node.role]) for node in inputs.nodes
    )
    return epoch
