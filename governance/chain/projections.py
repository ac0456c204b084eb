"""From events to rows: seats, registry entries, proposals, votes, and what follows from them elsewhere.

``apply`` goes forward, event by event, so that every step is recorded. ``refold`` computes rows anew from all
their events, after a reorganisation or for a rebuild, and records only what came out different.
All in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from consortium.core import bulk
from governance.chain import chunks, effects, folds, offices, snapshots
from governance.chain.folds import Fact, Row
from governance.chain.models import (
    AccountPermission,
    CastVote,
    ChainEvent,
    Ledger,
    OnChainProposal,
    RegistryEntry,
    Seat,
    VotingRule,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of row is folded, kept and told about. ``key`` names its columns in ``about``'s order."""

    model: type[Any]
    key: tuple[str, ...]
    fold: Callable[[Row | None, Fact], Row | None]
    tell: Callable[[Any, Fact | None], None]


KINDS: dict[str, Kind] = {
    folds.SEAT: Kind(Seat, ("member_id",), folds.seat, effects.seat_changed),
    folds.NODE: Kind(RegistryEntry, ("network", "consensus_id"), folds.node, effects.registry_changed),
    folds.ACCOUNT: Kind(AccountPermission, ("network", "address"), folds.account, effects.account_changed),
    folds.RULE: Kind(VotingRule, ("governor", "kind"), folds.rule, effects.rule_changed),
    folds.PROPOSAL: Kind(OnChainProposal, ("proposal_id",), folds.proposal, effects.proposal_changed),
    folds.VOTE: Kind(CastVote, ("proposal_id", "voter"), folds.vote, effects.vote_cast),
}
_NAMES = {kind.model: name for name, kind in KINDS.items()}
# Columns that no single event holds.
_COUNTED: dict[str, frozenset[str]] = {
    folds.PROPOSAL: frozenset({"electorate", "electorate_by_category", "quorum"}),
    folds.VOTE: frozenset({"member_id", "category_number"}),
}

_FACT = ("name", "args", "contract", "block", "block_hash", "block_time", "log_index", "tx_hash")


def store(ledger: Ledger, facts: Iterable[Fact]) -> None:
    """Keep the events as they were."""
    bulk.insert([_stored(ledger, fact) for fact in facts])


def apply(ledger: Ledger, facts: list[Fact]) -> None:
    """Carry rows forward over ``facts``, which are stored already and in the ledger's order."""
    for fact in facts:
        kind, key = _split(folds.about(fact))
        if kind is not None:
            row = _find(ledger, kind, key)
            _put(ledger, kind, row, kind.fold(_columns(kind, row), fact), fact)
        elif fact.name == folds.UNDECODABLE:
            effects.log_not_decoded(ledger, fact)
    _finish(ledger, facts)


def refold(ledger: Ledger, abouts: set[str], since: datetime) -> None:
    """Compute the rows behind ``abouts`` from all their events; ``since``: the first changed event's time."""
    histories = _histories(ledger, abouts)
    for about in sorted(abouts, key=lambda one: _seats_first(one, histories.get(one, []))):
        kind, key = _split(about)
        if kind is None:
            continue
        wanted: Row | None = None
        history = histories.get(about, [])
        for fact in history:
            wanted = kind.fold(wanted, fact)
        _put(ledger, kind, _find(ledger, kind, key), wanted, history[-1] if history else None)
    _recount(ledger, since)
    _close_founding(ledger)
    offices.fill(ledger)


def refold_all(ledger: Ledger) -> None:
    """Likewise for every row there is or ought to be, a chunk at a time, so that memory does not grow."""
    seats = snapshots.Seats(ledger)
    for name, kind in KINDS.items():
        for abouts in chunks.of_rows_without_events(ledger, name, kind.model, kind.key):
            _refold_chunk(ledger, kind, abouts, seats)
        for abouts in chunks.in_order(ledger, name):
            _refold_chunk(ledger, kind, abouts, seats)
    _close_founding(ledger)
    offices.fill(ledger)


