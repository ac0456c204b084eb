"""Looking after the ledger's nodes: how far each is, what it leaves out, who is left and who is taken again.

Every process leaves a node that it catches; only this watch, every few seconds in the chain worker, takes one
again, and it notices what a single answer can't show: a node that falls behind the others, and one that gives
fewer events of the same blocks than the others, than it gave before, or than are in the receipts of what the
console itself sent.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from django.conf import settings

from governance.chain import indexer, logs, offices
from governance.chain import ledger as gateway
from governance.chain.decoding import checksum
from governance.chain.endpoint import Endpoint, NodeFault
from governance.chain.looking import GOOD_LOOKS, Look, Seen, Window, ask, book, judged, missing
from governance.chain.models import ChainEvent, IndexedBlock, Ledger, RelayTransaction, RpcNode
from governance.chain.rpc import Identity
from governance.chain.standing import Fault

__all__ = ["GOOD_LOOKS", "Look", "judged", "watch"]

RELAYED = 20  # of the console's own transactions, the last: their receipts are held against the events


def watch() -> list[Look]:
    """Ask every address of LEDGER_URL once, and write down what follows; what each showed, in that order."""
    ledger = _ledger()
    endpoints = [Endpoint(url, settings.LEDGER_TIMEOUT) for url in gateway.addresses()]
    identity = Identity(ledger.chain_id, ledger.genesis_hash) if ledger else None
    with ThreadPoolExecutor(max(1, len(endpoints)), "ledger-watch") as pool:
        looks = judged(list(pool.map(lambda each: ask(each, identity), endpoints)))
    missed: list[int] = []
    if ledger is not None and not ledger.deploying:
        looks = _compare(ledger, looks, missed)
    for each in looks:
        book(each)
    RpcNode.objects.filter(ledger="").exclude(key__in=[each.key for each in endpoints]).delete()
    if ledger is not None and missed:  # now that whoever withheld them is left
        indexer.read_again(ledger, min(missed))
    return looks


def _ledger() -> Ledger | None:
    return Ledger.objects.filter(slug=gateway.SLUG).first()


# --- What it leaves out -------------------------------------------------------------------------------------
def _compare(ledger: Ledger, looks: Sequence[Look], missed: list[int]) -> list[Look]:
    """Ask each for the same ranges: the newest events, one that wanders over the chain, where it failed.

    ``missed`` takes the blocks of which the index itself lacks events: whoever was read from withheld them.
    """
    good = [look for look in looks if look.fault is None]
    shared = min((look.head for look in good), default=0)
    newest = ledger.blocks.order_by("-number").values_list("number", flat=True).first() or 0
    end = min(shared, newest)
    if not good or end < ledger.start_block:
        return list(looks)
    compared = {look.endpoint.key: look for look in good}
    received = _shown_by_receipts(ledger, good, end)
    for window in _windows(ledger, end, received):
        given = {key: _given(look.endpoint, ledger, window) for key, look in compared.items()}
        shown = _shown_of_indexed_blocks(ledger, window, given)
        shown |= {log for log in received if window.first <= log[0] <= window.last}
        missed += [block for block, _, _ in shown - window.known]
        window = replace(window, known=window.known | shown)
        for key, found in given.items():
            if compared[key].fault is None:
                compared[key] = missing(compared[key], window, found)
    return [compared.get(look.endpoint.key, look) for look in looks]


def _windows(ledger: Ledger, end: int, received: frozenset[Seen]) -> list[Window]:
    size = max(1, ledger.log_range or settings.LEDGER_LOG_RANGE)
    span = end - ledger.start_block + 1
    last_event = (
        ledger.events.filter(block__lte=end).order_by("-block").values_list("block", flat=True).first()
    )
    wandering = ledger.start_block + (int(time.time()) * size) % span
    caught = RpcNode.objects.filter(ledger="").exclude(evidence_block=None)
    evidence = caught.values_list("evidence_block", flat=True)
    unknown = {block for block, _, _ in received - _known(ledger, {block for block, _, _ in received})}
    looked_at = [*evidence, *unknown, wandering]
    lasts = {min(end, block + size - 1) for block in looked_at if block is not None}
    lasts |= {last_event or end, end}
    return [_window(ledger, max(ledger.start_block, last - size + 1), last) for last in sorted(lasts)]


def _window(ledger: Ledger, first: int, last: int) -> Window:
    rows = ChainEvent.objects.filter(ledger=ledger, block__gte=first, block__lte=last)
    return Window(first, last, frozenset(rows.values_list("block", "block_hash", "log_index")))


def _known(ledger: Ledger, blocks: set[int]) -> frozenset[Seen]:
    rows = ChainEvent.objects.filter(ledger=ledger, block__in=blocks)
    return frozenset(rows.values_list("block", "block_hash", "log_index"))


def _shown_by_receipts(ledger: Ledger, looks: Sequence[Look], end: int) -> frozenset[Seen]:
    """Events of ours in the receipts of what the console sent last, in blocks that were indexed."""
    mined = RelayTransaction.objects.filter(
        ledger=ledger, status=RelayTransaction.Status.MINED, block__range=(ledger.start_block, end)
    )
    sent = list(mined.order_by("-block", "-pk").values_list("tx_hash", flat=True)[:RELAYED])
    newest = ledger.blocks.order_by("-number").first()
    if not sent or newest is None:
        return frozenset()
    since = offices.followed_since(ledger)
    return frozenset().union(*(_in_receipts(look.endpoint, newest, since, sent) for look in looks))


def _in_receipts(
    endpoint: Endpoint, newest: IndexedBlock, since: dict[str, int], sent: list[str | None]
) -> set[Seen]:
    """Nothing of a node whose chain is not the one that was indexed, as far as that goes."""
    asked: list[tuple[str, list[Any]]] = [("eth_getBlockByNumber", [hex(newest.number), False])]
    asked += [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in sent]
    try:
        header, *receipts = endpoint.results(asked)
        if not isinstance(header, dict) or header.get("hash") != newest.hash:
            return set()
        found = [log for receipt in receipts if isinstance(receipt, dict) for log in receipt["logs"]]
        return {
            (int(log["blockNumber"], 16), log["blockHash"], int(log["logIndex"], 16))
            for log in found
            if logs.is_followed(log, list(since))
            and since[checksum(log["address"])] < int(log["blockNumber"], 16) <= newest.number
        }
    except (NodeFault, TypeError, KeyError, ValueError):
        return set()  # whoever does not answer, or not as it should, is left for that elsewhere


def _given(endpoint: Endpoint, ledger: Ledger, window: Window) -> set[Seen] | NodeFault:
    try:
        since = offices.followed_since(ledger)
        found = endpoint.result("eth_getLogs", logs.wanted(list(since), window.first, window.last))
        return {
            (int(log["blockNumber"], 16), log["blockHash"], int(log["logIndex"], 16))
            for log in found
            if int(log["blockNumber"], 16) > since[checksum(log["address"])]
        }
    except NodeFault as fault:
        return fault
    except (TypeError, KeyError, ValueError) as error:
        return NodeFault(Fault.FAILING, f"eth_getLogs: {error!r}")


def _shown_of_indexed_blocks(
    ledger: Ledger, window: Window, given: dict[str, set[Seen] | NodeFault]
) -> frozenset[Seen]:
    """What any node gave of blocks that were indexed, under the very hash that they were indexed with."""
    marks = ledger.blocks.filter(number__gte=window.first, number__lte=window.last)
    hashes = dict(marks.values_list("number", "hash"))
    hashes |= {block: block_hash for block, block_hash, _ in window.known}
    every = (log for found in given.values() if isinstance(found, set) for log in found)
    return frozenset(log for log in every if hashes.get(log[0]) == log[1])
