"""The one way in: drafting, opening, taking in ballots, executing."""

from governance.proposals.services.casting import cast
from governance.proposals.services.drafting import discard, draft
from governance.proposals.services.executing import execute, execute_when_due
from governance.proposals.services.opening import open

__all__ = ["cast", "discard", "draft", "execute", "execute_when_due", "open"]
