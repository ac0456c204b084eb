"""From events to rows: seats, registry entries, proposals, votes, and what follows from them elsewhere.

``apply`` goes forward, event by event in memory, so that every step is recorded. ``refold`` computes rows
anew from all their events, after a reorganisation or for a rebuild, and records only what came out different.
Either way a chunk of events or rows costs a number of queries that does not grow with it
(:mod:`governance.chain.rows`). All in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from consortium.core import bulk
from governance.chain import chunks, effects, folds, offices, snapshots
from governance.chain.effects import Step
from governance.chain.folds import Fact, Row
from governance.chain.models import ChainEvent, Ledger, OnChainProposal
from governance.chain.rows import KINDS, Key, Kind, Rows, counted

_FACT = ("name", "args", "contract", "block", "block_hash", "block_time", "log_index", "tx_hash")


def store(ledger: Ledger, facts: Iterable[Fact]) -> None:
    """Keep the events as they were."""
    bulk.insert([_stored(ledger, fact) for fact in facts])


def apply(ledger: Ledger, facts: list[Fact]) -> None:
    """Carry rows forward over ``facts``, which are stored already and in the ledger's order."""
    seats = snapshots.Seats(ledger)
    for start in range(0, len(facts), chunks.SIZE):
        _carry(ledger, facts[start : start + chunks.SIZE], seats)
    _finish(ledger, facts, seats)


def refold(ledger: Ledger, abouts: set[str], since: datetime) -> None:
    """Compute the rows behind ``abouts`` from all their events; ``since``: the first changed event's time."""
    seats = snapshots.Seats(ledger)
    histories = _histories(ledger, abouts)
    in_order = sorted(abouts, key=lambda about: _by_last_event(about, histories))
    for name, kind in KINDS.items():
        of_kind = [about for about in in_order if about.startswith(f"{name}:")]
        _refold(ledger, kind, of_kind, histories, seats)
    _recount(ledger, since, seats)
    _close_founding(ledger)
    offices.fill(ledger)


def refold_all(ledger: Ledger) -> None:
    """Likewise for every row there is or ought to be, a chunk at a time, so that memory does not grow."""
    seats = snapshots.Seats(ledger)
    for name, kind in KINDS.items():
        for abouts in chunks.of_rows_without_events(ledger, name, kind.model, kind.key):
            _refold(ledger, kind, abouts, {}, seats)
        for abouts in chunks.in_order(ledger, name):
            _refold(ledger, kind, abouts, _histories(ledger, set(abouts)), seats)
    _close_founding(ledger)
    offices.fill(ledger)


# --- A chunk ----------------------------------------------------------------------------------------------
def _carry(ledger: Ledger, facts: list[Fact], seats: snapshots.Seats) -> None:
    by_kind: dict[str, list[tuple[Key, Fact]]] = {}
    for fact in facts:
        name, key = _split(folds.about(fact))
        by_kind.setdefault(name, []).append((key, fact))
        if fact.name == folds.UNDECODABLE:
            effects.log_not_decoded(ledger, fact)
    steps: list[Step] = []
    for name, kind in KINDS.items():
        if name in by_kind:
            steps += _carried(ledger, kind, by_kind[name], seats)
    effects.tell(sorted(steps, key=_place))


def _carried(ledger: Ledger, kind: Kind, facts: list[tuple[Key, Fact]], seats: snapshots.Seats) -> list[Step]:
    rows = Rows(ledger, kind, {key for key, _ in facts}, seats)
    for key, fact in facts:
        rows.carry(key, fact)
    return rows.write()


def _refold(
    ledger: Ledger, kind: Kind, abouts: list[str], histories: dict[str, list[Fact]], seats: snapshots.Seats
) -> None:
    """Rows of one kind, in the order given."""
    if not abouts:
        return
    keys = {about: _split(about)[1] for about in abouts}
    rows = Rows(ledger, kind, keys.values(), seats)
    for about in abouts:
        history = histories.get(about, [])
        rows.put(keys[about], _folded(kind, history), history[-1] if history else None)
    effects.tell(rows.write())


def _folded(kind: Kind, history: list[Fact]) -> Row | None:
    wanted: Row | None = None
    for fact in history:
        wanted = kind.fold(wanted, fact)
    return wanted


# --- What depends on more than one row's events ----------------------------------------------------------
def _finish(ledger: Ledger, facts: list[Fact], seats: snapshots.Seats) -> None:
    moved = [fact.block_time for fact in facts if fact.name in folds.VOTING_EVENTS]
    if moved:
        _recount(ledger, min(moved), seats)
    kinds = {folds.EVENTS.get(fact.name) for fact in facts}
    if folds.FOUNDING in kinds:
        _close_founding(ledger)
    if kinds & {folds.OFFICE, folds.GUARDIANS}:
        offices.fill(ledger)


def _recount(ledger: Ledger, since: datetime, seats: snapshots.Seats) -> None:
    """Seats changed at or before the snapshot of a proposal that is there already: its electorate did too."""
    changed = []
    for proposal in OnChainProposal.objects.filter(ledger=ledger, vote_start__gte=since):
        wanted = counted(seats, proposal.vote_start, proposal.rule)
        if any(getattr(proposal, column) != value for column, value in wanted.items()):
            for column, value in wanted.items():
                setattr(proposal, column, value)
            changed.append(proposal)
    OnChainProposal.objects.bulk_update(changed, ["electorate", "electorate_by_category", "quorum"])


def _close_founding(ledger: Ledger) -> None:
    closed = ChainEvent.objects.filter(ledger=ledger, name="FoundingClosed").first()
    at = closed.block_time if closed else None
    Ledger.objects.filter(pk=ledger.pk).exclude(founding_closed_at=at).update(founding_closed_at=at)
    ledger.founding_closed_at = at


# --- Rows and events ------------------------------------------------------------------------------------
def _split(about: str) -> tuple[str, Key]:
    name, _, key = about.partition(":")
    return name, tuple(key.split(":"))


def _place(step: Step) -> tuple[int, int]:
    """Where the ledger has it; going forward there is an event behind every step."""
    return (step.fact.block, step.fact.log_index) if step.fact else (-1, -1)


def _by_last_event(about: str, histories: dict[str, list[Fact]]) -> tuple[int, int, str]:
    """As the ledger had it; what lost all of its events goes first."""
    history = histories.get(about)
    return (history[-1].block, history[-1].log_index, about) if history else (-1, -1, about)


def _histories(ledger: Ledger, abouts: set[str]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    rows = ChainEvent.objects.filter(ledger=ledger, about__in=abouts).order_by("block", "log_index")
    for about, *values in rows.values_list("about", *_FACT):
        found.setdefault(about, []).append(
            Fact(**dict(zip(_FACT, values, strict=True)), ticks=ledger.ticks_per_second)
        )
    return found


def _stored(ledger: Ledger, fact: Fact) -> ChainEvent:
    columns = {
        "ledger_id": ledger.pk,
        "block": fact.block,
        "block_hash": fact.block_hash,
        "block_time": fact.block_time,
        "log_index": fact.log_index,
        "tx_hash": fact.tx_hash,
        "contract": fact.contract,
        "name": fact.name,
        "about": folds.about(fact),
        "args": fact.args,
    }
    return bulk.new(ChainEvent, columns, {})
