"""From what the committee's getters say and which calls there were, to rows: proposals, votes, governors.

The getters have the truth of who voted how and what came of it; the calls have what a proposal does, when
things happened and whether what passed was applied. In the caller's transaction.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from consortium.core import events
from governance.chain.errors import LedgerUnreachable
from governance.chain.ledgers import noting, rules
from governance.chain.ledgers.committee import Addresses, CommitteeLedger, Info, native_nodes
from governance.chain.ledgers.models import (
    CommitteeCall,
    CommitteeGovernor,
    CommitteeProposal,
    CommitteeState,
    CommitteeVote,
    GovernedLedger,
    LedgerNode,
)
from governance.contracts import fisco

logger = logging.getLogger(__name__)

Status = CommitteeProposal.Status


def project(ledger: CommitteeLedger, addresses: Addresses, *, everything: bool, new_calls: bool) -> None:
    """Make the rows what the ledger says now.

    ``everything``: read all proposals anew, not only those that may have changed.
    """
    count = ledger.count()
    _forget_after(ledger.row, count)
    for info in _to_read(ledger, count, everything=everything, new_calls=new_calls):
        _put_proposal(ledger.row, info, addresses)
    _put_committee(ledger, addresses)
    if ledger.row.native_addresses:
        put_nodes(ledger.row)


def put_nodes(row: GovernedLedger, *, must: bool = False) -> None:
    """Sealers and observers as the ledger lists them now; as they were where no node answers.

    ``must``: raise LedgerUnreachable then.
    """
    try:
        listed = native_nodes(row)
    except LedgerUnreachable as error:
        if must:
            raise
        logger.warning("the node lists of %s were not read: %s", row.slug, error)
        return
    put_node_rows(row, {each.consensus_id: (each.role, each.weight) for each in listed})
    noting.nodes_read(row)


def put_node_rows(row: GovernedLedger, wanted: dict[str, tuple[int, int]]) -> None:
    """``wanted``: role and weight by node id. What left the lists leaves the table."""
    known = {each.consensus_id: each for each in row.nodes.all()}
    for gone in known.keys() - wanted.keys():
        _node_event(known[gone], role=0)
        known[gone].delete()
    for consensus_id, (role, weight) in wanted.items():
        node = known.get(consensus_id) or LedgerNode(ledger=row, consensus_id=consensus_id)
        if (node.pk, node.role, node.weight) != (node.pk, role, weight) or node.pk is None:
            node.role, node.weight = role, weight
            node.save()
            _node_event(node, role=role)


# --- Proposals and votes --------------------------------------------------------------------------------
def _to_read(ledger: CommitteeLedger, count: int, *, everything: bool, new_calls: bool) -> list[Info]:
    known = CommitteeProposal.objects.filter(ledger=ledger.row)
    if everything or not known.exists():
        return ledger.infos(1, count)
    changing = Q(status=Status.OPEN)
    if new_calls:  # what was read before its transaction was indexed gets it now
        changing |= Q(created_tx="") | Q(status__in=[Status.PASSED, Status.DENIED], closed_tx="")
    numbers = list(known.filter(changing).order_by("number").values_list("number", flat=True))
    newest = known.order_by("-number").values_list("number", flat=True)[0]
    return [*(ledger.info(number) for number in numbers), *ledger.infos(newest + 1, count)]


def _put_proposal(row: GovernedLedger, info: Info, addresses: Addresses) -> None:
    proposal = CommitteeProposal.objects.filter(ledger=row, number=info.number).first()
    before = proposal.status if proposal else None
    proposal = proposal or CommitteeProposal(ledger=row, number=info.number)
    proposal.type, proposal.proposer, proposal.resource = info.type, info.proposer, info.resource
    proposal.deadline, proposal.status = info.deadline, info.status
    created = _creating(row, info, addresses)
    votes = _put_votes(row, info, created)
    closing = _closing(row, info, created, votes)
    _set_created(proposal, created)
    proposal.closed_block = closing.block if closing else None
    proposal.closed_at = closing.block_time if closing else None
    proposal.closed_tx = closing.tx_hash if closing else ""
    proposal.exec_code = closing.exec_code if closing and info.status == fisco.PASSED else None
    proposal.save()
    if before is None:
        _proposal_event("committee.proposal_opened", proposal, created.block_time if created else None)
    if before != info.status and info.status != fisco.OPEN:
        _proposal_event("committee.proposal_closed", proposal, proposal.closed_at)


def _creating(row: GovernedLedger, info: Info, addresses: Addresses) -> CommitteeCall | None:
    """The call that created it: by proposer, type, what it is about, and block + interval = deadline."""
    taken = CommitteeProposal.objects.filter(ledger=row).exclude(number=info.number).exclude(created_tx="")
    calls = (
        row.calls.filter(
            succeeded=True, type=info.type, sender=info.proposer, interval=info.deadline - F("block")
        )
        .exclude(tx_hash__in=taken.values("created_tx"))
        .order_by("block", "index")
    )
    for call in calls:
        if fisco.resource(info.type, call.arguments, addresses.proposals) == info.resource:
            return call
    return None


def _put_votes(row: GovernedLedger, info: Info, created: CommitteeCall | None) -> list[CommitteeCall]:
    """The vote rows of a proposal; gives the calls that they came by."""
    cast = {**dict.fromkeys(info.votes.agree, True), **dict.fromkeys(info.votes.against, False)}
    CommitteeVote.objects.filter(ledger=row, number=info.number).exclude(voter__in=cast).delete()
    calls = {call.sender: call for call in _vote_calls(row, info.number)}
    if created is not None:
        calls[info.proposer] = created
    known = {vote.voter: vote for vote in CommitteeVote.objects.filter(ledger=row, number=info.number)}
    for voter, agree in cast.items():
        _put_vote(row, info.number, known.get(voter), voter, agree, calls.get(voter))
    return [call for voter, call in calls.items() if voter in cast]


def _put_vote(
    row: GovernedLedger,
    number: int,
    known: CommitteeVote | None,
    voter: str,
    agree: bool,
    call: CommitteeCall | None,
) -> None:
    vote = known or CommitteeVote(ledger=row, number=number, voter=voter)
    place = (agree, call.block if call else None, call.tx_hash if call else "")
    if vote.pk is not None and (vote.agree, vote.block, vote.tx_hash) == place:
        return
    new = vote.pk is None
    vote.agree, vote.block, vote.tx_hash = place
    vote.save()
    if new:
        events.record(
            "committee.vote_cast",
            vote,
            actor=events.INDEXER,
            ledger=row.slug,
            proposal=number,
            voter=voter,
            agree=agree,
            tx_hash=vote.tx_hash,
        )


def _vote_calls(row: GovernedLedger, number: int) -> QuerySet[CommitteeCall, CommitteeCall]:
    return row.calls.filter(succeeded=True, function=fisco.VOTE.name, arguments__proposal=number)


def _closing(
    row: GovernedLedger, info: Info, created: CommitteeCall | None, votes: list[CommitteeCall]
) -> CommitteeCall | None:
    """The call that ended it, where it is known. A proposal may be outdated by the next one of its kind."""
    if info.status in {fisco.PASSED, fisco.DENIED}:
        cast = len(info.votes.agree) + len(info.votes.against)
        if len(votes) < cast:
            return None  # the one that is not known may be the last
        return max(votes, key=lambda call: (call.block, call.index), default=None)
    names = {fisco.REVOKED: fisco.REVOKE.name, fisco.OUTDATED: fisco.REFRESH.name}
    if info.status not in names:
        return None
    asked = row.calls.filter(succeeded=True, function=names[info.status], arguments__proposal=info.number)
    return asked.filter(block__gt=info.deadline).first() if info.status == fisco.OUTDATED else asked.first()


def _set_created(proposal: CommitteeProposal, created: CommitteeCall | None) -> None:
    proposal.arguments = created.arguments if created else None
    proposal.created_block = created.block if created else None
    proposal.created_at = created.block_time if created else None
    proposal.created_tx = created.tx_hash if created else ""


def _forget_after(row: GovernedLedger, count: int) -> None:
    """A reorganisation may have taken proposals back."""
    for gone in CommitteeProposal.objects.filter(ledger=row, number__gt=count):
        _proposal_event("committee.proposal_taken_back", gone, None)
        gone.delete()
    CommitteeVote.objects.filter(ledger=row, number__gt=count).delete()


# --- Committee ------------------------------------------------------------------------------------------
def _put_committee(ledger: CommitteeLedger, addresses: Addresses) -> None:
    now, row = ledger.rules(), ledger.row
    changed = _put_governors(row, now)
    newest = row.blocks.order_by("-number").first()
    state = CommitteeState.objects.filter(ledger=row).first()
    wanted: dict[str, Any] = {
        "committee": addresses.committee,
        "proposal_manager": addresses.proposals,
        "participation": now.participation,
        "win": now.win,
        "deploy_type": ledger.deploy_type(),
    }
    changed = changed or state is None or any(getattr(state, name) != value for name, value in wanted.items())
    if newest is None:
        return
    wanted |= {"head": newest.number, "head_time": newest.time}
    CommitteeState.objects.update_or_create(ledger=row, defaults=wanted)
    if changed:
        events.record(
            "committee.changed",
            row,
            actor=events.INDEXER,
            weights=dict(now.weights),
            participation=now.participation,
            win=now.win,
        )


def _put_governors(row: GovernedLedger, now: rules.Rules) -> bool:
    known = dict(row.governors.values_list("address", "weight"))
    if known == dict(now.weights):
        return False
    row.governors.exclude(address__in=now.weights).delete()
    for address, weight in now.weights.items():
        CommitteeGovernor.objects.update_or_create(ledger=row, address=address, defaults={"weight": weight})
    return True


# --- Events ---------------------------------------------------------------------------------------------
def _proposal_event(action: str, proposal: CommitteeProposal, at: datetime | None) -> None:
    events.record(
        action,
        proposal,
        actor=events.INDEXER,
        ledger=proposal.ledger_id,
        number=proposal.number,
        type=proposal.type,
        status=Status(proposal.status).name.lower(),
        exec_code=proposal.exec_code,
        tx_hash=proposal.closed_tx or proposal.created_tx,
        at=at.isoformat() if at else None,
    )


def _node_event(node: LedgerNode, *, role: int) -> None:
    events.record(
        "governed_ledger.node_changed",
        node,
        actor=events.INDEXER,
        ledger=node.ledger_id,
        consensus_id=node.consensus_id,
        role=role,
    )
