"""Taking in a ballot that a member signed outside: checked here, relayed by the chain worker.

Every refusal is typed and leaves an event. What passes is stored with its relay in one transaction; the
governor checks all of it once more, and only the indexer says that it counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from consortium.core import clock, events
from consortium.core.errors import ConsoleError
from consortium.core.events import Actor
from consortium.core.models import new_id
from consortium.members import rules as member_rules
from consortium.members.errors import checked, invalid
from consortium.members.models import Institution, User
from governance.ballot import typed_data
from governance.ballot.typed_data import BadSignature
from governance.chain import calls, relay
from governance.chain.models import RelayTransaction
from governance.proposals import electorate, facts, rules, view
from governance.proposals.errors import (
    AlreadyVoted,
    AnotherMembersBallot,
    RefusedByLedger,
    StaleNonce,
    UnknownVoter,
    VotingClosed,
    VotingNotOpen,
    WrongLedger,
    WrongSigner,
)
from governance.proposals.models import Ballot, Proposal
from governance.proposals.services import mandating
from governance.proposals.services.common import record

_IN_FLIGHT = (RelayTransaction.Status.WANTED, RelayTransaction.Status.SIGNED)
_NOT_YET = {rules.State.DRAFT, rules.State.DISCARDED, rules.State.SUBMITTING, rules.State.REFUSED}
_HIGHEST_NONCE = 2**63 - 1
_SHOWN = 80  # characters of what somebody claimed that an event keeps


@dataclass(frozen=True)
class _Paper:
    """A signed ballot with well-formed fields, and who handed it in."""

    proposal: Proposal
    ballot: typed_data.Ballot
    signature: str
    officer: User
    institution: Institution


def cast(
    proposal: Proposal,
    *,
    chain_id: int,
    governor: str,
    voter: str,
    support: int,
    nonce: int,
    signature: str,
    actor: Actor,
) -> Ballot:
    """Take in a member's ballot and owe its relay. ``actor`` is an officer of the voting institution.

    Another officer has proposed this very vote (``mandating``): inside a bank it takes two.

    Raises WrongLedger, WrongSigner, AnotherMembersBallot, VotingNotOpen, VotingClosed, UnknownVoter,
    AlreadyVoted, StaleNonce, InvalidInput, what ``mandates.check`` raises; LedgerUnreachable, which is no
    refusal.
    """
    try:
        officer = _officer(actor)
        fields = _fields(proposal, chain_id, governor, voter, support, nonce)
        paper = _Paper(proposal, fields, signature.lower(), officer, _institution_of(officer))
        _check_signature(paper)
        _check_on_ledger(paper)
        return _take(paper)
    except ConsoleError as refusal:
        if refusal.status < 500:
            _record_refusal(proposal, refusal, actor, voter)
        raise


def _officer(actor: Actor) -> User:
    """Neither secretariat nor regulator nor any part of the console hands in a ballot."""
    if not (isinstance(actor, User) and actor.is_member):
        raise AnotherMembersBallot
    return actor


def _institution_of(officer: User) -> Institution:
    if officer.institution is None:
        raise AnotherMembersBallot
    return officer.institution


def _fields(
    proposal: Proposal, chain_id: int, governor: str, voter: str, support: int, nonce: int
) -> typed_data.Ballot:
    ledger = proposal.ledger
    if chain_id != ledger.chain_id or governor.lower() != ledger.governor.lower():
        raise WrongLedger(
            chain_id=chain_id,
            governor=governor[:_SHOWN],
            expected_chain_id=ledger.chain_id,
            expected_governor=ledger.governor,
        )
    if support not in list(rules.Vote):
        raise invalid("support", "unknown_choice", known="0, 1, 2")
    if not 0 <= nonce <= _HIGHEST_NONCE:
        raise invalid("nonce", "unknown_choice", known=f"0…{_HIGHEST_NONCE}")
    return typed_data.Ballot(
        chain_id=ledger.chain_id,
        governor=ledger.governor,
        proposal_id=int(proposal.chain_proposal_id),
        support=support,
        voter=checked("voter", member_rules.voting_address, voter),
        nonce=nonce,
    )


def _check_signature(paper: _Paper) -> None:
    try:
        signer = typed_data.recover(paper.ballot, paper.signature)
    except BadSignature as error:
        raise WrongSigner(voter=paper.ballot.voter) from error
    if signer != paper.ballot.voter:
        raise WrongSigner(voter=paper.ballot.voter)


def _check_on_ledger(paper: _Paper) -> None:
    """Ask the ledger, not our clock: it is the ledger that will judge."""
    proposal, ballot = paper.proposal, paper.ballot
    read = facts.read_one(proposal)
    if read.on_ledger is None or rules.state(read.facts, clock.now()) in _NOT_YET:
        raise VotingNotOpen
    _check_own(paper, electorate.at(proposal.ledger, read.on_ledger.vote_start))
    seen = view.look(proposal.ledger)
    _check_open(rules.state(read.facts, seen.now))
    if seen.weight(ballot.voter, read.on_ledger.vote_start) == 0:
        raise UnknownVoter(voter=ballot.voter)
    if seen.has_voted(ballot.proposal_id, ballot.voter):
        raise AlreadyVoted(voter=ballot.voter)
    expected = seen.nonce(ballot.voter)
    if ballot.nonce != expected:
        raise StaleNonce(nonce=ballot.nonce, expected=expected)


def _check_own(paper: _Paper, voters: dict[str, str]) -> None:
    if paper.ballot.voter not in voters.values():
        raise UnknownVoter(voter=paper.ballot.voter)
    if voters.get(paper.institution.uscc) != paper.ballot.voter:
        raise AnotherMembersBallot


def _check_open(state: rules.State) -> None:
    if state == rules.State.PENDING:
        raise VotingNotOpen
    if state != rules.State.VOTING:
        raise VotingClosed


@transaction.atomic
def _take(paper: _Paper) -> Ballot:
    """Store and owe the relay. The institution's lock makes two ballots at once one after the other."""
    Institution.objects.select_for_update(no_key=True).get(pk=paper.institution.pk)
    _check_not_received(paper)
    mandate = mandating.sign_under(
        paper.proposal, paper.institution, officer=paper.officer, support=paper.ballot.support
    )
    ballot = _store(paper)
    mandating.mark_signed(mandate, ballot)
    record(
        "ballot.received",
        paper.proposal,
        actor=paper.officer,
        institution_id=paper.institution.pk,
        ballot=str(ballot.pk),
        voter=ballot.voter,
        support=ballot.support,
    )
    return ballot


