"""Asking the nodes of a ledger that stands in the table of governed ledgers, by any of its addresses.

The same way as the alliance's own ledger is asked (:mod:`governance.chain.rpc`): fail-over within a call,
time limits, and a node that is silent, another ledger's, behind or withholding is left until the watch
(:mod:`governance.chain.ledgers.watching`) takes it again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Max
from web3 import Web3

from governance.chain import ledger as gateway
from governance.chain import standing
from governance.chain.endpoint import Endpoint, NodeFault
from governance.chain.errors import LedgerUnreachable
from governance.chain.ledgers.models import GovernedLedger, LedgerBlock
from governance.chain.rpc import Identity


def identity(ledger: GovernedLedger) -> Identity:
    """Which ledger each of its nodes has to be."""
    return Identity(ledger.chain_id, ledger.genesis_hash)


def web3(ledger: GovernedLedger) -> Web3:
    """A connection to the ledger's nodes; each question goes to the first that is trusted and answers.

    Raises LedgerUnreachable where none answers, OtherLedger where what answers is another ledger,
    NoTrustedNode where all that is left was caught lying.
    """
    newest = partial(_newest, ledger.pk)
    return gateway.nodes(ledger.rpc_addresses, identity(ledger), realm=ledger.pk, indexed=newest)


def identify(addresses: Sequence[str]) -> tuple[int, str]:
    """Chain id and genesis hash, of the first node that answers. Raises LedgerUnreachable."""
    why = "no address"
    for address in addresses:
        asked = Endpoint(address, settings.LEDGER_TIMEOUT)
        try:
            return asked.number("eth_chainId"), asked.genesis()
        except NodeFault as fault:
            why = f"{asked.shown}: {fault}"
    raise LedgerUnreachable(detail=why)


def connect(address: str) -> Web3:
    """A connection to one address, unchecked and of its own; for one thread."""
    return gateway.client_of([address])


def endpoints(ledger: GovernedLedger) -> list[Endpoint]:
    """The ledger's nodes, in the order that they are asked in."""
    return [Endpoint(url, settings.LEDGER_TIMEOUT, ledger.pk) for url in ledger.rpc_addresses]


# --- FISCO BCOS's own JSON-RPC ------------------------------------------------------------------------------
def native_endpoints(ledger: GovernedLedger) -> list[Endpoint]:
    """Where the node's own JSON-RPC answers; it alone has the lists of sealers and observers."""
    realm = f"{ledger.pk} native"
    return [Endpoint(url, settings.LEDGER_TIMEOUT, realm) for url in ledger.native_addresses]


def native(ledger: GovernedLedger, method: str, *arguments: Any) -> Any:
    """Ask it, one address after the other, those that were left last. Raises LedgerUnreachable."""
    known = native_endpoints(ledger)
    left = standing.left([each.key for each in known]) if len(known) > 1 else {}
    why = "no native address"
    for each in sorted(known, key=lambda each: each.key in left):
        try:
            return native_of(ledger, each, method, *arguments)
        except NodeFault as fault:
            why = f"{fault} ({method})"
            if len(known) > 1 and fault.grave:
                standing.leave(each.key, each.shown, fault.kind, fault.detail, ledger=ledger.pk)
    raise LedgerUnreachable(detail=why)


def native_of(ledger: GovernedLedger, endpoint: Endpoint, method: str, *arguments: Any) -> Any:
    """Ask one of them. Raises NodeFault."""
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [ledger.native_group, "", *arguments]}
    answer = endpoint.post(json.dumps(question).encode("ascii"))
    if not isinstance(answer, dict) or "result" not in answer:
        raise NodeFault(standing.Fault.FAILING, f"{method}: {str(answer)[:160]}")
    return answer["result"]


def _newest(pk: str) -> int:
    return LedgerBlock.objects.filter(ledger=pk).aggregate(last=Max("number"))["last"] or 0
