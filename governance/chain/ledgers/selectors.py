"""Reading what a committee decides, for pages and commands: from the projection, without asking the chain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.chain.ledgers import codes, rules
from governance.chain.ledgers.base import State
from governance.chain.ledgers.committee import state_of
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeState,
    CommitteeVote,
    GovernedLedger,
)
from governance.contracts import fisco

_STATES: dict[State, str | Promise] = {
    State.OPEN: gettext_lazy("being voted on"),
    State.OVERDUE: gettext_lazy("past its deadline, being closed"),
    State.PASSED: gettext_lazy("passed; whether it was applied can't be told"),
    State.APPLIED: gettext_lazy("passed and applied"),
    State.NOT_APPLIED: gettext_lazy("passed, not applied"),
    State.DENIED: gettext_lazy("denied"),
    State.REVOKED: gettext_lazy("revoked by its proposer"),
    State.OUTDATED: gettext_lazy("outdated"),
}


def state_words(state: State) -> str:
    """Where a committee's proposal stands, as people say it."""
    return str(_STATES[state])


@dataclass(frozen=True, slots=True)
class DeadlineView:
    """A deadline in blocks. ``idle_since``: the newest block's time, where no block has come for long."""

    block: int
    blocks_left: int
    idle_since: datetime | None

    @property
    def words(self) -> str:
        """In the reader's language, with the warning that an idle ledger's deadline stands still."""
        if self.blocks_left <= 0:
            return _("The deadline block is there.")
        left = ngettext(
            "%(left)s more block until block %(block)s.",
            "%(left)s more blocks until block %(block)s.",
            self.blocks_left,
        ) % {"left": self.blocks_left, "block": self.block}
        if self.idle_since is None:
            return left
        idle = _("The ledger has made no block since %(since)s: while it is idle, the deadline stands still.")
        return f"{left} {idle % {'since': f'{self.idle_since:%Y-%m-%d %H:%M} UTC'}}"


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A committee's proposal as people read it."""

    proposal: CommitteeProposal
    state: State
    state_words: str
    action_words: str
    deadline: DeadlineView | None  # of an open one
    tally: rules.Tally
    outlook: rules.Outlook | None  # of an open one
    outlook_words: list[str]
    failure_words: str  # of one that passed and was not applied
    warnings: list[str]


def view(proposal: CommitteeProposal, now: datetime) -> ProposalView:
    """Everything about one proposal; weights and rates are those of this moment, as the chain's are."""
    state = CommitteeState.objects.get(ledger=proposal.ledger_id)
    current = state_of(proposal.status, int(proposal.deadline), state.head, proposal.applied)
    decided_by, votes = committee_rules(proposal.ledger, state), votes_of(proposal)
    open_ = proposal.status == fisco.OPEN
    outlook = rules.outlook(decided_by, votes, removes=_removes(proposal)) if open_ else None
    failed = proposal.applied is False
    return ProposalView(
        proposal=proposal,
        state=current,
        state_words=state_words(current),
        action_words=action_words(proposal.type, proposal.arguments),
        deadline=deadline(proposal, state, now) if open_ else None,
        tally=rules.tally(decided_by, votes),
        outlook=outlook,
        outlook_words=outlook_words(outlook) if outlook else [],
        failure_words=failure_words(proposal) if failed else "",
        warnings=_warnings(proposal),
    )


def deadline(proposal: CommitteeProposal, state: CommitteeState, now: datetime) -> DeadlineView:
    idle = now - state.head_time > timedelta(seconds=proposal.ledger.idle_after)
    left = int(proposal.deadline) - state.head
    return DeadlineView(int(proposal.deadline), left, state.head_time if idle else None)


def committee_rules(ledger: GovernedLedger, state: CommitteeState) -> rules.Rules:
    """Weights and rates as last read."""
    return rules.Rules(
        dict(ledger.governors.values_list("address", "weight")), state.participation, state.win
    )


def votes_of(proposal: CommitteeProposal) -> rules.Votes:
    cast = CommitteeVote.objects.filter(ledger=proposal.ledger_id, number=proposal.number)
    votes = list(cast.values_list("voter", "agree"))
    return rules.Votes(
        tuple(voter for voter, agree in votes if agree), tuple(voter for voter, agree in votes if not agree)
    )


