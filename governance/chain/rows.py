"""Rows of one kind, read together, changed in memory and written together.

However many events a range of blocks has, a kind of row costs the same few queries: one to read the rows, one
each for those that are new, changed and gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import models

from consortium.core import bulk
from governance.chain import chunks, folds
from governance.chain.effects import Step
from governance.chain.folds import Fact, Row
from governance.chain.models import (
    AccountPermission,
    CastVote,
    Ledger,
    OnChainProposal,
    RegistryEntry,
    Seat,
    VotingRule,
)
from governance.chain.snapshots import Seats

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of row is folded and kept. ``key`` names its columns in ``about``'s order."""

    name: str
    model: type[Any]
    key: Key
    fold: Callable[[Row | None, Fact], Row | None]


# A vote's member and a proposal's electorate are looked up in what stands before it here.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(folds.SEAT, Seat, ("member_id",), folds.seat),
        Kind(folds.NODE, RegistryEntry, ("network", "consensus_id"), folds.node),
        Kind(folds.ACCOUNT, AccountPermission, ("network", "address"), folds.account),
        Kind(folds.RULE, VotingRule, ("governor", "kind"), folds.rule),
        Kind(folds.PROPOSAL, OnChainProposal, ("proposal_id",), folds.proposal),
        Kind(folds.VOTE, CastVote, ("proposal_id", "voter"), folds.vote),
    )
}


class Rows:
    """The rows of ``kind`` with these ``keys``, and what is to become of them."""

    def __init__(self, ledger: Ledger, kind: Kind, keys: Collection[Key], seats: Seats) -> None:
        self._ledger, self._kind, self._seats = ledger, kind, seats
        self._found = chunks.rows(ledger, kind.model, kind.key, list(keys))
        self._before = {key: _columns(row) for key, row in self._found.items()}
        self._now: dict[Key, Row] = dict(self._before)
        self._steps: list[tuple[Key, Row, Fact | None]] = []
        self._starts = _snapshots(ledger, keys) if kind.model is CastVote else {}

    def carry(self, key: Key, fact: Fact) -> None:
        """The row takes in the next event."""
        self.put(key, self._kind.fold(self._now.get(key), fact), fact)

    def put(self, key: Key, wanted: Row | None, fact: Fact | None) -> None:
        """The row is to be ``wanted``, or not to be; ``fact``: the last event, None where none is left."""
        before = self._now.get(key)
        if wanted is None:
            if before is not None:
                self._steps.append((key, before, fact))
                del self._now[key]
            return
        found = self._looked_up(wanted)
        if found is None:
            return
        wanted = {**wanted, **found}
        if wanted != before:
            self._now[key] = wanted
            self._steps.append((key, wanted, fact))

    def write(self) -> list[Step]:
        """Store what changed; what happened to the rows, in the order of the calls."""
        ids = self._ids()
        steps = [Step(self._made(ids[key], row), fact) for key, row, fact in self._steps]
        gone = self._before.keys() - self._now.keys()
        if gone:
            self._kind.model._default_manager.filter(pk__in=[ids[key] for key in gone]).delete()
        fresh = [key for key in self._now if key not in self._before]
        bulk.insert([self._made(ids[key], self._now[key]) for key in fresh])
        kept = self._now.keys() & self._before.keys()
        self._update(
            [self._made(ids[key], self._now[key]) for key in kept if self._now[key] != self._before[key]]
        )
        return steps

    def _update(self, changed: list[models.Model]) -> None:
        if changed:
            names = [field.name for field in self._kind.model._meta.concrete_fields if field.name != "id"]
            self._kind.model._default_manager.bulk_create(
                changed, update_conflicts=True, unique_fields=["id"], update_fields=names
            )

    def _ids(self) -> dict[Key, int]:
        """Each row's, also of one that came and went at once: what is told of it names it."""
        ids = {key: row.pk for key, row in self._found.items()}
        fresh = list(dict.fromkeys(key for key, _, _ in self._steps if key not in ids))
        return ids | dict(zip(fresh, bulk.keys(self._kind.model, len(fresh)), strict=True))

    def _made(self, pk: int, row: Row) -> models.Model:
        made: models.Model = bulk.new(self._kind.model, {"ledger_id": self._ledger.pk, **row}, {})
        made.pk = pk
        return made

    def _looked_up(self, wanted: Row) -> Row | None:
        """The columns that no single event holds; None where it can't be a row."""
        if self._kind.model is OnChainProposal:
            return counted(self._seats, wanted["vote_start"], wanted["rule"])
        if self._kind.model is CastVote:
            start = self._starts.get(wanted["proposal_id"])
            # none: a vote on a proposal that was not followed (see folds.proposal)
            return None if start is None else self._seats.member(wanted["voter"], start)
        return {}


def counted(seats: Seats, at: datetime, rule: dict[str, Any]) -> Row:
    """Electorate and quorum at a snapshot, as the contracts' checkpoints have them."""
    by_category = seats.by_category(at)
    electorate = sum(by_category)
    quorum = folds.quorum(electorate, rule)
    return {"electorate": electorate, "electorate_by_category": by_category, "quorum": quorum}


def _snapshots(ledger: Ledger, keys: Collection[Key]) -> dict[str, datetime]:
    """When the electorate of each proposal was fixed that the votes are on."""
    proposals = OnChainProposal.objects.filter(ledger=ledger, proposal_id__in={key[0] for key in keys})
    return dict(proposals.values_list("proposal_id", "vote_start"))


def _columns(row: models.Model) -> Row:
    return {name: getattr(row, name) for name in _names(type(row))}


@cache
def _names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(
        each.attname for each in model._meta.concrete_fields if each.attname not in ("id", "ledger_id")
    )
