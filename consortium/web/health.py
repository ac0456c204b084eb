"""Whether what the console stands on answers, each part asked with a time limit of its own."""

from __future__ import annotations

import logging

import httpx
import psycopg
import redis
from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)

LIMIT = 2.0  # seconds for each part


def check_all() -> dict[str, str]:
    """Part to "ok" or "down". What exactly is wrong goes to the log, not to a stranger."""
    return {"postgresql": _postgresql(), "redis": _redis(), "ledger": _ledger()}


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


def _ledger() -> str:
    try:
        ledger_head()
    except (httpx.HTTPError, LookupError, ValueError) as error:
        return _down("ledger", error)
    return "ok"


def ledger_head() -> int:
    """The ledger's newest block number. Raises httpx.HTTPError, LookupError or ValueError."""
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    answer = httpx.post(settings.LEDGER_URL, json=question, timeout=LIMIT, trust_env=False)
    answer.raise_for_status()
    return int(answer.json()["result"], 16)


def _down(part: str, error: Exception) -> str:
    logger.warning("%s does not answer: %s", part, type(error).__name__)
    return "down"
