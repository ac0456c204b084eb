"""Celery's and the outbox's way to the services."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from consortium.members.models import Network
from governance.chain.errors import NoLedger
from governance.permissions import services
from governance.permissions.errors import NoListKeys

logger = logging.getLogger(__name__)


def handle_compile(payload: dict[str, Any]) -> None:
    """Outbox: write the network's next epoch if its list changed."""
    network = Network.objects.get(pk=payload["network"])
    services.compile_epoch(network, cause=payload.get("cause", ""))


def handle_publish(payload: dict[str, Any]) -> None:
    """Outbox: sign and publish the newest epochs."""
    services.publish()


def handle_push(payload: dict[str, Any]) -> None:
    """Outbox: tell the network's nodes. Who does not answer is told again by ``remind_nodes``."""
    services.tell_nodes(payload["network"])


@shared_task(name="permissions.refresh_metadata", ignore_result=True)
def refresh_metadata() -> None:
    """Every minute: notice lists that changed as time passed, and renew signatures before they end."""
    try:
        for network in Network.objects.all():
            services.recheck(network)
    except NoLedger:
        logger.debug("no ledger yet: no list can have changed")
    try:
        services.refresh()
    except NoListKeys:
        logger.debug("no list keys yet: nothing was signed that could end")


@shared_task(name="permissions.remind_nodes", ignore_result=True)
def remind_nodes() -> None:
    """Every ten seconds: tell the nodes whose next attempt is due."""
    services.tell_nodes()
