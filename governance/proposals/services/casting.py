"""Taking in a ballot that a member signed outside: checked here, relayed by the chain worker.

Nothing here asks the ledger: electorate, votes and times are in the projection, and the ballot's number
follows from the proposal's id. Every refusal is typed and leaves an event. What passes is stored with its
relay in one transaction; the governor checks all of it once more, and only the indexer says that it counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

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
from governance.proposals import electorate, facts, mandates, polling, rules
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
from governance.proposals.mandates import Mandate
from governance.proposals.models import Ballot, Proposal
from governance.proposals.polling import Poll
from governance.proposals.services import mandating
from governance.proposals.services.common import record

_HIGHEST_NONCE = 2**256 - 1
_SHOWN = 80  # characters of what somebody claimed that an event keeps


@dataclass(frozen=True)
class _Paper:
    """A signed ballot with well-formed fields, and who handed it in."""

    proposal: Proposal
    poll: Poll | None
    ballot: typed_data.Ballot
    signature: str
    officer: User
    institution: Institution


MOST_TRIES = 5  # ballots of one voter on one proposal that the ledger refused: each is at our cost


_STORE = """
WITH stored AS (
    INSERT INTO proposals_ballot (
        id, proposal_id, institution_id, voter, support, nonce, signature,
        received_at, received_from, relay_id
    ) VALUES (
        %(id)s, %(proposal_id)s, %(institution_id)s, %(voter)s, %(support)s, %(nonce)s, %(signature)s,
        %(received_at)s, %(received_from)s, %(relay_id)s
    ) RETURNING id
)
UPDATE proposals_mandate AS m SET ballot_id = stored.id FROM stored WHERE m.id = %(mandate)s
"""


def cast(
    proposal: Proposal,
    *,
    chain_id: int,
    governor: str,
    voter: str,
    support: int,
    signature: str,
    actor: Actor,
    nonce: int | None = None,
) -> Ballot:
    """Take in a member's ballot and owe its relay. ``actor`` is an officer of the voting institution.

    ``nonce`` need not be said: a ballot on this proposal can carry but one.

    Another officer has proposed this very vote (``mandating``): inside a bank it takes two.

    Raises WrongLedger, WrongSigner, AnotherMembersBallot, VotingNotOpen, VotingClosed, UnknownVoter,
    AlreadyVoted, StaleNonce, RefusedByLedger, InvalidInput, what ``mandates.check`` raises.
    """
    try:
        officer = _officer(actor)
        bank, address = _institution_of(officer), checked("voter", member_rules.voting_address, voter)
        poll = polling.poll(proposal, uscc=bank.uscc, voter=address)
        _check_ledger(proposal, poll, chain_id, governor)
        ballot = _ballot(proposal, poll, address, support, nonce)
        paper = _Paper(proposal, poll, ballot, canonical(signature), officer, bank)
        _check_signature(paper)
        _check_electorate(paper, _check_open(paper))
        return _take(paper)
    except ConsoleError as refusal:
        if refusal.status < 500:
            _record_refusal(proposal, refusal, actor, voter)
        raise


def canonical(signature: str) -> str:
    """One spelling of each: it is known again, and has the form that every reader of it expects."""
    return "0x" + signature.lower().removeprefix("0x")


def _officer(actor: Actor) -> User:
    """Neither secretariat nor regulator nor any part of the console hands in a ballot."""
    if not (isinstance(actor, User) and actor.is_member):
        raise AnotherMembersBallot
    return actor


def _institution_of(officer: User) -> Institution:
    if officer.institution is None:
        raise AnotherMembersBallot
    return officer.institution


def _check_ledger(proposal: Proposal, poll: Poll | None, chain_id: int, governor: str) -> None:
    ledger, expected = proposal.ledger, _governor(proposal, poll)
    if chain_id != ledger.chain_id or governor.lower() != expected.lower():
        raise WrongLedger(
            chain_id=chain_id,
            governor=governor[:_SHOWN],
            expected_chain_id=ledger.chain_id,
            expected_governor=expected,
        )


def _governor(proposal: Proposal, poll: Poll | None) -> str:
    """The one that the proposal was opened with, which need not be the one in office."""
    return proposal.ledger.governor if poll is None else poll.row.governor


def _ballot(
    proposal: Proposal, poll: Poll | None, voter: str, support: int, nonce: int | None
) -> typed_data.Ballot:
    if support not in list(rules.Vote):
        raise invalid("support", "unknown_choice", known="0, 1, 2")
    if nonce is not None and not 0 <= nonce <= _HIGHEST_NONCE:
        raise invalid("nonce", "unknown_choice", known="0…2^256-1")
    proposal_id = int(proposal.chain_proposal_id)
    return typed_data.Ballot(
        chain_id=proposal.ledger.chain_id,
        governor=_governor(proposal, poll),
        proposal_id=proposal_id,
        support=support,
        voter=voter,
        nonce=typed_data.keyed_nonce(proposal_id) if nonce is None else nonce,
    )


def _check_signature(paper: _Paper) -> None:
    try:
        signer = typed_data.recover(paper.ballot, paper.signature)
    except BadSignature as error:
        raise WrongSigner(voter=paper.ballot.voter) from error
    if signer != paper.ballot.voter:
        raise WrongSigner(voter=paper.ballot.voter)


def _check_open(paper: _Paper) -> Poll:
    """By the later of our clock and the ledger's as far as it is known; the ledger itself will judge."""
    poll, now = paper.poll, clock.now()
    if poll is None:
        raise VotingNotOpen
    state = rules.state_on_ledger(poll.on_ledger, max(now, poll.newest or now))
    if state == rules.State.PENDING:
        raise VotingNotOpen
    if state != rules.State.VOTING:
        raise VotingClosed
    return poll