def _refold_chunk(ledger: Ledger, kind: Kind, abouts: list[str], seats: snapshots.Seats) -> None:
    """Rows of one kind, in the order given; what is right already costs no query of its own."""
    histories = _histories(ledger, set(abouts))
    keys = {about: _split(about)[1] for about in abouts}
    rows = chunks.rows(ledger, kind.model, kind.key, list(keys.values()))
    starts = _snapshots_of(ledger, kind, histories)
    for about in abouts:
        wanted: Row | None = None
        history = histories.get(about, [])
        for fact in history:
            wanted = kind.fold(wanted, fact)
        row = rows.get(keys[about])
        if wanted is not None and row is not None:
            found = _found_at(kind, wanted, seats, starts)
            if found is not None and _same(row, {**wanted, **found}):
                continue
        _put(ledger, kind, row, wanted, history[-1] if history else None)


def _snapshots_of(ledger: Ledger, kind: Kind, histories: dict[str, list[Fact]]) -> dict[str, datetime]:
    """When the electorate of each proposal was fixed that the chunk's votes are on."""
    if kind.model is not CastVote:
        return {}
    wanted = {fact.args["proposalId"] for history in histories.values() for fact in history}
    found = OnChainProposal.objects.filter(ledger=ledger, proposal_id__in=wanted)
    return dict(found.values_list("proposal_id", "vote_start"))


def _found_at(kind: Kind, wanted: Row, seats: snapshots.Seats, starts: dict[str, datetime]) -> Row | None:
    """As :func:`_looked_up`, from what is in memory; None where only that one can tell."""
    if kind.model is OnChainProposal:
        by_category = seats.by_category(wanted["vote_start"])
        electorate = sum(by_category)
        quorum = folds.quorum(electorate, wanted["rule"])
        return {"electorate": electorate, "electorate_by_category": by_category, "quorum": quorum}
    if kind.model is CastVote:
        start = starts.get(wanted["proposal_id"])
        return None if start is None else seats.member(wanted["voter"], start)
    return {}


def _finish(ledger: Ledger, facts: list[Fact]) -> None:
    counted = [fact.block_time for fact in facts if fact.name in folds.VOTING_EVENTS]
    if counted:
        _recount(ledger, min(counted))
    kinds = {folds.EVENTS.get(fact.name) for fact in facts}
    if folds.FOUNDING in kinds:
        _close_founding(ledger)
    if kinds & {folds.OFFICE, folds.GUARDIANS}:
        offices.fill(ledger)


def _put(ledger: Ledger, kind: Kind, row: Any | None, wanted: Row | None, fact: Fact | None) -> None:
    """Make the row what is wanted, and tell; ``fact`` is the last event, None where none is left."""
    if wanted is None:
        if row is not None:
            kind.tell(row, fact)
            row.delete()
        return
    found = _looked_up(ledger, kind, wanted)
    if found is None:
        return
    wanted = {**wanted, **found}
    if row is not None and _same(row, wanted):
        return
    row = row or kind.model(ledger=ledger)
    for column, value in wanted.items():
        setattr(row, column, value)
    row.save()
    kind.tell(row, fact)


def _same(row: models.Model, wanted: Row) -> bool:
    return all(getattr(row, column) == value for column, value in wanted.items())


def _looked_up(ledger: Ledger, kind: Kind, wanted: Row) -> Row | None:
    """What else the row holds; None where it can't be a row."""
    if kind.model is OnChainProposal:
        return _count(ledger, wanted["vote_start"], wanted["rule"])
    if kind.model is CastVote:
        return _member_at_snapshot(ledger, wanted)
    return {}


# --- What depends on more than one row's events ----------------------------------------------------------
def _count(ledger: Ledger, at: datetime, rule: dict[str, Any]) -> Row:
    """Electorate and quorum at a snapshot, as the contracts' checkpoints have them."""
    seats = _last_of_each_seat(ledger, folds.VOTING_EVENTS, at)
    categories = _categories(ledger, at)
    by_category = [0] * folds.CATEGORIES
    for about in seats.filter(name__in=folds.WITH_A_VOTE).values_list("about", flat=True):
        by_category[categories[about] - 1] += 1
    electorate = sum(by_category)
    quorum = folds.quorum(electorate, rule)
    return {"electorate": electorate, "electorate_by_category": by_category, "quorum": quorum}


