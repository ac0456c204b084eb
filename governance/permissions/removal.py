"""In which order a node leaves: pure. Out of consensus, off the lists, applied by all, revoked.

Each of the other orders harms somebody. Off the lists while the others still wait for its votes: they stand
still. Revoked while it is listed: its peers drop it in the middle of a round, each at another time. A key in
other hands is the one exception: that node goes at once, whoever has to wait for its votes meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

SEALER = 2


class Name(StrEnum):
    CONSENSUS = "consensus"  # no sealer any more, by the registry and by its own ledger
    LISTS = "lists"  # no published list names it
    APPLIED = "applied"  # every node of that list has it
    REVOCATION = "revocation"  # no certificate of it is valid


class State(StrEnum):
    DONE = "done"
    DUE = "due"  # its turn: ``waits_for`` says for what
    LATER = "later"  # others come first


class Wait(StrEnum):
    NOTHING = ""
    MEMBERS_VOTE = "members_vote"  # to make it no sealer any more, or nothing at all
    REMOVAL_VOTE = "removal_vote"  # it is an observer: that, too, has to end
    OWN_LEDGER = "own_ledger"  # the members have decided; the governors of its ledger have not yet
    TWO_PEOPLE = "two_people"  # a list without it is held
    SIGNING = "signing"  # a list without it is being compiled and signed
    NODES = "nodes"  # that have not applied it
    CONSOLE = "console"  # which does it within a minute
    PERSON = "person"  # who ordered it is not of the secretariat any more: somebody else has to


PLANNED = (Name.CONSENSUS, Name.LISTS, Name.APPLIED, Name.REVOCATION)
COMPROMISED = (Name.REVOCATION, Name.LISTS, Name.APPLIED, Name.CONSENSUS)


@dataclass(frozen=True)
class Facts:
    """What is known of a node on its way out; roles are 0 for none, 1 observer, 2 sealer.

    ``own_role`` is None where its own ledger does not say. Times are None where something has not happened or
    nobody knows when; ``is_listed`` and the like say which.
    """

    is_compromised: bool
    registry_role: int
    own_role: int | None
    role_ended_at: datetime | None
    is_listed: bool  # in the newest published list
    is_held: bool  # a list without it waits for people
    unlisted_at: datetime | None
    missing: tuple[str, ...]  # nodes of the list without it that have not applied it
    applied_at: datetime | None
    has_certificate: bool  # a valid or suspended one
    revoked_at: datetime | None
    can_act: bool = True  # may whoever ordered it still revoke?

    @property
    def seals(self) -> bool:
        return self.registry_role == SEALER or self.own_role == SEALER


@dataclass(frozen=True)
class Step:
    """``is_early``: done though a step before it is not. ``at`` None: when is not known, or never needed."""

    name: Name
    state: State
    at: datetime | None = None
    waits_for: Wait = Wait.NOTHING
    missing: tuple[str, ...] = ()
    is_early: bool = False


def steps(facts: Facts) -> tuple[Step, ...]:
    """The way out in its order, and where the node stands: at most one step is due."""
    found: list[Step] = []
    is_open = False
    for name in COMPROMISED if facts.is_compromised else PLANNED:
        done = _is_done(name, facts)
        if done:
            found.append(Step(name, State.DONE, _at(name, facts), is_early=is_open))
        elif is_open:
            found.append(Step(name, State.LATER))
        else:
            found.append(_due(name, facts))
            is_open = True
    return tuple(found)


def is_complete(found: tuple[Step, ...]) -> bool:
    return all(step.state is State.DONE for step in found)


def due(found: tuple[Step, ...]) -> Step | None:
    """The step whose turn it is."""
    return next((step for step in found if step.state is State.DUE), None)


def blocks_revocation(facts: Facts) -> Step | None:
    """The step that must come first, None when revoking is in order: always for a key in other hands."""
    if facts.is_compromised:
        return None
    before = [step for step in steps(facts) if step.name is not Name.REVOCATION]
    return next((step for step in before if step.state is not State.DONE), None)


def _is_done(name: Name, facts: Facts) -> bool:
    match name:
        case Name.CONSENSUS:
            # Of a lost key nothing may be left in the registry: what is not listed could be so again.
            return not facts.seals and not (facts.is_compromised and facts.registry_role)
        case Name.LISTS:
            return not facts.is_listed
        case Name.APPLIED:
            return not facts.is_listed and not facts.missing
        case Name.REVOCATION:
            return not facts.has_certificate


def _at(name: Name, facts: Facts) -> datetime | None:
    return {
        Name.CONSENSUS: facts.role_ended_at,
        Name.LISTS: facts.unlisted_at,
        Name.APPLIED: facts.applied_at,
        Name.REVOCATION: facts.revoked_at,
    }[name]


def _due(name: Name, facts: Facts) -> Step:
    step = Step(name, State.DUE)
    match name:
        case Name.CONSENSUS:
            is_voted = not facts.registry_role if facts.is_compromised else facts.registry_role != SEALER
            return replace(step, waits_for=Wait.OWN_LEDGER if is_voted else Wait.MEMBERS_VOTE)
        case Name.LISTS if facts.is_held:
            return replace(step, waits_for=Wait.TWO_PEOPLE)
        case Name.LISTS:
            is_admitted = facts.registry_role and not facts.is_compromised
            return replace(step, waits_for=Wait.REMOVAL_VOTE if is_admitted else Wait.SIGNING)
        case Name.APPLIED:
            return replace(step, waits_for=Wait.NODES, missing=facts.missing)
        case Name.REVOCATION:
            return replace(step, waits_for=Wait.CONSOLE if facts.can_act else Wait.PERSON)
