"""From a proposal to the calls that are carried out, and the description that goes with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from consortium.members.models import Institution
from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.models import Ledger, RegistryEntry
from governance.proposals import charter, constitutional, rules
from governance.proposals.models import Attachment, Kind, Permission, Proposal, ProposalAction

_NODE_KINDS = frozenset(
    {Kind.ADMIT_NODE, Kind.CHANGE_ROLE, Kind.REMOVE_NODE, Kind.THAW_NODE, Kind.RATIFY_FREEZE}
)
_ROLE_KINDS = frozenset({Kind.ADMIT_NODE, Kind.CHANGE_ROLE})
_ADDRESS_KINDS = frozenset({Kind.CHANGE_VOTER, Kind.SET_ACCOUNT})
_ABOUT_NOBODY = constitutional.KINDS | {Kind.CHANGE_RULE}


def concerns_institution(kind: str) -> bool:
    return kind not in _ABOUT_NOBODY


def concerns_node(kind: str) -> bool:
    return kind in _NODE_KINDS


def needs_role(kind: str) -> bool:
    return kind in _ROLE_KINDS


def needs_address(kind: str) -> bool:
    return kind in _ADDRESS_KINDS or constitutional.needs_address(kind)


def rows(proposal: Proposal) -> list[ProposalAction]:
    """What the proposal does, in order. Of one that is not saved yet: what its own fields say."""
    if proposal._state.adding:
        return [single(proposal)]
    related = ("institution__category", "node__institution", "network")
    return list(proposal.actions.select_related(*related)) or [single(proposal)]


def single(proposal: Proposal) -> ProposalAction:
    """The one action that the proposal's own fields describe; not saved."""
    return ProposalAction(
        proposal=proposal,
        position=1,
        kind=proposal.kind,
        institution=proposal.institution,
        node=proposal.node,
        network=proposal.node.network if proposal.node else None,
        node_role=proposal.node_role,
    )


def compile_into(
    proposal: Proposal,
    done: Iterable[ProposalAction] | None = None,
    attached: Iterable[Attachment] | None = None,
) -> None:
    """Set what goes on chain (calls, description, id) from the proposal's subject as it is now; not saved.

    ``done`` and ``attached`` stand in for the rows of one that is not saved yet.
    """
    listed = rows(proposal) if done is None else list(done)
    if attached is None:
        attached = [] if proposal._state.adding else proposal.attachments.all()
    compiled = [call for action in listed for call in _calls(proposal, action)]
    proposal.text_sha256 = hashlib.sha256(proposal.text.encode()).hexdigest()
    proposal.description = rules.description(
        number=proposal.number,
        kind=", ".join(dict.fromkeys(action.kind for action in listed)),
        subjects=[_subject(action) for action in listed],
        text_sha256=proposal.text_sha256,
        attachments=[rules.Attached(one.sha256, one.size, one.name) for one in attached],
        amends=proposal.amends.number if proposal.amends else None,
        chain_id=proposal.ledger.chain_id,
        governor=proposal.ledger.governor,
        proposer=proposal.ledger.relay_address,
    )
    proposal.targets = [call.target for call in compiled]
    proposal.values = [call.value for call in compiled]
    proposal.calldatas = [call.data for call in compiled]
    proposal.chain_proposal_id = str(calls.proposal_id(compiled, proposal.description))


def calls_of(proposal: Proposal) -> list[Call]:
    """The frozen calls of a proposal."""
    content = zip(proposal.targets, proposal.values, proposal.calldatas, strict=True)
    return [Call(target, value, data) for target, value, data in content]


def weightiness(proposal: Proposal) -> rules.Weightiness:
    """Which rule its calls fall under."""
    content = zip(proposal.targets, proposal.calldatas, strict=True)
    ledger = proposal.ledger
    return rules.weightiness(content, seats=ledger.seats, registry=ledger.registry)


def _calls(proposal: Proposal, action: ProposalAction) -> list[Call]:
    ledger = proposal.ledger
    if not concerns_institution(action.kind):
        return _constitutional(ledger, action)
    uscc = _institution(action).uscc
    match action.kind:
        case Kind.ADMIT_INSTITUTION:
            number = _institution(action).category.number
            voter = _institution(action).voting_address or ""
            return [calls.grant_seat(ledger, uscc=uscc, category=number, voter=voter)]
        case Kind.SUSPEND:
            return [calls.suspend_seat(ledger, uscc=uscc)]
        case Kind.REINSTATE:
            return [calls.reinstate_seat(ledger, uscc=uscc)]
        case Kind.EXPEL:
            return [*_removals(proposal, uscc), calls.revoke_seat(ledger, uscc=uscc)]
        case Kind.CHANGE_VOTER:
            return [calls.change_voter(ledger, uscc=uscc, voter=action.address)]
        case Kind.SET_ACCOUNT:
            return [_account_action(proposal, action)]
        case _:
            return [_node_action(proposal, action)]