def _categories(ledger: Ledger, at: datetime) -> dict[str, int]:
    """Each seat's category by its ``about``: that of its last grant."""
    grants = _last_of_each_seat(ledger, ("SeatGranted",), at)
    return dict(grants.values_list("about", "args__category"))


def _last_of_each_seat(
    ledger: Ledger, names: tuple[str, ...], at: datetime
) -> models.QuerySet[ChainEvent, ChainEvent]:
    last = _events(ledger, names, at).order_by("about", "-block", "-log_index").distinct("about")
    return ChainEvent.objects.filter(pk__in=last.values("pk")).order_by("about")


def _recount(ledger: Ledger, since: datetime) -> None:
    """Seats changed at or before the snapshot of a proposal that is there already: its electorate did too."""
    for proposal in OnChainProposal.objects.filter(ledger=ledger, vote_start__gte=since):
        counted = _count(ledger, proposal.vote_start, proposal.rule)
        if not _same(proposal, counted):
            for column, value in counted.items():
                setattr(proposal, column, value)
            proposal.save(update_fields=list(counted))


def _member_at_snapshot(ledger: Ledger, vote: Row) -> Row | None:
    """Whose address it was when the proposal's electorate was fixed; it may be another's by now.

    None for a vote on a proposal that was not followed (see :func:`folds.proposal`).
    """
    proposal = OnChainProposal.objects.filter(ledger=ledger, proposal_id=vote["proposal_id"]).first()
    if proposal is None:
        return None
    seats = _events(ledger, folds.VOTER_EVENTS, proposal.vote_start).filter(args__voter=vote["voter"])
    about = seats.order_by("-block", "-log_index").values_list("about", flat=True)[0]
    grants = _events(ledger, ("SeatGranted",), proposal.vote_start).filter(about=about)
    category = grants.order_by("-block", "-log_index").values_list("args__category", flat=True)[0]
    return {"member_id": about.partition(":")[2], "category_number": category}


def _close_founding(ledger: Ledger) -> None:
    closed = ChainEvent.objects.filter(ledger=ledger, name="FoundingClosed").first()
    at = closed.block_time if closed else None
    Ledger.objects.filter(pk=ledger.pk).exclude(founding_closed_at=at).update(founding_closed_at=at)
    ledger.founding_closed_at = at


def _events(
    ledger: Ledger, names: tuple[str, ...], until: datetime
) -> models.QuerySet[ChainEvent, ChainEvent]:
    return ChainEvent.objects.filter(ledger=ledger, name__in=names, block_time__lte=until)


# --- Rows and events ------------------------------------------------------------------------------------
def _split(about: str) -> tuple[Kind | None, tuple[str, ...]]:
    name, _, key = about.partition(":")
    return KINDS.get(name), tuple(key.split(":"))


def _seats_first(about: str, history: list[Fact]) -> tuple[int, int, int, str]:
    """Within a kind by its last event, as the ledger had it; what lost all of its events goes first."""
    # A vote's member and a proposal's electorate are looked up in what stands before it here.
    order = (folds.SEAT, folds.NODE, folds.ACCOUNT, folds.RULE, folds.PROPOSAL, folds.VOTE)
    name = about.partition(":")[0]
    rank = order.index(name) if name in order else len(order)
    last = (history[-1].block, history[-1].log_index) if history else (-1, -1)
    return (rank, *last, about)


def _find(ledger: Ledger, kind: Kind, key: tuple[str, ...]) -> Any | None:
    return kind.model.objects.filter(ledger=ledger, **dict(zip(kind.key, key, strict=True))).first()


def _columns(kind: Kind, row: Any | None) -> Row | None:
    if row is None:
        return None
    left_out = {"id", "ledger"} | _COUNTED.get(_NAMES[kind.model], frozenset())
    names = [field.name for field in kind.model._meta.fields if field.name not in left_out]
    return {name: getattr(row, name) for name in names}


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
