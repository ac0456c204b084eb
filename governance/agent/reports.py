"""Saying to the console what is in force, once it is, when it changes, and every now and then again."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from governance.agent import ledger, log, state
from governance.agent.adapters import Adapter
from governance.agent.applying import InForce
from governance.agent.config import Config
from governance.agent.errors import ReportRefused
from governance.agent.gateway import Gateway
from governance.agent.state import State

logger = logging.getLogger("agent")

# As good as taken: the console knows a later report of ours (later by our clock, too, if that was set back
# since), or it has kept this one and says that the node has another list than was signed.
_TAKEN = {"older_epoch", "replayed_report", "hash_mismatch"}


def report(config: Config, gateway: Gateway, adapter: Adapter, now: InForce) -> State:
    """Tell the console, unless it knows. Raises Unreachable, ReportRefused."""
    known = now.known
    body = _body(config, adapter, now)
    if body is None:
        return known
    told = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    if told == known.told and known.told_at <= time.time() < known.told_at + config.report_seconds:
        return known
    try:
        gateway.report({**body, "applied_at": known.since or _clock(), "clock": _clock()})
    except ReportRefused as refused:
        if refused.code not in _TAKEN:
            raise
        logger.warning("report refused: %s", refused)
    logger.info("epoch %s reported %s", known.epoch, told[:12])
    return state.save(config.state_dir, replace(known, told=told, told_at=time.time()))


def _body(config: Config, adapter: Adapter, now: InForce) -> dict[str, Any] | None:
    """The report without its times, so that equal ones can be told; None where there is nothing to say."""
    known, found = now.known, now.found
    if found is None and (known.epoch or not (known.refused or known.held)):
        return None  # nothing was in force ever; or it could not be told what is now
    seen = log.load(config.state_dir)
    version, software = _printable(adapter.version())[:80], str(config.node.get("kind", "files"))
    body: dict[str, Any] = {
        "network": config.network,
        "epoch": known.epoch if found else 0,
        "files": found.files if found else {},
    }
    if found:
        body["read_back"] = found.source
    if version:
        body["node"] = {"software": software, "version": version}
    if known.refused:
        body["refused"] = {"epoch": known.refused.epoch, "reason": known.refused.reason or "no reason given"}
    if known.held:
        body["held"] = {"epoch": known.held}
    if seen.size:
        body["log"] = {"size": seen.size, "head": seen.head}
    anchored = ledger.load(config)
    if ledger.is_withheld(anchored, time.time()):
        body["withheld"] = {"size": anchored.missed}
    return body


def _clock() -> str:
    """The agent's own time, so that the console can see a clock that is off."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()
