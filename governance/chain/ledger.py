"""The one gateway to the ledger's node: every other module asks here for a connection."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import requests
from django.conf import settings
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import RPCEndpoint, RPCResponse

from governance.chain.errors import LedgerUnreachable, NoLedger, OtherLedger
from governance.chain.models import Ledger

SLUG = "alliance"  # there is one governing ledger; the key leaves room for more

CHECK_HOLDS = 2.0  # seconds; else half of what many ballots ask a ledger is who it is

_connections = threading.local()


class Provider(HTTPProvider):
    """JSON-RPC over HTTP with a timeout, no retries of its own, and one typed error for "no answer"."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except requests.RequestException as error:
            _connections.checked = None  # whoever answers next may be another
            raise LedgerUnreachable(detail=f"{type(error).__name__} ({method})") from error


def current() -> Ledger:
    """The ledger that governs. Raises NoLedger until all contracts are deployed."""
    found = Ledger.objects.filter(deploying=False).first()
    if found is None:
        raise NoLedger
    return found


def web3(ledger: Ledger) -> Web3:
    """A connection whose chain id and genesis are those of ``ledger``.

    Raises LedgerUnreachable, or OtherLedger when LEDGER_URL points to another or a wiped chain.
    """
    client = connect()
    known = (ledger.chain_id, ledger.genesis_hash)
    if _connections.checked != known or time.monotonic() > _connections.check_again:
        _check(ledger, "chain id", client.eth.chain_id, ledger.chain_id)
        _check(ledger, "genesis", genesis_hash(client), ledger.genesis_hash)
        _connections.checked, _connections.check_again = known, time.monotonic() + CHECK_HOLDS
    return client


def connect() -> Web3:
    """A connection to LEDGER_URL, unchecked; one a thread, and never shared over a fork."""
    wanted = (os.getpid(), settings.LEDGER_URL)
    if getattr(_connections, "made_for", None) != wanted:
        _connections.client = _client(settings.LEDGER_URL)
        _connections.made_for, _connections.checked = wanted, None
    client: Web3 = _connections.client
    return client


def genesis_hash(client: Web3) -> str:
    """Hash of block 0, as 0x-hex."""
    return client.eth.get_block(0)["hash"].to_0x_hex()


def _client(url: str) -> Web3:
    session = requests.Session()
    session.trust_env = False  # a proxy for the web is none for the alliance's own ledger
    provider = Provider(
        url,
        request_kwargs={"timeout": settings.LEDGER_TIMEOUT},
        session=session,
        exception_retry_configuration=None,
    )
    client = Web3(provider)
    # Besu, GoQuorum and other BFT chains put validators' signatures into extraData.
    client.middleware_onion.remove("validation")  # asks for the chain id before every call
    client.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return client


def _check(ledger: Ledger, what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise OtherLedger(what=what, actual=actual, expected=expected)
