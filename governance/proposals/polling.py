"""What a ballot is held against, in two statements written by hand: in a vote everybody comes at once.

Each asks together what the modules that know the rules would ask one by one; the rules stay with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from consortium.members.models import Institution, User
from governance.chain.models import OnChainProposal
from governance.proposals import electorate, facts, rules
from governance.proposals.mandates import Mandate, VotingDuty
from governance.proposals.models import Proposal

_POLL = """
SELECT p.*,
    (SELECT json_agg(json_build_array(v.category_number, v.support, v.weight)) FROM (
        SELECT category_number, support, sum(weight) AS weight FROM chain_castvote
        WHERE ledger_id = p.ledger_id AND proposal_id = p.proposal_id GROUP BY category_number, support
    ) AS v) AS votes,
    EXISTS (
        SELECT FROM chain_castvote AS v
        WHERE v.ledger_id = p.ledger_id AND v.proposal_id = p.proposal_id AND v.voter = %(voter)s
    ) AS voted,
    (SELECT b.timestamp FROM chain_indexedblock AS b
        WHERE b.ledger_id = p.ledger_id ORDER BY b.number DESC LIMIT 1) AS newest,
    (SELECT json_agg(json_build_array(e.name, e.args) ORDER BY e.block, e.log_index)
        FROM chain_chainevent AS e WHERE e.ledger_id = p.ledger_id AND e.about = %(seat)s
        AND e.name = ANY(%(names)s) AND e.block_time <= p.vote_start) AS seat
FROM chain_onchainproposal AS p WHERE p.ledger_id = %(ledger)s AND p.proposal_id = %(proposal)s
"""

# the mandate as mandates.standing_rows has it
_DESK = """
SELECT u.*, d.votes AS duty,
    (SELECT json_agg(json_build_array(r.status, r.error_code, b.signature))
        FROM proposals_ballot AS b JOIN chain_relaytransaction AS r ON r.id = b.relay_id
        WHERE b.proposal_id = %(proposal)s AND b.voter = %(voter)s) AS earlier,
    (SELECT json_build_array(m.id, m.support, m.proposed_by_id, m.proposed_for_id)
        FROM proposals_mandate AS m JOIN members_user AS a ON a.id = m.proposed_by_id
        WHERE m.proposal_id = %(proposal)s AND m.institution_id = %(institution)s
        AND m.withdrawn_at IS NULL AND a.is_active) AS mandate
FROM members_user AS u LEFT JOIN proposals_votingduty AS d ON d.officer_id = u.id WHERE u.id = %(officer)s
"""


@dataclass(frozen=True)
class Poll:
    """A proposal on its ledger, as one voter finds it.

    ``newest`` is the time of the last block that is known; ``voted`` whether this voter's vote is counted;
    ``elector`` the address that the institution votes with in this one, None where it has no vote.
    """

    row: OnChainProposal
    on_ledger: rules.OnLedger
    newest: datetime | None
    voted: bool
    elector: str | None


@dataclass(frozen=True)
class Desk:
    """What a bank's voting desk holds: ``earlier`` ballots as (relay's status, its error code, signature).

    ``officer`` is as it is now, with its duty; of ``mandate`` only what it says and by whom is read.
    """

    officer: User
    mandate: Mandate | None
    earlier: list[tuple[str, str, str]]


def poll(proposal: Proposal, *, uscc: str, voter: str) -> Poll | None:
    """None where the proposal is not on its ledger, as far as that is known."""
    asked: dict[str, Any] = {
        "ledger": proposal.ledger_id,
        "proposal": proposal.chain_proposal_id,
        "voter": voter,
        "seat": f"seat:{uscc}",
        "names": list(electorate.SEAT_EVENTS),
    }
    for row in OnChainProposal.objects.raw(_POLL, asked):
        found: Any = row  # with what the statement says besides
        return Poll(
            row=row,
            on_ledger=facts.on_ledger(row, found.votes or []),
            newest=found.newest,
            voted=found.voted,
            elector=electorate.voter_by(found.seat or [], uscc),
        )
    return None


def desk(proposal: Proposal, bank: Institution, *, officer: User, voter: str) -> Desk:
    """To be asked under the bank's lock (:func:`mandating.lock`)."""
    asked = {"proposal": proposal.pk, "institution": bank.pk, "voter": voter, "officer": officer.pk}
    [row] = User.objects.raw(_DESK, asked)
    found: Any = row
    if found.duty is None:
        User._meta.get_field("voting_duty").set_cached_value(row, None)
    else:
        VotingDuty(officer=row, votes=found.duty)  # known to the officer from now on
    return Desk(row, _mandate(found.mandate), [(one[0], one[1], one[2]) for one in found.earlier or []])


def _mandate(columns: list[Any] | None) -> Mandate | None:
    if columns is None:
        return None
    key, support, by, for_ = columns
    return Mandate(pk=UUID(key), support=support, proposed_by_id=by, proposed_for_id=for_)
