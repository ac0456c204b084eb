"""The one way in: drafting, opening, taking in ballots, executing."""

from governance.proposals.services.casting import cast
from governance.proposals.services.drafting import discard, draft
from governance.proposals.services.executing import execute, execute_when_due
from governance.proposals.services.mandating import (
    end_substitution,
    name_substitute,
    propose_vote,
    set_duty,
    withdraw_vote,
)
from governance.proposals.services.opening import open

__all__ = [
    "cast",
    "discard",
    "draft",
    "end_substitution",
    "execute",
    "execute_when_due",
    "name_substitute",
    "open",
    "propose_vote",
    "set_duty",
    "withdraw_vote",
]
