"""What would come of a proposal, as people are told: the trial's answer, what it leaves open, roles in words.

The portal shows it to everybody who looks, again and again; so what the ledger said is remembered for a
while, and so is that it said nothing: no page waits for a ledger that another page has just waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from governance.chain.calls import Call
from governance.chain.models import AccountPermission, RegistryEntry
from governance.proposals import constitution, facts, preview
from governance.proposals.constitution import Change
from governance.proposals.models import Proposal
from governance.proposals.simulation import Simulation, Verdict

_KEPT = 60  # seconds: the page keeps itself fresh, the ledger need not be asked each time
_SILENT = 30  # seconds between two pages that ask a ledger which does not answer
_SILENT_AT_MOST = 600  # seconds; after that everybody asks again


@dataclass(frozen=True)
class Foreseen:
    """The trial, and what changes about the voting itself; each None where the ledger did not answer."""

    simulation: Simulation | None
    charter: list[Change] | None


@dataclass(frozen=True)
class Answer:
    """``tone`` is good, wait or bad. ``caveats``: what the trial leaves open, a sentence each."""

    sentence: str
    tone: str
    caveats: tuple[str, ...] = ()
    error_code: str = ""


def foreseen(proposal: Proposal, compiled: Sequence[Call]) -> Foreseen:
    """What the ledger says, or said a minute ago; nothing where it was silent just now."""
    key = f"foreseen:{proposal.pk}:{get_language()}"
    known: Foreseen | None = cache.get(key)
    if known is not None:
        return known
    if not _may_ask(proposal):
        return Foreseen(None, None)
    found = _ask(proposal, compiled)
    if found.simulation is not None:
        cache.set(key, found, _KEPT if found.charter is not None else _SILENT)
    _note(proposal, answered=found.simulation is not None)
    return found


def _ask(proposal: Proposal, compiled: Sequence[Call]) -> Foreseen:
    simulation = preview.simulated(proposal, list(compiled))
    if simulation is None:  # not a second time, which would take as long
        return Foreseen(None, None)
    return Foreseen(simulation, constitution.changes(proposal.ledger, compiled))


def _may_ask(proposal: Proposal) -> bool:
    """One page at a time finds out whether a ledger that was silent answers again; the others don't wait."""
    silent = _silent(proposal)
    return cache.get(silent) is None or cache.add(f"{silent}:asked", True, _SILENT)


def _note(proposal: Proposal, *, answered: bool) -> None:
    silent = _silent(proposal)
    if answered:
        cache.delete(silent)
    else:
        cache.set(silent, True, _SILENT_AT_MOST)
        cache.set(f"{silent}:asked", True, _SILENT)


def _silent(proposal: Proposal) -> str:
    return f"foreseen:silent:{proposal.ledger_id}"


# --- In words -----------------------------------------------------------------------------------------------
def answer(proposal: Proposal, found: Simulation | None) -> Answer:
    """The trial's answer in the reader's language."""
    left = [_("The governor that it was opened with has left office.")] if has_left_office(proposal) else []
    if found is None:
        return Answer(_("The ledger does not answer."), "wait", tuple(left))
    sentence, tone = _verdict(found)
    return Answer(sentence, tone, (*left, *_caveats(found)), found.error_code)


def has_left_office(proposal: Proposal) -> bool:
    """Another governor took over since: the timelock takes nothing from the old one any more."""
    return facts.governor_of(proposal) != proposal.ledger.governor


def role(name: str) -> str:
    """A node's role on a list, ``sealer``, as the reader calls it."""
    return str(RegistryEntry.NodeRole[name.upper()].label)


def permission(name: str) -> str:
    """What an account on a list may do, ``deploy``, likewise."""
    return str(AccountPermission.Permission[name.upper()].label)


def _verdict(found: Simulation) -> tuple[str, str]:
    if found.verdict == Verdict.REFUSED:
        words = {"step": found.step, "why": found.sentence}
        return _("Step %(step)s would be refused: %(why)s") % words, "bad"
    if found.verdict == Verdict.UNKNOWN:
        return _("It can't be tried beforehand: the governor takes this from nobody but a vote."), "wait"
    if found.untried:
        return _("What could be tried of it would work."), "wait"
    return _("It would work."), "good"


def _caveats(found: Simulation) -> Iterable[str]:
    """What the answer leaves open, where the ledger's node can't try all of it at once."""
    if found.together:
        return
    yield _("This ledger's node tries each step for itself only, not on what those before it leave behind.")
    if found.untried and found.verdict != Verdict.UNKNOWN:
        yield _("Not tried: step %(steps)s.") % {"steps": ", ".join(map(str, found.untried))}
