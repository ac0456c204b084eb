"""Celery's and the outbox's way to the services."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from certs.errors import NoAuthority
from consortium.members.models import Network
from governance.chain.errors import NoLedger
from governance.permissions import services, tufrepo
from governance.permissions.errors import NoListKeys, RepositoryLost

logger = logging.getLogger(__name__)


def handle_compile(payload: dict[str, Any]) -> None:
    """Outbox: write the network's next epoch if its list changed."""
    network = Network.objects.get(pk=payload["network"])
    services.compile_epoch(network, cause=payload.get("cause", ""))


def handle_publish(payload: dict[str, Any]) -> None:
    """Outbox: sign and publish the newest epochs."""
    services.publish()


def handle_advance(payload: dict[str, Any]) -> None:
    """Outbox: a node answered; may the network's next stage begin?"""
    services.advance_rollouts(payload["network"])


def handle_permits(payload: dict[str, Any]) -> None:
    """Outbox: a node's certificate came or went."""
    services.keep_permits()


def handle_push(payload: dict[str, Any]) -> None:
    """Outbox: tell the network's nodes. Who does not answer is told again by ``remind_nodes``."""
    services.tell_nodes(payload["network"])


@shared_task(name="permissions.recheck_lists", ignore_result=True)
def recheck_lists() -> None:
    """Every minute: notice lists that changed as time passed. One network's trouble is not another's."""
    for network in Network.objects.order_by("slug"):
        try:
            services.recheck(network)
        except NoLedger:
            logger.debug("no ledger yet: no list can have changed")
            return
        except Exception:
            logger.exception("list of %s not rechecked", network.pk)


@shared_task(name="permissions.renew_signatures", ignore_result=True)
def renew_signatures() -> None:
    """Every minute: renew signatures before they end. Needs the signing worker's keys, and nothing else."""
    try:
        services.remind_of_root()
        services.refresh()
        tufrepo.certify()
    except NoAuthority:
        logger.debug("no list authority yet: the list keys have no certificates")
    except NoListKeys:
        logger.debug("no list keys yet: nothing was signed that could end")
    except RepositoryLost as error:
        logger.error("%s", error)  # noqa: TRY400 - a line a minute says it, a traceback would not help


@shared_task(name="permissions.anchor_heads", ignore_result=True)
def anchor_heads() -> None:
    """Every ANCHOR_INTERVAL: owe the ledger the heads of the lists' logs. The chain worker sends them."""
    try:
        services.anchor_heads()
    except NoLedger:
        logger.debug("no ledger yet: no log to anchor")


@shared_task(name="permissions.keep_permits", ignore_result=True)
def keep_permits() -> None:
    """Every minute: certificates run out without an event, and files may have been lost."""
    services.keep_permits()


@shared_task(name="permissions.mend_store", ignore_result=True)
def mend_store() -> None:
    """Every hour: a bucket may have lost what nobody here would put again, since nothing changed."""
    try:
        services.mend_store()
    except NoListKeys:
        logger.debug("no list keys yet: nothing was published that could be lost")


@shared_task(name="permissions.remind_nodes", ignore_result=True)
def remind_nodes() -> None:
    """Every ten seconds: tell the nodes whose next attempt is due."""
    services.tell_nodes()


@shared_task(name="permissions.push_shards", ignore_result=True)
def push_shards(network: str | None) -> None:
    """Asked for by a worker that has more nodes to tell than a shard: take some of them."""
    services.tell_shards(network)


@shared_task(name="permissions.check_drift", ignore_result=True)
def check_drift() -> None:
    """Every minute: alarms of nodes that drifted, or that no longer do."""
    services.check_drift()


@shared_task(name="permissions.advance_rollouts", ignore_result=True)
def advance_rollouts() -> None:
    """Every five seconds: gates that waited for time, not for a node."""
    services.advance_rollouts()


@shared_task(name="permissions.advance_removals", ignore_result=True)
def advance_removals() -> None:
    """Every minute: revoke what has left consensus and every list, in the name of who ordered it."""
    try:
        services.advance_removals()
    except NoLedger:
        logger.debug("no ledger yet: no node can be on its way out")
