"""The permission lists that followed on a proposal's execution, and who acknowledged them."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from tuf.api.metadata import Metadata, Targets  # type: ignore[attr-defined]

from consortium.members.models import Node
from governance.chain import calls
from governance.chain.errors import UnknownCall
from governance.chain.models import OnChainProposal
from governance.permissions.models import Acknowledgement, Delivery, Epoch
from governance.permissions.repository.roles import role_of
from governance.proposals import facts
from governance.proposals.models import Proposal
from governance.verify.lists import FILE


@dataclass(frozen=True)
class Followed:
    """A list as the bundle has it, and what nodes said of it."""

    document: dict[str, Any]
    acknowledgements: list[dict[str, Any]] = field(default_factory=list)


def following(proposal: Proposal, row: OnChainProposal) -> list[Followed]:
    """For each network that the proposal touches, the first published list made after its execution."""
    if row.executed_at is None or not row.executed_tx:
        return []
    found = []
    for network in sorted(_networks(proposal)):
        epoch = _epoch(network, row)
        document = None if epoch is None else _document(epoch)
        if epoch is not None and document is not None:
            found.append(Followed(document, _acknowledged(epoch)))
    return found


@dataclass(frozen=True)
class Applied:
    """How far a network's nodes are with the list that followed; ``epoch`` is None while there is none."""

    network: str
    epoch: int | None = None
    applied: int = 0
    nodes: int = 0


def applied(proposal: Proposal) -> list[Applied]:
    """For each network that an executed proposal touches."""
    row = facts.read_one(proposal).on_ledger
    if row is None or row.executed_at is None:
        return []
    return [_applied(network, _epoch(network, row)) for network in sorted(_networks(proposal))]


def _applied(network: str, epoch: Epoch | None) -> Applied:
    if epoch is None:
        return Applied(network)
    listed = Delivery.objects.filter(node__in=epoch.members.values("node"))
    done = listed.filter(applied_epoch__gte=epoch.number).count()
    return Applied(network, epoch.number, done, epoch.node_count)


def _networks(proposal: Proposal) -> set[str]:
    """Those that any call names, and those where an institution has nodes about whose seat any call is."""
    named, members = set(), set()
    for target, data in zip(proposal.targets, proposal.calldatas, strict=True):
        try:
            _name, arguments = calls.decode(calls.Call(target, 0, data))
        except (UnknownCall, ValueError):
            continue
        named |= {arguments["network"]} if "network" in arguments else set()
        if target == proposal.ledger.seats and "memberId" in arguments:
            members.add(arguments["memberId"])
    nodes = Node.objects.filter(institution__uscc__in=members)
    return named | set(nodes.values_list("network_id", flat=True))


def _epoch(network: str, row: OnChainProposal) -> Epoch | None:
    epochs = Epoch.objects.filter(network=network, published_at__isnull=False, block__gte=row.block)
    exact = epochs.filter(tx_hash=row.executed_tx).order_by("number").first()
    later = epochs.filter(effective_at__gte=row.executed_at).order_by("number").first()
    return exact or later


def _document(epoch: Epoch) -> dict[str, Any] | None:
    file = epoch.files.filter(path=FILE).first()
    signed = _signed(epoch)
    if file is None or signed is None:
        return None
    return {
        "network": epoch.network_id,
        "epoch": epoch.number,
        "roots": [json.loads(path.read_bytes()) for path in _versions("root")],
        **signed,
        "permissions": bytes(file.content).decode(),
    }


def _signed(epoch: Epoch) -> dict[str, Any] | None:
    """The signed metadata that name this very list, and those that say who may sign them.

    None where they were cleared away. Lists from before networks had roles of their own have no delegation.
    """
    role = role_of(epoch.network_id)
    own = _naming(epoch, role)
    if own is None:
        flat = _naming(epoch, "targets")
        return None if flat is None else {"targets": flat}
    for path in reversed(_versions("targets")):
        document = path.read_bytes()
        delegated = Metadata[Targets].from_bytes(document).signed.delegations
        if delegated and role in (delegated.roles or {}) and _vouches(document, role, own):
            return {"delegation": json.loads(document), "targets": own}
    return None


def _naming(epoch: Epoch, role: str) -> dict[str, Any] | None:
    """The newest of a role's metadata that name the epoch's file."""
    wanted = f"{epoch.network_id}/{FILE}"
    for path in reversed(_versions(role)):
        metadata: dict[str, Any] = json.loads(path.read_bytes())
        described = metadata["signed"]["targets"].get(wanted, {}).get("custom", {})
        if described.get("epoch") == epoch.number:
            return metadata
    return None


def _vouches(above: bytes, role: str, own: dict[str, Any]) -> bool:
    """Did the network's key that this delegation names sign ``own``? Another generation may have."""
    made = Metadata[Targets].from_dict(copy.deepcopy(own))
    signed = Metadata[Targets].from_bytes(above).signed
    return bool(signed.get_verification_result(role, made.signed_bytes, made.signatures))


def _versions(role: str) -> list[Path]:
    """Files of a role's metadata, the first version first."""
    found = (Path(settings.TUF_DIR) / "metadata").glob(f"*.{role}.json")
    return sorted(found, key=lambda path: int(path.name.split(".")[0]))


def _acknowledged(epoch: Epoch) -> list[dict[str, Any]]:
    """One a node: that it has this list in force."""
    rows = Acknowledgement.objects.filter(node__network=epoch.network_id, epoch=epoch.number, matches=True)
    by_node = {row.node.consensus_id: row for row in rows.select_related("node").order_by("-id")}
    return [
        {
            "network": epoch.network_id,
            "epoch": epoch.number,
            "consensus_id": consensus_id,
            "format": row.format,
            "sha256": row.sha256,
        }
        for consensus_id, row in sorted(by_node.items())
    ]
