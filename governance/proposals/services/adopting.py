"""Votes that the guardians' contract opened by itself: members find them here like any other."""

from __future__ import annotations

import hashlib

from django.utils import translation
from django.utils.translation import gettext

from consortium.core.events import INDEXER
from consortium.members.models import Institution, Node
from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.errors import UnknownCall
from governance.chain.models import Ledger, OnChainProposal, RegistryEntry
from governance.proposals.models import Kind, Proposal, ProposalAction
from governance.proposals.services.common import record
from governance.proposals.services.drafting import next_number


def adopt(row: OnChainProposal) -> Proposal | None:
    """A proposal of ours for the vote on a freeze; None for what somebody else opened without the console.

    In the indexer's transaction.
    """
    ledger = Ledger.objects.get(pk=row.ledger_id)
    where = _frozen(row) if row.proposer == ledger.break_glass else None
    if where is None:
        return None
    entry = RegistryEntry.objects.filter(ledger=ledger, **where).first()
    node = Node.objects.filter(network_id=where["network"], consensus_id=where["consensus_id"]).first()
    owner = Institution.objects.filter(uscc=entry.member_id).first() if entry else None
    proposal = _save(row, node, owner)
    record("proposal.opened_by_guardians", proposal, actor=INDEXER, tx_hash=row.tx_hash)
    return proposal


def _frozen(row: OnChainProposal) -> dict[str, str] | None:
    """Which node's freeze it would ratify."""
    if len(row.targets) != 1:
        return None
    try:
        name, arguments = calls.decode(Call(row.targets[0], 0, row.calldatas[0]))
    except UnknownCall:
        return None
    if name != "ratifyFreeze":
        return None
    return {"network": arguments["network"], "consensus_id": arguments["consensusId"].removeprefix("0x")}


def _save(row: OnChainProposal, node: Node | None, owner: Institution | None) -> Proposal:
    subject = str(node or owner or row.proposal_id[:12])
    network = node.network_id if node else None
    proposal = Proposal.objects.create(
        number=next_number(),
        ledger_id=row.ledger_id,
        kind=Kind.RATIFY_FREEZE,
        title_zh=_title("zh-hans", subject),
        title_en=_title("en", subject),
        text=row.description,
        text_sha256=hashlib.sha256(row.description.encode()).hexdigest(),
        institution=owner,
        node=node,
        network_id=network,
        targets=row.targets,
        values=[int(value) for value in row.values],
        calldatas=row.calldatas,
        description=row.description,
        chain_proposal_id=row.proposal_id,
        drafted_at=row.block_time,
        opened_at=row.block_time,
    )
    ProposalAction.objects.create(
        proposal=proposal, position=1, kind=proposal.kind, institution=owner, node=node, network_id=network
    )
    return proposal


def _title(language: str, subject: str) -> str:
    with translation.override(language):
        return gettext("Ratify the freeze of %(subject)s") % {"subject": subject}