def _check_not_received(paper: _Paper) -> None:
    voter, nonce = paper.ballot.voter, paper.ballot.nonce
    earlier = Ballot.objects.filter(voter=voter).select_related("relay")
    for received in earlier.filter(proposal=paper.proposal):
        if received.relay.status not in facts.REFUSED_RELAYS:
            raise AlreadyVoted(voter=voter)
        if received.signature == paper.signature:
            raise RefusedByLedger(reason=received.relay.error_code)
    if earlier.filter(nonce=nonce, relay__status__in=_IN_FLIGHT).exists():
        raise StaleNonce(
            nonce=nonce, expected=nonce + 1
        )  # another of its ballots is about to take the number


def _store(paper: _Paper) -> Ballot:
    signed, primary_key = paper.ballot, new_id()
    call = calls.cast_vote_by_sig(
        paper.proposal.ledger,
        proposal_id=signed.proposal_id,
        support=signed.support,
        voter=signed.voter,
        signature=paper.signature,
    )
    ledger = paper.proposal.ledger
    return Ballot.objects.create(
        pk=primary_key,
        proposal=paper.proposal,
        institution=paper.institution,
        voter=signed.voter,
        support=signed.support,
        nonce=signed.nonce,
        signature=paper.signature,
        received_at=clock.now(),
        received_from=paper.officer.get_username(),
        relay=relay.want(ledger, key=f"ballot:{primary_key}", to=call.target, data=call.data),
    )


def _record_refusal(proposal: Proposal, refusal: ConsoleError, actor: Actor, voter: str) -> None:
    """In a transaction of its own: the refused ballot leaves nothing else."""
    about = actor.institution_id if isinstance(actor, User) else None
    with transaction.atomic():
        events.record(
            "ballot.refused",
            proposal,
            actor=actor,
            institution_id=about,
            number=proposal.number,
            code=refusal.code,
            voter=voter[:_SHOWN],
        )
