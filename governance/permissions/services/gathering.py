"""What a network's list follows from: the ledger's word as of one block, endpoints, certificates.

Each in a constant number of queries, however many nodes there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from certs import selectors as certs
from certs.choices import Profile
from certs.models import Certificate
from consortium.core import clock, outbox
from consortium.members.models import Network, Node, NodeAddress
from governance.chain import selectors as chain
from governance.permissions import rules

_TRIES = 20  # a try takes milliseconds; the indexer commits a few times a second while it catches up
_SM_LAST = {Profile.FISCO_BCOS_3_SM.value: 1, Profile.FISCO_BCOS_3_SM_ENC.value: 2}


@dataclass(frozen=True)
class Inputs:
    """What an epoch is computed from, read at one time."""

    state: rules.DesiredState
    block: int
    tx_hash: str


def read(network: Network) -> Inputs:
    """The network's desired state now. Raises NoLedger."""
    facts, block, tx_hash = _ledger(network)
    return Inputs(rules.desired(facts, endpoints(network), keys(network)), block, tx_hash)


def _ledger(network: Network) -> tuple[rules.Facts, int, str]:
    """The registry and the seats as of one block, though the indexer may commit between two queries.

    It commits blocks and what they changed together: under an unchanged head nothing has changed. Holding
    its lock instead would make a revocation wait for as long as a rebuild takes.
    """
    for _ in range(_TRIES):
        head = chain.head()
        facts = ledger_facts(network)
        tx_hash = chain.last_registry_change(network.pk)
        if chain.head() == head:
            return facts, head.block, tx_hash
    raise outbox.Later(1, "the ledger's tables changed at every attempt to read them")


def ledger_facts(network: Network) -> rules.Facts:
    """Roles, freezes, accounts and seats as they are projected now."""
    stopped = chain.frozen(network.pk, clock.now())
    entries: dict[bool, list[rules.Entry]] = {False: [], True: []}
    for entry in map(rules.Entry._make, chain.roles(network.pk)):
        entries[entry.consensus_id in stopped].append(entry)
    return rules.Facts(
        entries=tuple(entries[False]),
        frozen=tuple(entries[True]),
        permissions=tuple(
            rules.Permission(row.address, row.member_id, row.permission) for row in chain.accounts(network.pk)
        ),
        active_members=frozenset(chain.active_member_ids()),
    )


def endpoints(network: Network) -> list[rules.Endpoint]:
    """The network's nodes that are in service."""
    further = _further_addresses(network)
    return [
        rules.Endpoint(
            node_id=str(pk),
            name=f"{institution}/{name}",
            member_id=uscc,
            consensus_id=consensus_id,
            software=software,
            software_version=version,
            host=host,
            port=port,
            addresses=tuple(further.get(pk, ())),
            discovery_port=discovery_port,
            raft_port=raft_port,
            is_bootnode=is_bootnode,
        )
        for (
            pk, institution, name, uscc, consensus_id, software, version, host, port,
            discovery_port, raft_port, is_bootnode,
        ) in _in_service(network).values_list(
            "pk", "institution__short_name", "name", "institution__uscc", "consensus_id", "software",
            "software_version", "host", "port", "discovery_port", "raft_port", "is_bootnode",
        )
    ]  # fmt: skip


def _in_service(network: Network) -> QuerySet[Node]:
    return Node.objects.filter(network=network, retired_at__isnull=True).order_by("pk")


def _further_addresses(network: Network) -> dict[object, list[rules.Address]]:
    rows = NodeAddress.objects.filter(node__in=_in_service(network).order_by()).order_by("node", "position")
    found: dict[object, list[rules.Address]] = defaultdict(list)
    for node_id, host, port in rows.values_list("node_id", "host", "port"):
        found[node_id].append(rules.Address(host, port))
    return found


def keys(network: Network) -> rules.Keys:
    """Of each node its newest valid certificate and the ids of all; and what was taken back before its end.

    A pair of 国密 that is asked for beside another certificate must not take that one's place.
    """
    now = clock.now()
    valid = certs.valid_certificates(now).filter(node__network=network).order_by("-issued_at", "pk")
    newest: dict[str, tuple[int, rules.Credential]] = {}
    ids: dict[str, list[rules.TlsIds]] = defaultdict(list)
    for node_id, serial, profile, tls_id, public_key, not_after in valid.values_list(
        "node_id", "serial_id", "profile", "tls_id", "public_key_hex", "not_after"
    ):
        key, rank = str(node_id), _SM_LAST.get(profile, 0)
        ids[key].append(_ids(profile, tls_id, public_key))
        if key not in newest or rank < newest[key][0]:
            newest[key] = (rank, rules.Credential(serial, tls_id, not_after))
    return rules.Keys(
        valid={
            key: rules.Credential(one.serial, one.tls_id, one.not_after, _together(ids[key]))
            for key, (_rank, one) in newest.items()
        },
        revoked=_taken_back(network),
    )


def _taken_back(network: Network) -> rules.TlsIds:
    now = clock.now()
    rows = Certificate.objects.filter(node__network=network, not_before__lte=now, not_after__gte=now)
    rows = rows.filter(Q(revocation__isnull=False) | Q(certs.on_hold()))
    return _together(_ids(*row) for row in rows.values_list("profile", "tls_id", "public_key_hex"))


def _ids(profile: str, tls_id: str, public_key: str) -> rules.TlsIds:
    """What FISCO BCOS knows a certificate's holder by; of the SM pair that is the one that signs."""
    return rules.TlsIds(
        rsa=(tls_id,) if tls_id else (),
        secp256k1=(public_key,) if profile == Profile.FISCO_BCOS_2 and public_key else (),
        sm2=(public_key,) if profile == Profile.FISCO_BCOS_3_SM and public_key else (),
    )


def _together(found: Iterable[rules.TlsIds]) -> rules.TlsIds:
    rsa: list[str] = []
    secp256k1: list[str] = []
    sm2: list[str] = []
    for ids in found:
        rsa += ids.rsa
        secp256k1 += ids.secp256k1
        sm2 += ids.sm2
    return rules.TlsIds(tuple(rsa), tuple(secp256k1), tuple(sm2))