def failure_words(proposal: CommitteeProposal) -> str:
    """Why what passed is not in force, and what to do."""
    return _("Passed, not applied: %(reason)s Nothing changed on the ledger; make a new proposal.") % {
        "reason": codes.words(proposal.exec_code or 0)
    }


def outlook_words(outlook: rules.Outlook) -> list[str]:
    """What the next votes would do, before anybody gives one."""
    lines = []
    if outlook.order_matters:
        lines.append(_("The order of votes matters: the first that reach the participation rate decide."))
    for who, found in outlook.if_against.items():
        if found is rules.Outcome.DENIED:
            lines.append(_("If %(who)s votes against next, it is denied for good.") % {"who": who})
    for who, found in outlook.if_agree.items():
        if found is rules.Outcome.PASSED:
            lines.append(_("If %(who)s agrees next, it passes and is carried out at once.") % {"who": who})
        if found is rules.Outcome.DENIED:
            lines.append(_("Even if %(who)s agrees next, it is denied for good.") % {"who": who})
        if found is rules.Outcome.FAILS:
            lines.append(_("The ledger would refuse an agreeing vote of %(who)s.") % {"who": who})
    if not outlook.can_pass:
        lines.append(_("It can't pass any more."))
    return lines


def action_words(type_: int, arguments: dict[str, Any] | None) -> str:
    """What a proposal does, in a sentence of the reader's language."""
    if arguments is None:
        return _("The ledger does not tell what this proposal does, and its transaction was not found.")
    key = _variant(type_, arguments)
    return str(_ACTIONS[key]) % arguments


def _variant(type_: int, arguments: dict[str, Any]) -> str:
    if type_ == 11:
        return "11" if arguments["weight"] else "11:0"
    if type_ == 21:
        return f"21:{arguments['deploy_type']}" if arguments["deploy_type"] in {1, 2} else "21"
    if type_ == 22:
        return "22:open" if arguments["open"] else "22:close"
    if type_ == 51:
        if not arguments["add"]:
            return "51:weight"
        return "51:seal" if arguments["weight"] else "51:observe"
    return str(type_)


_ACTIONS: dict[str, str | Promise] = {
    "11": gettext_lazy("%(account)s becomes a governor with weight %(weight)s, or gets this weight"),
    "11:0": gettext_lazy("%(account)s is no governor any more"),
    "12": gettext_lazy("%(participates_rate)s %% of the weight must vote, %(win_rate)s %% of it agree"),
    "13": gettext_lazy("votes are counted by the contract %(computer)s"),
    "21": gettext_lazy("the right to deploy contracts is kept in way %(deploy_type)s"),
    "21:1": gettext_lazy("only accounts on a white list may deploy contracts"),
    "21:2": gettext_lazy("all accounts but those on a black list may deploy contracts"),
    "22:open": gettext_lazy("%(account)s may deploy contracts"),
    "22:close": gettext_lazy("%(account)s may not deploy contracts"),
    "31": gettext_lazy("%(admin)s administers the contract %(contract)s"),
    "41": gettext_lazy("the configuration value %(key)s becomes %(value)s"),
    "51:observe": gettext_lazy("node %(node)s becomes an observer"),
    "51:seal": gettext_lazy("node %(node)s becomes a sealer with weight %(weight)s"),
    "51:weight": gettext_lazy("sealer %(node)s gets weight %(weight)s"),
    "52": gettext_lazy("node %(node)s leaves the ledger"),
}


def _removes(proposal: CommitteeProposal) -> str:
    arguments = proposal.arguments or {}
    gone = proposal.type == 11 and arguments.get("weight") == 0
    return str(arguments["account"]) if gone else ""


def _warnings(proposal: CommitteeProposal) -> list[str]:
    found = []
    if proposal.after_deadline:
        found.append(_("It was decided by a vote after its deadline: the ledger does not look at it."))
    if proposal.type == 11 and proposal.status == fisco.OPEN and proposal.arguments:
        weights = dict(proposal.ledger.governors.values_list("address", "weight"))
        worst = rules.worst_sum(weights, [(proposal.arguments["account"], int(proposal.arguments["weight"]))])
        if fisco.overflows(worst):
            found.append(_("If it passes, the ledger can't count any more, and every later proposal fails."))
    return found
