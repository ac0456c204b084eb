"""How often one account may change something: every change leaves an event for good."""

from __future__ import annotations

import logging
import time

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from consortium.core.errors import ConsoleError
from consortium.members.models import User

logger = logging.getLogger(__name__)

_MINUTE = 60
WRITES = "writes"
ENDPOINTS = "endpoints"  # each makes a new list for every node of the network
ENROLMENTS = "enrolments"  # each is a secret that somebody has to keep
RATES = {WRITES: 120, ENDPOINTS: 10, ENROLMENTS: 30}  # a minute and account


class TooManyRequests(ConsoleError):
    code = "too_many_requests"
    status = 429
    message = _("Too many changes in a short time. Wait a minute and try again.")


def spend(account: User, what: str) -> None:
    """Count one more. Raises TooManyRequests; lets pass when the cache that counts is away."""
    key = f"limit:{what}:{account.pk}:{int(time.time()) // _MINUTE}"
    try:
        cache.add(key, 0, timeout=2 * _MINUTE)
        count = cache.incr(key)
    except (RedisError, ValueError) as error:  # ValueError: evicted in between
        logger.warning("not counted, the cache is away: %s", type(error).__name__)
        return
    if count > RATES[what]:
        raise TooManyRequests