def _check_electorate(paper: _Paper, poll: Poll) -> None:
    ballot, ledger = paper.ballot, paper.proposal.ledger
    if poll.elector != ballot.voter:
        others = {elector.voter for elector in electorate.at(ledger, poll.row.vote_start).values()}
        raise AnotherMembersBallot if ballot.voter in others else UnknownVoter(voter=ballot.voter)
    if poll.voted:
        raise AlreadyVoted(voter=ballot.voter)
    expected = typed_data.keyed_nonce(ballot.proposal_id)
    if ballot.nonce != expected:
        raise StaleNonce(nonce=ballot.nonce, expected=expected)


@transaction.atomic
def _take(paper: _Paper) -> Ballot:
    """Store and owe the relay. The institution's lock makes two ballots at once one after the other."""
    mandating.lock(paper.institution)
    desk = polling.desk(paper.proposal, paper.institution, officer=paper.officer, voter=paper.ballot.voter)
    _check_not_received(paper, desk)
    mandate = mandates.check(
        desk.mandate, officer=desk.officer, support=paper.ballot.support, now=clock.now()
    )
    ballot = _stored(paper, mandate)
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


def _check_not_received(paper: _Paper, desk: polling.Desk) -> None:
    for status, code, signature in desk.earlier:
        if status not in facts.REFUSED_RELAYS:
            raise AlreadyVoted(voter=paper.ballot.voter)
        if signature == paper.signature or len(desk.earlier) >= MOST_TRIES:
            raise RefusedByLedger(reason=code)


def _stored(paper: _Paper, mandate: Mandate) -> Ballot:
    """The ballot, the relay that it owes, and the mandate that can no longer be changed."""
    signed, primary_key = paper.ballot, new_id()
    ledger = paper.proposal.ledger
    call = calls.cast_vote_by_sig(
        ledger,
        proposal_id=signed.proposal_id,
        support=signed.support,
        voter=signed.voter,
        signature=paper.signature,
        governor=signed.governor,
    )
    ballot = Ballot(
        pk=primary_key,
        proposal=paper.proposal,
        institution=paper.institution,
        voter=signed.voter,
        support=signed.support,
        nonce=str(signed.nonce),
        signature=paper.signature,
        received_at=clock.now(),
        received_from=paper.officer.get_username(),
        relay=relay.want(ledger, key=f"ballot:{primary_key}", to=call.target, data=call.data),
    )
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {**vars(ballot), "mandate": mandate.pk})
    ballot._state.adding = False
    return ballot


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
