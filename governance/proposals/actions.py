"""From a proposal to the calls that the governor carries out, and the description that goes with them."""

from __future__ import annotations

import hashlib

from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.models import RegistryEntry
from governance.proposals import rules
from governance.proposals.models import Kind, Proposal

_NODE_KINDS = frozenset({Kind.ADMIT_NODE, Kind.CHANGE_ROLE, Kind.REMOVE_NODE})
_ROLE_KINDS = frozenset({Kind.ADMIT_NODE, Kind.CHANGE_ROLE})


def concerns_node(kind: str) -> bool:
    return kind in _NODE_KINDS


def needs_role(kind: str) -> bool:
    return kind in _ROLE_KINDS


def compile_into(proposal: Proposal) -> None:
    """Set what goes on chain (calls, description, id) from the proposal's subject as it is now; not saved."""
    actions = _actions(proposal)
    proposal.text_sha256 = hashlib.sha256(proposal.text.encode()).hexdigest()
    proposal.description = rules.description(
        number=proposal.number,
        kind=proposal.kind,
        subject=_subject(proposal),
        text_sha256=proposal.text_sha256,
        chain_id=proposal.ledger.chain_id,
        governor=proposal.ledger.governor,
        proposer=proposal.ledger.relay_address,
    )
    proposal.targets = [call.target for call in actions]
    proposal.values = [call.value for call in actions]
    proposal.calldatas = [call.data for call in actions]
    proposal.chain_proposal_id = str(calls.proposal_id(actions, proposal.description))


def calls_of(proposal: Proposal) -> list[Call]:
    """The frozen calls of a proposal."""
    content = zip(proposal.targets, proposal.values, proposal.calldatas, strict=True)
    return [Call(target, value, data) for target, value, data in content]


def _actions(proposal: Proposal) -> list[Call]:
    ledger, uscc = proposal.ledger, proposal.institution.uscc
    match proposal.kind:
        case Kind.ADMIT_INSTITUTION:
            number = proposal.institution.category.number
            voter = proposal.institution.voting_address or ""
            return [calls.grant_seat(ledger, uscc=uscc, category=number, voter=voter)]
        case Kind.SUSPEND:
            return [calls.suspend_seat(ledger, uscc=uscc)]
        case Kind.REINSTATE:
            return [calls.reinstate_seat(ledger, uscc=uscc)]
        case Kind.EXPEL:
            return [*_removals(proposal), calls.revoke_seat(ledger, uscc=uscc)]
        case _:
            return [_node_action(proposal)]


def _removals(proposal: Proposal) -> list[Call]:
    """All nodes of the institution leave first: no node may stay whose member is gone."""
    entries = RegistryEntry.objects.filter(
        ledger=proposal.ledger, member_id=proposal.institution.uscc
    ).order_by("network", "consensus_id")
    return [
        calls.remove_node(proposal.ledger, network=entry.network, consensus_id=entry.consensus_id)
        for entry in entries
    ]


def _node_action(proposal: Proposal) -> Call:
    node = proposal.node
    if node is None:
        raise TypeError(f"proposal {proposal.pk} of kind {proposal.kind} without a node")
    if proposal.kind == Kind.REMOVE_NODE:
        return calls.remove_node(proposal.ledger, network=node.network_id, consensus_id=node.consensus_id)
    return calls.set_role(
        proposal.ledger,
        network=node.network_id,
        consensus_id=node.consensus_id,
        uscc=proposal.institution.uscc,
        role=proposal.node_role or 0,
    )


def _subject(proposal: Proposal) -> str:
    """Who or what it is about, in ASCII and the same in every language."""
    institution = f"{proposal.institution.uscc} ({proposal.institution.short_name})"
    if proposal.node is None:
        return institution
    node = proposal.node
    role = f" as {RegistryEntry.NodeRole(proposal.node_role).name.lower()}" if proposal.node_role else ""
    return f"node {node.name} of {institution} in {node.network_id}{role}, id {node.consensus_id}"
