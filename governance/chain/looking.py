"""What a ledger's node shows when it is asked, what of that is a fault, and writing it down.

For the watch over the alliance's own ledger and for that over the others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from consortium.core import clock
from governance.chain import standing
from governance.chain.endpoint import Endpoint, NodeFault
from governance.chain.models import RpcNode
from governance.chain.rpc import Identity
from governance.chain.standing import Fault

GOOD_LOOKS = 2  # in a row, before a node that was left is taken again

Seen = tuple[int, str, int | str]  # block, its hash, which log in it: its place, or its transaction


@dataclass(frozen=True, slots=True)
class Window:
    """A range of blocks and the events of ours that are known to be in it."""

    first: int
    last: int
    known: frozenset[Seen]


@dataclass(frozen=True, slots=True)
class Look:
    """What a node showed when it was asked who and how far it is."""

    endpoint: Endpoint
    head: int = 0
    milliseconds: int = 0
    fault: NodeFault | None = None
    block: int | None = None  # where the fault can be seen


def ask(endpoint: Endpoint, identity: Identity | None) -> Look:
    """How far a node is; and, where the ledger is known, whether the node is of it."""
    began = time.monotonic()
    try:
        head = endpoint.number("eth_blockNumber")
        taken = int((time.monotonic() - began) * 1000)
        if identity is not None:
            _must_be(endpoint, identity)
        if not isinstance(endpoint.result("eth_getBlockByNumber", hex(head), False), dict):
            raise NodeFault(Fault.FAILING, f"no block {head}")
    except NodeFault as fault:
        return Look(endpoint, fault=fault)
    return Look(endpoint, head, taken)


def judged(looks: Sequence[Look]) -> list[Look]:
    """Who is further behind the best than is tolerated has that fault, unless it has another."""
    best = max((look.head for look in looks if look.fault is None), default=0)
    return [
        replace(look, fault=NodeFault(Fault.BEHIND, f"{look.head} < {best}"))
        if look.fault is None and look.head + standing.tolerance() < best
        else look
        for look in looks
    ]


def missing(look: Look, window: Window, given: set[Seen] | NodeFault) -> Look:
    """With the fault of withholding what is known of a block that the node itself has."""
    if isinstance(given, NodeFault):
        return replace(look, fault=given) if given.kind != Fault.FAILING else look  # a range may be too large
    for block, block_hash, _ in sorted(window.known - given):
        try:
            header = look.endpoint.result("eth_getBlockByNumber", hex(block), False)
        except NodeFault as fault:
            return replace(look, fault=fault)
        if isinstance(header, dict) and header.get("hash") == block_hash:
            return replace(look, fault=NodeFault(Fault.LOGS_MISSING, f"block {block}"), block=block)
    return look


def book(look: Look, *, ledger: str = "", native: bool = False) -> None:
    """Write down what a node showed: leave it for a fault, take it again after enough good looks.

    ``ledger``: the governed ledger whose node it is, empty for the alliance's own.
    """
    key, address = look.endpoint.key, look.endpoint.shown
    now = clock.now()
    fresh: dict[str, Any] = {"asked_at": now, "address": address, "ledger": ledger, "native": native}
    if look.fault is None or look.head:
        fresh |= {"answered_at": now, "milliseconds": look.milliseconds}
        fresh["head"] = None if native else look.head
    RpcNode.objects.update_or_create(key=key, defaults=fresh)
    if look.fault is not None:
        standing.leave(key, address, look.fault.kind, look.fault.detail, look.block, ledger=ledger)
        return
    with transaction.atomic():
        node = RpcNode.objects.select_for_update().get(key=key)
        if not node.fault:
            return
        node.good_looks += 1
        if node.good_looks >= GOOD_LOOKS:
            standing.take(node)
        else:
            node.save(update_fields=["good_looks"])


def _must_be(endpoint: Endpoint, identity: Identity) -> None:
    chain_id, genesis = endpoint.number("eth_chainId"), endpoint.genesis()
    if chain_id != identity.chain_id:
        raise NodeFault.other_ledger("chain id", chain_id, identity.chain_id)
    if genesis != identity.genesis_hash:
        raise NodeFault.other_ledger("genesis", genesis, identity.genesis_hash)
