"""A committee's proposal as people read it on portal, admin and API: what is needed, and how one signs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.core import clock
from governance.chain.ledgers import lines, selectors
from governance.chain.ledgers.lines import GovernorLine
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeState,
    CommitteeWish,
    GovernedLedger,
)
from governance.chain.ledgers.rules import Outcome
from governance.chain.ledgers.selectors import ProposalView
from governance.contracts import fisco

_NEXT: dict[Outcome, str | Promise] = {
    Outcome.OPEN: gettext_lazy("stays open"),
    Outcome.PASSED: gettext_lazy("passes, carried out at once"),
    Outcome.DENIED: gettext_lazy("denied for good"),
    Outcome.FAILS: gettext_lazy("the ledger refuses the vote"),
}
DEPLOY_TYPES: dict[int, str | Promise] = {
    0: gettext_lazy("everybody may deploy contracts"),
    fisco.WHITE_LIST: gettext_lazy("only accounts on a white list may deploy contracts"),
    fisco.BLACK_LIST: gettext_lazy("all accounts but those on a black list may deploy contracts"),
}


@dataclass(frozen=True, slots=True)
class Voter:
    """A governor's line on a proposal's page."""

    line: GovernorLine
    choice: str  # for, against, or empty
    if_agree: str  # what its agreement would do next
    if_against: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything on a proposal's page."""

    view: ProposalView
    needed: list[str]
    voters: list[Voter]
    state: CommitteeState

    @property
    def tone(self) -> str:
        return lines.tone(self.view.state)


def picture(proposal: CommitteeProposal) -> Picture:
    """Read from the projection; the ledger is not asked."""
    view = selectors.view(proposal, clock.now())
    state = CommitteeState.objects.get(ledger=proposal.ledger_id)
    found = lines.voters(proposal, view.outlook)
    return Picture(view, needed(view, state), [_voter(each) for each in found], state)


def needed(view: ProposalView, state: CommitteeState) -> list[str]:
    """What is still missing before an open proposal is decided, a sentence each."""
    if view.outlook is None:
        return []
    tally = view.tally
    said = []
    if tally.participation_missing:
        said.append(
            _(
                "A weight of %(missing)s more must vote: %(rate)s %% of %(all)s is what it takes "
                "to decide, and %(voted)s has voted."
            )
            % {
                "missing": tally.participation_missing,
                "rate": state.participation,
                "all": tally.all,
                "voted": tally.agree + tally.against,
            }
        )
    said.append(
        _("Of the weight that has voted by then, %(rate)s %% must agree; else it is denied for good.")
        % {"rate": state.win}
    )
    if view.outlook.order_matters:
        said.append(_("The order of votes matters: the first that reach the participation rate decide."))
    if not view.outlook.can_pass:
        said.append(_("It can't pass any more."))
    return said


def _voter(line: GovernorLine) -> Voter:
    choice = "" if line.vote is None else "for" if line.vote.agree else "against"
    return Voter(line, choice, _follows(line.if_agree), _follows(line.if_against))


def _follows(outcome: Outcome | None) -> str:
    return "" if outcome is None else str(_NEXT[outcome])


# --- How a governor signs -----------------------------------------------------------------------------------
def vote_command(proposal: CommitteeProposal, choice: str) -> str:
    """What a governor runs on its own machine; ``choice`` is agree, against or revoke."""
    words = ["revoke"] if choice == "revoke" else ["vote"]
    words += ["--proposal", str(proposal.number)]
    if proposal.created_tx:
        words += ["--created-in", proposal.created_tx]
    if choice != "revoke":
        words += ["--vote", choice]
    return _command(proposal.ledger, words)


def propose_command(wish: CommitteeWish) -> str:
    """What a governor runs to open the proposal of a wish."""
    words = ["propose", "--type", str(wish.type), "--interval", str(wish.interval)]
    for name, value in wish.arguments.items():
        words += ["--set", f"{name}={_word(value)}"]
    return _command(wish.ledger, words)


def _command(ledger: GovernedLedger, words: Iterable[str]) -> str:
    action, *rest = (shlex.quote(word) for word in words)
    first = f".venv/bin/python -m governance.ballot.committee {action} --ledger {_node(ledger)}"
    pairs = [" ".join(rest[at : at + 2]) for at in range(0, len(rest), 2)]
    keys = "--keystore keystore.json --passphrase-file passphrase --out signed.txt"
    return " \\\n  ".join([first, *pairs, keys])


def _node(ledger: GovernedLedger) -> str:
    """Its first address, unless there may be a secret in it."""
    address = str(ledger.rpc_addresses[0]) if ledger.rpc_addresses else ""
    parts = urlsplit(address)
    secret = parts.username or parts.password or parts.query
    return shlex.quote(address) if address and not secret else "https://YOUR-LEDGER-NODE"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