def _constitutional(ledger: Ledger, action: ProposalAction) -> list[Call]:
    """What changes the voting itself."""
    match action.kind:
        case Kind.CHANGE_TERMS:
            return calls.set_terms(ledger, **charter.in_order(action.durations or {}))
        case Kind.CHANGE_GUARDIANS:
            who, agree = action.guardians or [], action.threshold or 0
            return [calls.set_guardians(ledger, guardians=who, threshold=agree)]
        case Kind.NAME_GUARDIAN:
            return calls.name_guardian(ledger, break_glass=action.address)
        case Kind.SET_CONVENER:
            return [calls.set_convener(ledger, convener=action.address)]
        case Kind.SET_PUBLISHER:
            return [calls.set_publisher(ledger, publisher=action.address)]
        case Kind.HAND_OVER:
            return calls.hand_over(ledger, governor=action.address, break_glass=action.break_glass)
        case _:
            rule = rules.Rule.read(action.rule or {})
            shares = {"quorum": rule.quorum, "approval": rule.approval}
            return [calls.set_rule(ledger, kind=action.rule_of or 0, categories=rule.categories, **shares)]


def _removals(proposal: Proposal, uscc: str) -> list[Call]:
    """All nodes of the institution leave first: no node may stay whose member is gone."""
    entries = RegistryEntry.objects.filter(ledger=proposal.ledger, member_id=uscc).order_by(
        "network", "consensus_id"
    )
    return [
        calls.remove_node(proposal.ledger, network=entry.network, consensus_id=entry.consensus_id)
        for entry in entries
    ]


def _account_action(proposal: Proposal, action: ProposalAction) -> Call:
    return calls.set_account(
        proposal.ledger,
        network=str(action.network_id),
        account=action.address,
        uscc=_institution(action).uscc,
        permission=action.permission or 0,
    )


def _node_action(proposal: Proposal, action: ProposalAction) -> Call:
    node, ledger = action.node, proposal.ledger
    if node is None:
        raise TypeError(f"action {action.pk} of kind {action.kind} without a node")
    where = {"network": node.network_id, "consensus_id": node.consensus_id}
    match action.kind:
        case Kind.REMOVE_NODE:
            return calls.remove_node(ledger, **where)
        case Kind.THAW_NODE:
            return calls.thaw_node(ledger, **where)
        case Kind.RATIFY_FREEZE:
            entry = RegistryEntry.objects.get(ledger=ledger, **where)
            return calls.ratify_freeze(ledger, number=entry.freeze_number or 0, **where)
        case _:
            uscc = _institution(action).uscc
            return calls.set_role(ledger, uscc=uscc, role=action.node_role or 0, **where)


def _institution(action: ProposalAction) -> Institution:
    if action.institution is None:
        raise TypeError(f"action {action.pk} of kind {action.kind} without an institution")
    return action.institution


def _subject(action: ProposalAction) -> str:
    """Who or what it is about, in ASCII and the same in every language."""
    if not concerns_institution(action.kind):
        return _constitutional_subject(action)
    bank = _institution(action)
    institution = f"{bank.uscc} ({bank.short_name})"
    if action.kind == Kind.CHANGE_VOTER:
        return f"{institution} votes with {action.address}"
    if action.kind == Kind.SET_ACCOUNT:
        permission = Permission(action.permission or 0).name.lower()
        return f"account {action.address} of {institution} in {action.network_id}: {permission}"
    if action.node is None:
        return institution
    node = action.node
    role = f" as {RegistryEntry.NodeRole(action.node_role).name.lower()}" if action.node_role else ""
    return f"node {node.name} of {institution} in {node.network_id}{role}, id {node.consensus_id}"


def _constitutional_subject(action: ProposalAction) -> str:
    """Likewise, of what changes the voting itself."""
    match action.kind:
        case Kind.CHANGE_TERMS:
            durations = charter.in_order(action.durations or {})
            return ", ".join(f"{name} {seconds} s" for name, seconds in durations.items())
        case Kind.CHANGE_GUARDIANS:
            return f"guardians {', '.join(action.guardians or [])}; {action.threshold} must agree"
        case Kind.NAME_GUARDIAN:
            return f"guardians' contract {action.address}"
        case Kind.SET_CONVENER:
            return f"convener {action.address}"
        case Kind.SET_PUBLISHER:
            return f"publisher of the lists' logs {action.address}"
        case Kind.HAND_OVER:
            return f"governor {action.address}, guardians' contract {action.break_glass or 'none'}"
        case _:
            rule, kind = rules.Rule.read(action.rule or {}), rules.Weightiness(action.rule_of or 0)
            return f"rule for {kind.name.lower()} proposals: {rule}"
