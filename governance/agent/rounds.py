"""One round of the agent: pull, verify, put in force, read back, report. Safe to break off anywhere."""

from __future__ import annotations

import hashlib
import logging
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

from governance.agent import files, state
from governance.agent.config import Config
from governance.agent.errors import NotTrusted, ReloadFailed, ReportRefused
from governance.agent.gateway import Gateway, Pulled

logger = logging.getLogger("agent")


def run(config: Config, gateway: Gateway) -> int:
    """Do one round; returns the epoch in force. Raises AgentError, after which the next round tries again.

    The order is: note that a reload is owed, files, reload, state, report. Whatever is cut off after one of
    them is done again by the next round, and doing it again is harmless.
    """
    known = state.load(config.state_dir)
    pulled = gateway.pull()
    if pulled.epoch < known.epoch:
        raise NotTrusted(f"epoch {pulled.epoch} is older than {known.epoch}, which is in force")
    if pulled.epoch > known.epoch or known.reload_pending or not _in_force(config, pulled):
        known = _apply(config, pulled, known)
    if not known.reported:
        _report(config, gateway, pulled, known)
    return pulled.epoch


def _in_force(config: Config, pulled: Pulled) -> bool:
    return all(files.holds(file, pulled.files[file.target]) for file in config.files)


def _apply(config: Config, pulled: Pulled, known: state.State) -> state.State:
    # First of all: files that are right again would not tell the next round that their reload failed.
    state.save(config.state_dir, replace(known, reload_pending=True, reported=False))
    for file in config.files:
        files.put(file, pulled.files[file.target])
    _reload(config)
    applied_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = state.State(pulled.epoch, applied_at, reported=False)
    state.save(config.state_dir, known)
    logger.info("epoch %s is in force", pulled.epoch)
    return known


def _reload(config: Config) -> None:
    if not config.reload:
        return
    try:
        subprocess.run(
            config.reload,
            check=True,
            timeout=config.reload_seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ReloadFailed(str(error)) from error


def _report(config: Config, gateway: Gateway, pulled: Pulled, known: state.State) -> None:
    found = {file.target: files.read_back(file, pulled.files[file.target]) for file in config.files}
    body = {"network": config.network, "epoch": known.epoch, "files": found, "applied_at": known.applied_at}
    try:
        gateway.report(body)
    except ReportRefused as refused:
        if refused.code != "older_epoch":  # then the console knows a later report of ours: as good as taken
            raise
        logger.warning("report refused: %s", refused)
    state.save(config.state_dir, replace(known, reported=True))
    logger.info("epoch %s reported %s", known.epoch, _short(found))


def _short(found: dict[str, str]) -> str:
    return hashlib.sha256("".join(sorted(found.values())).encode()).hexdigest()[:12]
