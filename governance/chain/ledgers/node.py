"""Asking the nodes of a ledger that stands in the table of governed ledgers, by any of its addresses.

Each is checked to be the ledger it is taken for. One that is silent or answers for another chain is left for
the next; one that is behind what was indexed is asked only where no other is better.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import requests
from django.conf import settings
from django.db.models import Max
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import RPCEndpoint, RPCResponse

from governance.chain.errors import LedgerUnreachable, OtherLedger
from governance.chain.ledger import genesis_hash
from governance.chain.ledgers.models import GovernedLedger, LedgerBlock

CHECK_HOLDS = 2.0  # seconds that a node is believed to be who it showed itself to be

_connections = threading.local()


class _Provider(HTTPProvider):
    """JSON-RPC over HTTP with a time limit, no retries of its own, and one typed error for "no answer"."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except (requests.RequestException, ValueError) as error:
            _connections.checked.pop(self.endpoint_uri, None)  # whoever answers there next may be another
            raise LedgerUnreachable(detail=f"{type(error).__name__} ({method})") from error


def web3(ledger: GovernedLedger) -> Web3:
    """A connection to the first of the ledger's nodes that answers as that ledger.

    Raises LedgerUnreachable where none answers, OtherLedger where the last that answers is another ledger.
    """
    refusal: LedgerUnreachable | OtherLedger = LedgerUnreachable(detail=f"{ledger.slug}: no address")
    best: tuple[int, Web3] | None = None
    newest = LedgerBlock.objects.filter(ledger=ledger).aggregate(last=Max("number"))["last"] or 0
    for address in ledger.rpc_addresses:
        try:
            client, head = _checked(address, ledger)
        except (LedgerUnreachable, OtherLedger) as error:
            refusal = error
            continue
        if head >= newest:
            return client
        best = max(best or (head, client), (head, client), key=lambda found: found[0])
    if best is None:
        raise refusal
    return best[1]  # all of them are behind: then the ledger itself went back


def identify(addresses: Sequence[str]) -> tuple[int, str]:
    """Chain id and genesis hash, of the first node that answers. Raises LedgerUnreachable."""
    refusal = LedgerUnreachable(detail="no address")
    for address in addresses:
        client = connect(address)
        try:
            return client.eth.chain_id, genesis_hash(client)
        except LedgerUnreachable as error:
            refusal = error
    raise refusal


def connect(address: str) -> Web3:
    """A connection, unchecked; one a thread and address, never shared over a fork."""
    if getattr(_connections, "process", None) != os.getpid():
        _connections.process, _connections.clients, _connections.checked = os.getpid(), {}, {}
    clients: dict[str, Web3] = _connections.clients
    return clients.setdefault(address, _client(address))


def native(ledger: GovernedLedger, method: str, *arguments: Any) -> Any:
    """Ask the node's own JSON-RPC (not the Ethereum one), which alone has the lists of sealers and observers.

    Raises LedgerUnreachable where no address answers it.
    """
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [ledger.native_group, "", *arguments]}
    why = "no native address"
    for address in ledger.native_addresses:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(address, json=question, timeout=settings.LEDGER_TIMEOUT).json()
            return answer["result"]
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__} ({method})"
    raise LedgerUnreachable(detail=why)


def _checked(address: str, ledger: GovernedLedger) -> tuple[Web3, int]:
    """The connection, and the head that the node showed when it was last checked."""
    client = connect(address)
    known = (ledger.chain_id, ledger.genesis_hash)
    checked: dict[str, tuple[Any, float, int]] = _connections.checked
    seen, until, head = checked.get(address, (None, 0.0, 0))
    if seen != known or time.monotonic() > until:
        checked.pop(address, None)
        _must_be("chain id", client.eth.chain_id, ledger.chain_id)
        _must_be("genesis", genesis_hash(client), ledger.genesis_hash)
        head = client.eth.block_number
        checked[address] = (known, time.monotonic() + CHECK_HOLDS, head)
    return client, head


def _client(address: str) -> Web3:
    session = requests.Session()
    session.trust_env = False  # a proxy for the web is none for a ledger
    provider = _Provider(
        address,
        request_kwargs={"timeout": settings.LEDGER_TIMEOUT},
        session=session,
        exception_retry_configuration=None,
    )
    client = Web3(provider)
    client.middleware_onion.remove("validation")
    # Block 0 of FISCO BCOS has the genesis configuration in extraData.
    client.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return client


def _must_be(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise OtherLedger(what=what, actual=actual, expected=expected)
