"""One round of the agent: pull, verify, put in force, read back, report. Safe to break off anywhere."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from governance.agent import applying, offers, reports, state, store
from governance.agent.adapters import Adapter, make
from governance.agent.applying import InForce
from governance.agent.config import Config
from governance.agent.errors import AgentError, ReloadFailed
from governance.agent.gateway import Gateway
from governance.agent.identity import Identity
from governance.agent.repository import Repository
from governance.agent.state import State

logger = logging.getLogger("agent")


@dataclass(frozen=True)
class Parts:
    """Whom a round deals with."""

    config: Config
    adapter: Adapter
    identity: Identity
    gateway: Gateway


def adapter_of(config: Config) -> Adapter:
    """What drives the node; the configuration's own ``reload`` is for the kind that only has files."""
    table = dict(config.node)
    if table.get("kind", "files") == "files" and config.reload:
        table = {"reload": list(config.reload), "reload_seconds": config.reload_seconds, **table}
    return make(table, config.files, config.base)


def run(parts: Parts, *, retry: bool = False) -> State:
    """Do one round; returns what is in force. Raises AgentError or OSError; the next round tries again.

    ``retry``: a list that the node refused is tried again at once.
    """
    known = state.load(parts.config.state_dir)
    try:
        now = _brought(parts, known, retry=retry)
    except (AgentError, OSError) as error:
        from_what_was_kept(parts.config, parts.adapter)
        if isinstance(error, ReloadFailed):
            _say_what_it_has(parts)
        raise
    return reports.report(parts.config, parts.gateway, parts.adapter, now)


def from_what_was_kept(config: Config, adapter: Adapter) -> None:
    """The round failed: at least let the node have again what it may have lost, a restart of it say."""
    try:
        applying.hold(config.state_dir, adapter, state.load(config.state_dir))
    except (AgentError, OSError) as error:
        logger.warning("what was kept could not be put in force: %s: %s", type(error).__name__, error)


def _say_what_it_has(parts: Parts) -> None:
    """The node did not follow: the console hears what it has instead, which may be another list."""
    config, adapter = parts.config, parts.adapter
    known = state.load(config.state_dir)
    wanted = store.load(config.state_dir, known.epoch) if known.epoch else None
    if wanted is None:
        return
    try:
        reports.report(config, parts.gateway, adapter, InForce(known, adapter.read_back(wanted)))
    except (AgentError, OSError) as error:
        logger.warning("what the node has could not be told: %s: %s", type(error).__name__, error)


def _brought(parts: Parts, known: State, *, retry: bool) -> InForce:
    config = parts.config
    repository = Repository(config, parts.gateway)
    paths = parts.adapter.targets()
    offer = offers.look(config, repository, paths, parts.identity.node, known, retry=retry)
    if offer.held != known.held:
        known = state.save(config.state_dir, replace(known, held=offer.held))
    if offer.files is None:
        return applying.hold(config.state_dir, parts.adapter, known)
    return applying.take(config.state_dir, parts.adapter, known, offer.epoch, offer.files)
