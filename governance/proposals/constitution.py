"""What a proposal changes about the voting itself: each point as it is now and as it would be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.chain import calls, contracts, succession
from governance.chain.calls import Call
from governance.chain.errors import LedgerUnreachable, NotThisContract, OtherLedger, UnknownCall
from governance.chain.models import ActionKind, Ledger
from governance.chain.succession import Guardians, Terms
from governance.proposals import rules, wording

_DURATIONS: dict[str, Promise] = {
    "voting_delay": gettext_lazy("from opening to the vote"),
    "voting_period": gettext_lazy("time to vote"),
    "late_quorum_extension": gettext_lazy("time left at least after the quorum"),
    "timelock": gettext_lazy("time in the timelock"),
}
# The governor's functions that set one of its durations.
_SETTERS = {
    "setVotingDelay": "voting_delay",
    "setVotingPeriod": "voting_period",
    "setLateQuorumVoteExtension": "late_quorum_extension",
}


@dataclass(frozen=True)
class Change:
    """One point, in the reader's language."""

    what: str
    now: str
    then: str

    @property
    def differs(self) -> bool:
        return self.now != self.then


def changes(ledger: Ledger, compiled: Sequence[Call]) -> list[Change] | None:
    """In the calls' order; None while the ledger does not answer, or a contract is not what it should be."""
    decoded = [found for call in compiled if (found := _decoded(call)) is not None]
    if not any(name in _READERS for name, _arguments in decoded):
        return []
    try:
        held = _Held(ledger)
        points: Iterator[Change] = (
            one for name, arguments in decoded if name in _READERS for one in _READERS[name](held, arguments)
        )
        return list({one.what: one for one in points}.values())  # of two calls about one point the last holds
    except (LedgerUnreachable, OtherLedger, NotThisContract):
        return None


class _Held:
    """The ledger, and what is in force; asked for when it is wanted."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._terms: Terms | None = None

    @property
    def terms(self) -> Terms:
        if self._terms is None:
            self._terms = succession.terms(self.ledger, self.ledger.governor)
        return self._terms

    def span(self, ticks: int) -> str:
        return _span(ticks // self.ledger.ticks_per_second)

    def guardians(self, break_glass: str) -> str:
        if not break_glass or break_glass == calls.NOBODY:
            return _("nobody")
        return guardians_in_words(succession.guardians(self.ledger, break_glass))


_Arguments = dict[str, Any]


def _rule(held: _Held, arguments: _Arguments) -> Iterator[Change]:
    given = arguments["newRule"]
    quorum, approval = (
        (given["quorumNum"], given["quorumDen"]),
        (given["approvalNum"], given["approvalDen"]),
    )
    kind = ActionKind(arguments["kind"])
    then = rules.Rule(quorum, approval, given["categories"])
    yield Change(_rule_of(kind), _rule_words(held.terms.rules[kind]), _rule_words(then.stored))


def _duration(name: str) -> Any:
    def read(held: _Held, arguments: _Arguments) -> Iterator[Change]:
        (ticks,) = arguments.values()
        now = succession.delay(held.ledger) if name == "timelock" else getattr(held.terms, name)
        yield Change(str(_DURATIONS[name]), _span(now), held.span(ticks))

    return read


def _guardians(held: _Held, arguments: _Arguments) -> Iterator[Change]:
    then = Guardians(tuple(arguments["guardians_"]), int(arguments["threshold_"]))
    yield Change(_("guardians"), held.guardians(held.ledger.break_glass), guardians_in_words(then))


def _convener(held: _Held, arguments: _Arguments) -> Iterator[Change]:
    now, then = held.terms.convener, arguments["newConvener"]
    yield Change(_("proposes for the secretariat"), _who(held, now), _who(held, then))


def _publisher(held: _Held, arguments: _Arguments) -> Iterator[Change]:
    now, then = succession.publisher(held.ledger), arguments["newPublisher"]
    yield Change(_("anchors the lists' logs"), _who(held, now), _who(held, then))


def _may_freeze(held: _Held, arguments: _Arguments) -> Iterator[Change]:
    now, then = held.ledger.break_glass, arguments["newGuardian"]
    yield Change(_("may freeze nodes"), held.guardians(now), held.guardians(then))


def _may_cancel(held: _Held, arguments: _Arguments) -> Iterator[Change]:
    now, then = held.terms.guardian, arguments["newProposalGuardian"]
    yield Change(_("may cancel proposals"), held.guardians(now), held.guardians(then))


def _takes_over(held: _Held, arguments: _Arguments) -> Iterator[Change]:
    """Another governor: all its terms beside those of the one in office."""
    if arguments["role"] != contracts.PROPOSER_ROLE:
        return
    now, then = held.terms, succession.terms(held.ledger, arguments["account"])
    yield Change(_("governor contract"), held.ledger.governor, arguments["account"])
    for kind in ActionKind:
        yield Change(_rule_of(kind), _rule_words(now.rules[kind]), _rule_words(then.rules[kind]))
    for name in _SETTERS.values():
        yield Change(str(_DURATIONS[name]), _span(getattr(now, name)), _span(getattr(then, name)))
    yield Change(_("proposes for the secretariat"), _who(held, now.convener), _who(held, then.convener))
    yield Change(_("may cancel proposals"), held.guardians(now.guardian), held.guardians(then.guardian))


_READERS: dict[str, Any] = {
    "setRule": _rule,
    **{function: _duration(name) for function, name in _SETTERS.items()},
    "updateDelay": _duration("timelock"),
    "setGuardians": _guardians,
    "setConvener": _convener,
    "setPublisher": _publisher,
    "setGuardian": _may_freeze,
    "setProposalGuardian": _may_cancel,
    "grantRole": _takes_over,
}


def guardians_in_words(held: Guardians) -> str:
    return _("%(threshold)d of %(members)s") % {
        "threshold": held.threshold,
        "members": ", ".join(held.members),
    }


def _who(held: _Held, address: str) -> str:
    if address == calls.NOBODY:
        return _("nobody")
    return (
        _("this console (%(address)s)") % {"address": address}
        if address == held.ledger.relay_address
        else address
    )


def _rule_of(kind: ActionKind) -> str:
    return _("what %(kind)s proposals need") % {"kind": kind.label}


def _rule_words(stored: dict[str, Any]) -> str:
    rule = rules.Rule.read(stored)
    return _("quorum %(quorum)s, in favour %(approval)s, categories %(categories)d") % {
        "quorum": "/".join(map(str, rule.quorum)),
        "approval": "/".join(map(str, rule.approval)),
        "categories": rule.categories,
    }


def _span(seconds: int) -> str:
    return wording.span(timedelta(seconds=seconds))


def _decoded(call: Call) -> tuple[str, dict[str, Any]] | None:
    try:
        return calls.decode(call)
    except UnknownCall:
        return None
