"""The one gateway to the ledger's nodes: every other module asks here for a connection.

LEDGER_URL may name several nodes of one ledger, separated by commas: the first that is trusted is asked, the
others stand in for it (:mod:`governance.chain.rpc`).
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware

from governance.chain import endpoint
from governance.chain.errors import LedgerUnreachable, NoLedger
from governance.chain.models import Ledger
from governance.chain.rpc import Identity, Provider

logger = logging.getLogger(__name__)

SLUG = "alliance"  # there is one governing ledger; the key leaves room for more

_LAST_SECOND = 100_000_000_000  # as folds.LAST_SECOND
# A program that returns block.timestamp and nothing else: TIMESTAMP, MSTORE at 0, RETURN of 32 octets.
_WHAT_TIME = "0x4260005260206000f3"

_connections = threading.local()


def current() -> Ledger:
    """The ledger that governs. Raises NoLedger until all contracts are deployed."""
    found = Ledger.objects.filter(deploying=False).first()
    if found is None:
        raise NoLedger
    return found


def addresses() -> list[str]:
    """The nodes of LEDGER_URL, in its order. Not for showing: there may be passwords in them."""
    return [url for url in re.split(r"[,\s]+", settings.LEDGER_URL) if url]


def shown_addresses() -> list[str]:
    """Likewise, for people: without what may be secret."""
    return [endpoint.shown(url) for url in addresses()]


def web3(ledger: Ledger) -> Web3:
    """A connection to nodes whose chain id and genesis are those of ``ledger``.

    Raises LedgerUnreachable, or OtherLedger when LEDGER_URL points to another or a wiped chain.
    """
    client = connect()
    provider(client).verify(Identity(ledger.chain_id, ledger.genesis_hash))
    return client


def connect() -> Web3:
    """A connection to LEDGER_URL, unchecked; one a thread, and never shared over a fork."""
    wanted = (os.getpid(), settings.LEDGER_URL, settings.LEDGER_TIMEOUT)
    if getattr(_connections, "made_for", None) != wanted:
        _connections.client, _connections.made_for = client_of(addresses()), wanted
    client: Web3 = _connections.client
    return client


def client_of(urls: list[str], **whose: Any) -> Web3:
    """A connection of its own to the nodes at ``urls``, unchecked; for one thread. Raises LedgerUnreachable
    where there is no address. ``whose``: see :class:`Provider`."""
    if not urls:
        raise LedgerUnreachable(detail="no address")
    client = Web3(Provider(urls, settings.LEDGER_TIMEOUT, **whose))
    # Besu, GoQuorum and other BFT chains put validators' signatures into extraData.
    client.middleware_onion.remove("validation")  # asks for the chain id before every call
    client.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return client


def nodes(
    urls: Sequence[str], identity: Identity | None = None, *, realm: str, indexed: Callable[[], int]
) -> Web3:
    """A connection to another ledger, kept for this thread; checked where its identity is known.

    ``realm`` is its name, ``indexed`` tells its newest block that was read.
    """
    if getattr(_connections, "process", None) != os.getpid():
        _connections.process, _connections.others = os.getpid(), {}
    others: dict[tuple[Any, ...], Web3] = _connections.others
    wanted = (realm, settings.LEDGER_TIMEOUT, *urls)
    if wanted not in others:
        others[wanted] = client_of(list(urls), realm=realm, indexed=indexed)
    if identity is not None:
        provider(others[wanted]).verify(identity)
    return others[wanted]


def provider(client: Web3) -> Provider:
    """What stands behind a connection of ours."""
    behind: Provider = client.provider  # type: ignore[assignment]
    return behind


def genesis_hash(client: Web3) -> str:
    """Hash of block 0, as 0x-hex."""
    return client.eth.get_block(0)["hash"].to_0x_hex()


def ticks_per_second(client: Web3) -> int:
    """What ``block.timestamp`` counts in a second: 1, or 1000 where contracts are told milliseconds.

    On FISCO BCOS they are, unless a feature flag is on, while its block JSON says seconds either way: so a
    contract is asked. Where the node runs none that is not there yet, seconds are taken to be meant; the
    Seats contract refuses a unit that is not its ledger's.
    """
    try:
        told = client.eth.call({"data": HexStr(_WHAT_TIME)})
    except Web3Exception as error:
        logger.warning("the ledger does not say what its contracts' clock counts: %s", error)
        return 1
    return 1000 if int.from_bytes(told) > _LAST_SECOND else 1
