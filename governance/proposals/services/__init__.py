"""The one way in: drafting, discussing, opening, withdrawing, taking in ballots, executing."""

from governance.proposals.services.casting import cast
from governance.proposals.services.discussing import attach, comment, detach
from governance.proposals.services.drafting import Wish, discard, draft, extend
from governance.proposals.services.executing import execute, execute_when_due
from governance.proposals.services.mandating import (
    end_substitution,
    name_substitute,
    propose_vote,
    set_duty,
    withdraw_vote,
)
from governance.proposals.services.opening import open
from governance.proposals.services.withdrawing import amend, withdraw

__all__ = [
    "Wish",
    "amend",
    "attach",
    "cast",
    "comment",
    "detach",
    "discard",
    "draft",
    "end_substitution",
    "execute",
    "execute_when_due",
    "extend",
    "name_substitute",
    "open",
    "propose_vote",
    "set_duty",
    "withdraw",
    "withdraw_vote",
]
