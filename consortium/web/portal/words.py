"""What a proposal does on the ledger, in plain words."""

from __future__ import annotations

from governance.proposals import wording
from governance.proposals.actions import calls_of
from governance.proposals.models import Proposal
from governance.proposals.wording import Step


def steps(proposal: Proposal) -> list[Step]:
    """Each of the proposal's calls, decoded from what is sent to the ledger."""
    return wording.steps(proposal.ledger, calls_of(proposal))
