"""Whether what the console stands on answers, each part asked with a time limit of its own."""

from __future__ import annotations

import logging

import httpx
import psycopg
import redis
from django.conf import settings
from django.db import connection

from governance.chain import endpoint, standing
from governance.chain import ledger as gateway
from governance.chain.models import RpcNode

logger = logging.getLogger(__name__)

LIMIT = 2.0  # seconds for each part


def check_all() -> dict[str, str]:
    """Part to "ok" or "down". What exactly is wrong goes to the log, not to a stranger."""
    database = _postgresql()
    return {"postgresql": database, "redis": _redis(), "ledger": _ledger(database)}


def _postgresql() -> str:
    """A connection of its own: the pooled one may hang on a server that went away."""
    parameters = {**connection.get_connection_params(), "connect_timeout": int(LIMIT)}
    for own in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(own, None)
    try:
        with psycopg.connect(**parameters, options=f"-c statement_timeout={int(LIMIT * 1000)}") as fresh:
            fresh.execute("SELECT 1")
    except psycopg.Error as error:
        return _down("postgresql", error)
    return "ok"


def _redis() -> str:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=LIMIT, socket_connect_timeout=LIMIT)
    try:
        client.ping()
    except redis.RedisError as error:
        return _down("redis", error)
    finally:
        client.close()
    return "ok"


def _ledger(database: str) -> str:
    """Who was caught in a lie does not count; which only the database knows."""
    addresses = gateway.addresses()
    try:
        _head_of_first(_believed(addresses) if database == "ok" else addresses)
    except (httpx.HTTPError, LookupError, ValueError) as error:
        return _down("ledger", error)
    return "ok"


def ledger_head() -> int:
    """The newest block number, from the first of the ledger's nodes that is trusted and answers.

    Raises httpx.HTTPError, LookupError or ValueError.
    """
    return _head_of_first(_believed(gateway.addresses()))


def _head_of_first(addresses: list[str]) -> int:
    trouble: httpx.HTTPError | LookupError | ValueError = LookupError("no address that is trusted")
    for address in addresses:
        try:
            return _head_of(address)
        except (httpx.HTTPError, LookupError, ValueError) as error:
            trouble = error
    raise trouble


def _believed(addresses: list[str]) -> list[str]:
    """Without the nodes that were caught in a lie; what does not answer shows that by itself."""
    if len(addresses) == 1:
        return addresses
    lying = RpcNode.objects.exclude(fault="").exclude(fault__in=standing.SILENT)
    left = set(lying.values_list("key", flat=True))
    return [address for address in addresses if endpoint.key_of(address) not in left]


def _head_of(address: str) -> int:
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    answer = httpx.post(address, json=question, timeout=LIMIT, trust_env=False)
    answer.raise_for_status()
    return int(answer.json()["result"], 16)


def _down(part: str, error: Exception) -> str:
    logger.warning("%s does not answer: %s", part, type(error).__name__)
    return "down"
