"""The founding act: seats for the founding members, roles for the nodes that the networks start with.

What is on the ledger already is left out, so a founding that was cut off is finished by running it again.
When it is closed, the console's account has no more say than anybody without a seat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from web3.contract import Contract

from consortium.members.models import Institution, Node
from governance.chain import calls, contracts, indexer, selectors, waiting
from governance.chain.calls import Call, NodeRole, Seating
from governance.chain.errors import FoundingClosed, NobodyToFound
from governance.chain.models import Ledger, RelayTransaction

BATCH = 25  # seats or nodes a transaction: some 4 million gas, which every ledger's block holds

_ZERO = "0x" + "0" * 40
_Item = TypeVar("_Item")


def found_alliance(
    ledger: Ledger, *, nodes: Mapping[Node, int], close: bool = True
) -> list[RelayTransaction]:
    """Seat all admitted institutions with a voting address, enter ``nodes`` with their roles, close.

    Returns the transactions that this run needed: none when everything was done before. Raises
    FoundingClosed when something is missing and it is too late, NobodyToFound, RelayFailed.
    """
    seats, registry = contracts.seats(ledger), contracts.registry(ledger)
    seatings = _unseated(seats, selectors.founding_members())
    entries = _unregistered(registry, nodes)
    if _is_closed(seats):
        if seatings or entries:
            raise FoundingClosed
        indexer.follow(ledger)
        return []
    if not seatings and seats.functions.seatCount().call() == 0:
        raise NobodyToFound
    sent = [_have(ledger, calls.found_seats(ledger, batch)) for batch in _batches(seatings)]
    sent += [_have(ledger, calls.found_nodes(ledger, batch)) for batch in _batches(entries)]
    if close:
        sent.append(_have(ledger, calls.close_founding(ledger)))
    indexer.follow(ledger)
    return sent


def _is_closed(seats: Contract) -> bool:
    return bool(seats.functions.founder().call() == _ZERO)


def _unseated(seats: Contract, institutions: Iterable[Institution]) -> list[Seating]:
    return [
        Seating(one.uscc, one.category.number, str(one.voting_address))
        for one in institutions
        if seats.functions.seatOf(contracts.member_id_bytes(one.uscc)).call()[2] == 0
    ]


def _unregistered(registry: Contract, nodes: Mapping[Node, int]) -> list[NodeRole]:
    wanted = [
        NodeRole(node.network_id, node.consensus_id, node.institution.uscc, int(role))
        for node, role in nodes.items()
    ]
    return [entry for entry in wanted if _role(registry, entry) != entry.role]


def _role(registry: Contract, entry: NodeRole) -> int:
    key: tuple[Any, ...] = contracts.network_bytes(entry.network), bytes.fromhex(entry.consensus_id)
    return int(registry.functions.roleOf(*key).call()[0])


def _have(ledger: Ledger, call: Call) -> RelayTransaction:
    # The key is the content: a later run that still needs the same batch finds this transaction.
    digest = hashlib.sha256(call.data.encode("ascii")).hexdigest()[:32]
    return waiting.done(ledger, f"found:{digest}", call)


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
