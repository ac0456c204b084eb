"""How often who may fail: what a machine repeats for ever is slowed down, and told for how long.

A secret has 256 bits, so this is no protection of the secrets: it keeps guessing cheap for us.
"""

from __future__ import annotations

import ipaddress
import logging
import time
import uuid

from django.core.cache import cache
from redis.exceptions import RedisError

from certs.errors import TooManyAttempts

logger = logging.getLogger(__name__)

WINDOW = 60  # seconds
AN_ADDRESS = 10  # wrong secrets from one in a window
A_NODE = 20  # wrong secrets for one in a window, from wherever
REFUSED = 20  # requests that were refused, with one secret or certificate, in a window


def check_address(address: str) -> None:
    """Before a secret is looked at. Raises TooManyAttempts."""
    if _count(_address_key(address)) >= AN_ADDRESS:
        raise _too_many()


def wrong_secret(address: str, node_id: str) -> None:
    """Count one more. Raises TooManyAttempts when it was one too many for the node.

    A right secret passes all the same: whoever knows a node's id could lock it out otherwise.
    """
    _spend(_address_key(address))
    node = _node_key(node_id)
    if node and _spend(node) > A_NODE:
        raise _too_many()


def check_refused(subject: str) -> None:
    """``subject``: whose requests are counted, an enrolment or a certificate. Raises TooManyAttempts."""
    if _count(f"est:refused:{subject}") >= REFUSED:
        raise _too_many()


def refused(subject: str) -> None:
    """Count one more refused request."""
    _spend(f"est:refused:{subject}")


def _too_many() -> TooManyAttempts:
    return TooManyAttempts(seconds=WINDOW - int(time.time()) % WINDOW)


def _node_key(text: str) -> str:
    """Of what may be a node's id; empty for what can't be one, which is nobody's."""
    try:
        return f"est:node:{uuid.UUID(text)}"
    except ValueError:
        return ""


def _address_key(address: str) -> str:
    """Of IPv6 the network: one customer has all of a /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "est:address:"
    if parsed.version == 6:
        return f"est:address:{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"est:address:{parsed}"


def _this_window(key: str) -> str:
    return f"{key}:{int(time.time()) // WINDOW}"


def _count(key: str) -> int:
    try:
        return int(cache.get(_this_window(key), 0))
    except RedisError as error:
        logger.warning("not counted, the cache is away: %s", type(error).__name__)
        return 0


def _spend(key: str) -> int:
    try:
        cache.add(_this_window(key), 0, timeout=2 * WINDOW)
        return int(cache.incr(_this_window(key)))
    except (RedisError, ValueError) as error:  # ValueError: evicted in between
        logger.warning("not counted, the cache is away: %s", type(error).__name__)
        return 0
