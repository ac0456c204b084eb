"""Which proposal an operation of the timelock is of.

Anybody may have the timelock carry out what is due, and who holds the role may cancel it there; the governor
says nothing of either. The timelock names an operation by a hash of its own. It announces it right before the
governor says that the proposal is queued, in one call of the governor's: that tells which is whose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from governance.chain import folds
from governance.chain.folds import Fact
from governance.chain.models import ChainEvent, Ledger

_ANNOUNCED = "CallSalt"


def linked(ledger: Ledger, facts: Sequence[Fact]) -> list[Fact]:
    """The facts, those of the timelock's operations with the proposal that they are of.

    ``facts``: of whole blocks, in the ledger's order; what lies before them is stored. One query, where there
    are such events at all.
    """
    owners = _announced(ledger, facts)
    unknown = {fact.args["id"] for fact in facts if _is_operation(ledger, fact)} - owners.keys()
    owners |= _stored(ledger, unknown)
    return [
        replace(fact, of=owners.get(fact.args["id"], "")) if _is_operation(ledger, fact) else fact
        for fact in facts
    ]


def _is_operation(ledger: Ledger, fact: Fact) -> bool:
    return folds.EVENTS.get(fact.name) == folds.OPERATION and fact.contract == ledger.timelock


def _announced(ledger: Ledger, facts: Sequence[Fact]) -> dict[str, str]:
    """Proposals by the id of their operation."""
    found: dict[str, str] = {}
    for fact, after in pairwise(facts):
        if fact.name != _ANNOUNCED or after.name != "ProposalQueued" or fact.contract != ledger.timelock:
            continue
        if (after.tx_hash, after.log_index) == (fact.tx_hash, fact.log_index + 1):
            found[fact.args["id"]] = after.args["proposalId"]
    return found


def _stored(ledger: Ledger, operations: set[str]) -> dict[str, str]:
    if not operations:
        return {}
    known = ChainEvent.objects.filter(
        ledger=ledger, name=_ANNOUNCED, about__startswith=f"{folds.PROPOSAL}:", args__id__in=list(operations)
    )
    rows = known.values_list("args__id", "about")
    return {operation: about.partition(":")[2] for operation, about in rows}
