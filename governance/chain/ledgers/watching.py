"""Looking after the governed ledgers' nodes, as :mod:`governance.chain.watching` does for the alliance's.

Each address is asked who it is and how far; those that answer are asked for the same ranges of events, and
one that leaves out what another shows of a block that both have is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, time
from typing import Any

from web3 import Web3

from governance.chain import standing
from governance.chain.contracts import REGISTRY, offline
from governance.chain.endpoint import Endpoint, NodeFault
from governance.chain.ledgers import indexing, node, registry_only
from governance.chain.ledgers.models import CommitteeCall, GovernedLedger
from governance.chain.looking import Look, Seen, Window, ask, book, judged, missing
from governance.chain.models import RpcNode
from governance.chain.standing import Fault
from governance.contracts import fisco

_MOST_AT_ONCE = 16  # addresses asked side by side


def watch() -> None:
    """Ask every address of every governed ledger once, and write down what follows."""
    rows = list(GovernedLedger.objects.exclude(kind=GovernedLedger.Kind.GOVERNOR))
    ways = [(row, each, False) for row in rows for each in node.endpoints(row)]
    ways += [(row, each, True) for row in rows for each in node.native_endpoints(row)]
    with ThreadPoolExecutor(_MOST_AT_ONCE, "ledgers-watch") as pool:
        shown = list(pool.map(lambda way: _ask(*way), ways))
    for row in rows:
        found = [(look, way[2]) for look, way in zip(shown, ways, strict=True) if way[0] is row]
        _judge(row, [look for look, native in found if not native])
        for look, native in found:
            if native:
                book(look, ledger=row.pk, native=True)
    RpcNode.objects.exclude(ledger="").exclude(key__in=[each.key for _, each, _ in ways]).delete()


def _ask(row: GovernedLedger, endpoint: Endpoint, native: bool) -> Look:
    return _ask_native(row, endpoint) if native else ask(endpoint, node.identity(row))


def _ask_native(row: GovernedLedger, endpoint: Endpoint) -> Look:
    began = monotonic()
    try:
        if not isinstance(node.native_of(row, endpoint, "getSealerList"), list):
            raise NodeFault(Fault.FAILING, "getSealerList: no list")
    except NodeFault as fault:
        return Look(endpoint, fault=fault)
    return Look(endpoint, milliseconds=int((monotonic() - began) * 1000))


def _judge(row: GovernedLedger, looks: Sequence[Look]) -> None:
    left = set(standing.left([look.endpoint.key for look in looks]))
    looks, missed = _compare(row, judged(looks))
    for look in looks:
        book(look, ledger=row.pk)
    caught = [
        look
        for look in looks
        if look.fault and look.fault.kind == Fault.LOGS_MISSING and look.endpoint.key not in left
    ]
    # What was read from whoever withheld is read again, now that it is left.
    if missed:
        indexing.read_again(row, min(missed))
    elif caught and row.kind == GovernedLedger.Kind.REGISTRY_ONLY:
        registry_only.forget(row)


# --- What it leaves out -------------------------------------------------------------------------------------
def _compare(row: GovernedLedger, looks: list[Look]) -> tuple[list[Look], list[int]]:
    """Each asked for the same ranges; also the blocks of which what was read lacks events."""
    wanted = _wanted(row)
    good = {look.endpoint.key: look for look in looks if look.fault is None}
    head = min((look.head for look in good.values()), default=-1)
    missed: list[int] = []
    if wanted is None or head < row.start_block:
        return looks, missed
    for first, last in _ranges(row, head):
        given = {key: _given(look.endpoint, wanted, first, last) for key, look in good.items()}
        read = _read(row, first, last)
        shown = {log for found in given.values() if isinstance(found, set) for log in found}
        missed += [block for block, _, _ in _of_read_blocks(row, shown) - read]
        window = Window(first, last, frozenset(read | shown))
        for key, found in given.items():
            if good[key].fault is None:
                good[key] = missing(good[key], window, found)
    return [good.get(look.endpoint.key, look) for look in looks], missed


def _wanted(row: GovernedLedger) -> dict[str, Any] | None:
    """The events that the console reads on this ledger; None where it reads none."""
    if row.kind == GovernedLedger.Kind.COMMITTEE:
        topic = Web3.keccak(text=fisco.EXEC_RESULT).to_0x_hex()
        return {"address": fisco.COMMITTEE_MANAGER, "topics": [topic]}
    if row.registry:
        return {"address": row.registry, "topics": [offline(REGISTRY).events["NodeRoleChanged"]().topic]}
    return None


def _ranges(row: GovernedLedger, head: int) -> list[tuple[int, int]]:
    """The newest blocks, the newest events, a range that wanders over the ledger, and where a node failed."""
    span = head - row.start_block + 1
    lasts = {head, row.start_block + (int(time()) * row.log_range) % span}
    newest = CommitteeCall.objects.filter(ledger=row, exec_code__isnull=False, block__lte=head)
    evidence = RpcNode.objects.filter(ledger=row.pk).exclude(evidence_block=None)
    seen = [
        newest.order_by("-block").values_list("block", flat=True).first(),
        *evidence.values_list("evidence_block", flat=True),
    ]
    lasts |= {min(head, block + row.log_range - 1) for block in seen if block is not None}
    return [(max(row.start_block, last - row.log_range + 1), last) for last in sorted(lasts)]


def _given(endpoint: Endpoint, wanted: dict[str, Any], first: int, last: int) -> set[Seen] | NodeFault:
    asked = {**wanted, "fromBlock": hex(first), "toBlock": hex(last)}
    try:
        found = endpoint.result("eth_getLogs", asked)
        return {(int(log["blockNumber"], 16), log["blockHash"], log["transactionHash"]) for log in found}
    except NodeFault as fault:
        return fault
    except (TypeError, KeyError, ValueError) as error:
        return NodeFault(Fault.FAILING, f"eth_getLogs: {error!r}")


def _read(row: GovernedLedger, first: int, last: int) -> set[Seen]:
    """What the console has of these blocks, under the hashes that it read them with."""
    hashes = dict(row.blocks.filter(number__range=(first, last)).values_list("number", "hash"))
    calls = row.calls.filter(block__in=hashes, exec_code__isnull=False)
    return {(block, hashes[block], tx_hash) for block, tx_hash in calls.values_list("block", "tx_hash")}


def _of_read_blocks(row: GovernedLedger, shown: set[Seen]) -> set[Seen]:
    if row.kind != GovernedLedger.Kind.COMMITTEE:
        return set()  # of others the console keeps the roles that come of events, and not the events
    blocks = row.blocks.filter(number__in={block for block, _, _ in shown})
    hashes = dict(blocks.values_list("number", "hash"))
    return {log for log in shown if hashes.get(log[0]) == log[1]}
