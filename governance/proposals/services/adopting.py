"""Votes that were opened on the ledger without the console: members find them here like any other.

The guardians' contract opens one by itself when it freezes a node; a member may call the governor with its
own key. What such a proposal does is told from its calls alone; what its opener wrote is shown as its text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext

from consortium.core import clock
from consortium.core.events import INDEXER
from consortium.members.models import Institution, Node
from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.errors import UnknownCall
from governance.chain.models import Ledger, OnChainProposal, RegistryEntry, Seat
from governance.proposals import wording
from governance.proposals.models import Kind, Proposal, ProposalAction
from governance.proposals.services.common import record
from governance.proposals.services.drafting import next_number

_TITLE = 200  # characters

_KINDS: dict[tuple[str, str], Kind] = {
    ("Seats", "grant"): Kind.ADMIT_INSTITUTION,
    ("Seats", "suspend"): Kind.SUSPEND,
    ("Seats", "reinstate"): Kind.REINSTATE,
    ("Seats", "revoke"): Kind.EXPEL,
    ("Seats", "changeVoter"): Kind.CHANGE_VOTER,
    ("NodeRegistry", "setRole"): Kind.ADMIT_NODE,
    ("NodeRegistry", "remove"): Kind.REMOVE_NODE,
    ("NodeRegistry", "setAccount"): Kind.SET_ACCOUNT,
    ("NodeRegistry", "thaw"): Kind.THAW_NODE,
    ("NodeRegistry", "ratifyFreeze"): Kind.RATIFY_FREEZE,
    ("ConsortiumGovernor", "setRule"): Kind.CHANGE_RULE,
}


@dataclass(frozen=True)
class _Subject:
    """What the first of its calls is about, as far as the console knows it."""

    kind: Kind
    institution: Institution | None = None
    node: Node | None = None
    role: int | None = None


def adopt(row: OnChainProposal) -> Proposal:
    """A proposal of ours for one that was opened without the console. In the indexer's transaction."""
    ledger = Ledger.objects.get(pk=row.ledger_id)
    compiled = [
        Call(target, int(value), data)
        for target, value, data in zip(row.targets, row.values, row.calldatas, strict=True)
    ]
    subject = _subject(ledger, compiled)
    by_guardians = subject.kind == Kind.RATIFY_FREEZE and row.proposer == ledger.break_glass
    titles = _freeze_titles(subject, row) if by_guardians else _titles(ledger, compiled)
    proposal = _save(row, subject, titles)
    if by_guardians:
        _name_action(proposal)
        record("proposal.opened_by_guardians", proposal, actor=INDEXER, tx_hash=row.tx_hash)
    else:
        told = {"tx_hash": row.tx_hash, "proposer": row.proposer, "institution_id": _opener(row)}
        record("proposal.opened_elsewhere", proposal, actor=INDEXER, **told)
    return proposal


def take_back(proposal: Proposal, *, tx_hash: str) -> None:
    """The ledger was reorganised, and never heard of it. In the indexer's transaction."""
    if proposal.is_adopted and proposal.discarded_at is None:
        proposal.discarded_at = clock.now()
        proposal.save(update_fields=["discarded_at"])
        record("proposal.taken_back", proposal, actor=INDEXER, tx_hash=tx_hash)


def bring_back(proposal: Proposal) -> None:
    """It is on the ledger again. In the indexer's transaction."""
    if proposal.is_adopted and proposal.discarded_at is not None:
        proposal.discarded_at = None
        proposal.save(update_fields=["discarded_at"])


# --- What it is about ---------------------------------------------------------------------------------------
def _subject(ledger: Ledger, compiled: list[Call]) -> _Subject:
    [first, *_more] = wording.steps(ledger, compiled[:1])
    kind = _KINDS.get((first.contract, first.function), Kind.OTHER)
    if kind == Kind.OTHER:
        return _Subject(kind)
    arguments = _arguments(compiled[0])
    network, code = str(arguments.get("network", "")), str(arguments.get("consensusId", ""))[2:]
    entry = RegistryEntry.objects.filter(ledger=ledger, network=network, consensus_id=code).first()
    node = Node.objects.filter(network=network, consensus_id=code).first()
    uscc = str(arguments.get("memberId", entry.member_id if entry else ""))
    if kind == Kind.ADMIT_NODE and entry is not None:
        kind = Kind.CHANGE_ROLE
    role = arguments.get("role")
    return _Subject(
        kind if len(compiled) == 1 else Kind.OTHER,
        Institution.objects.filter(uscc=uscc).first(),
        node,
        role if role in RegistryEntry.NodeRole.values else None,
    )


def _arguments(call: Call) -> dict[str, Any]:
    try:
        return calls.decode(call)[1]
    except UnknownCall:
        return {}


def _opener(row: OnChainProposal) -> Any:
    """Whose voting address opened it; None for an address that is nobody's."""
    uscc = Seat.objects.filter(ledger=row.ledger_id, voting_address=row.proposer).values("member_id")[:1]
    return Institution.objects.filter(uscc__in=uscc).values_list("pk", flat=True).first()


# --- What it is called --------------------------------------------------------------------------------------
def _titles(ledger: Ledger, compiled: list[Call]) -> dict[str, str]:
    """What it does, by its calls: its opener may call it anything."""
    [first] = wording.steps(ledger, compiled[:1])
    found = {}
    for language, sentence in first.sentences.items():
        with translation.override(language):
            found[language] = _title(sentence, len(compiled) - 1)
    return {"title_zh": found["zh-hans"], "title_en": found["en"]}


def _title(sentence: str, more: int) -> str:
    after = gettext(" And %(count)d more.") % {"count": more} if more else ""
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in sentence)
    room = _TITLE - len(after)
    return (line if len(line) <= room else line[: room - 1] + "…") + after


def _freeze_titles(subject: _Subject, row: OnChainProposal) -> dict[str, str]:
    about = str(subject.node or subject.institution or row.proposal_id[:12])
    return {"title_zh": _freeze_title("zh-hans", about), "title_en": _freeze_title("en", about)}


def _freeze_title(language: str, about: str) -> str:
    with translation.override(language):
        return gettext("Ratify the freeze of %(subject)s") % {"subject": about}


# --- Keeping it ---------------------------------------------------------------------------------------------
def _save(row: OnChainProposal, subject: _Subject, titles: dict[str, str]) -> Proposal:
    return Proposal.objects.create(
        number=next_number(),
        ledger_id=row.ledger_id,
        kind=subject.kind,
        text=row.description,
        text_sha256=hashlib.sha256(row.description.encode()).hexdigest(),
        institution=subject.institution,
        node=subject.node,
        network_id=subject.node.network_id if subject.node else None,
        node_role=subject.role,
        targets=row.targets,
        values=[int(value) for value in row.values],
        calldatas=row.calldatas,
        description=row.description,
        chain_proposal_id=row.proposal_id,
        drafted_at=row.block_time,
        opened_at=row.block_time,
        **titles,
    )


def _name_action(proposal: Proposal) -> None:
    """Of the guardians' alone: by proposing it, a member must not keep the secretariat from proposing it."""
    ProposalAction.objects.create(
        proposal=proposal,
        position=1,
        kind=proposal.kind,
        institution=proposal.institution,
        node=proposal.node,
        network_id=proposal.network_id,
    )
