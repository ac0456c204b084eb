"""How the agent is doing, for people and monitors: written after each round, shown by ``--status``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from governance.agent import VERSION, files, identity, ledger, log, state
from governance.agent.config import Config
from governance.agent.errors import AgentError

_FILE = "status.json"
_SOON = timedelta(days=14)  # before the certificate's end


@dataclass(frozen=True)
class Outcome:
    """How the last round ended. Times are RFC 3339; ``error`` is empty after one that went well."""

    last_round: str
    last_success: str = ""
    error: str = ""
    error_since: str = ""
    failures: int = 0
    renewal_error: str = ""


def note(directory: Path, *, error: str, renewal_error: str) -> None:
    """Keep how a round ended."""
    before, now = last(directory), _text(datetime.now(UTC))
    if error:
        since = before.error_since if before and before.error else now
        good = before.last_success if before else ""
        failures = before.failures + 1 if before else 1
        made = Outcome(now, good, error, since, failures, renewal_error)
    else:
        made = Outcome(now, now, renewal_error=renewal_error)
    files.write(directory / _FILE, json.dumps(asdict(made)).encode(), mode=0o600)


def last(directory: Path) -> Outcome | None:
    try:
        return Outcome(**json.loads((directory / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def collect(config: Config) -> dict[str, Any]:
    """What ``--status`` prints. ``alarms`` is empty when all is well."""
    known, outcome = state.load(config.state_dir), last(config.state_dir)
    told = {
        "agent_version": VERSION,
        "network": config.network,
        "gateway": config.gateway,
        "epoch": known.epoch,
        "since": known.since,
        "held": known.held,
        "refused": asdict(known.refused) if known.refused else None,
        "interrupted": known.owed,
        **_log(config),
        "ledger": _ledger(config),
        **_certificate(config),
        "last_round": outcome.last_round if outcome else "",
        "last_success": outcome.last_success if outcome else "",
        "last_error": outcome.error if outcome else "",
        "error_since": outcome.error_since if outcome else "",
        "failures": outcome.failures if outcome else 0,
        "renewal_error": outcome.renewal_error if outcome else "",
    }
    return {**told, "alarms": _alarms(told)}


def _log(config: Config) -> dict[str, Any]:
    try:
        seen = log.load(config.state_dir)
    except AgentError as error:
        return {"log": None, "log_error": str(error)}
    return {"log": {"size": seen.size, "head": seen.head} if seen.size else None}


def _ledger(config: Config) -> dict[str, Any] | None:
    """How far the log was held against the ledger, and what is missed; None where no ledger is asked."""
    if config.ledger is None:
        return None
    seen = ledger.load(config)
    return {
        "size": seen.size,
        "head": seen.head,
        "at": _text(datetime.fromtimestamp(seen.at, UTC)) if seen.at else "",
        "missed": seen.missed,
        "missed_since": _text(datetime.fromtimestamp(seen.since, UTC)) if seen.missed else "",
        "withheld": ledger.is_withheld(seen, datetime.now(UTC).timestamp()),
    }


def _certificate(config: Config) -> dict[str, Any]:
    try:
        node = identity.current(config)
    except AgentError:
        return {"node": "", "certificate": None}
    return {
        "node": node.node,
        "certificate": {
            "file": str(node.certificate_file),
            "serial": f"{node.certificate.serial_number:x}",
            "ends": _text(node.certificate.not_valid_after_utc),
        },
    }


def _alarms(told: dict[str, Any]) -> list[str]:
    """A word each; docs/node-operator.md says what to do."""
    certificate, now = told["certificate"], datetime.now(UTC)
    ends = datetime.fromisoformat(certificate["ends"]) if certificate else None
    happens = {
        "nothing_in_force": not told["epoch"],
        "interrupted": bool(told["interrupted"]),
        "refused": told["refused"] is not None,
        "failing": bool(told["last_error"]),
        "not_trusted": "NotTrusted" in told["last_error"] or "log_error" in told,
        "withheld": bool(told["ledger"] and told["ledger"]["withheld"]),
        "no_certificate": ends is None,
        "certificate_ended": ends is not None and ends <= now,
        "certificate_ends": ends is not None and now < ends <= now + _SOON,
        "not_renewed": bool(told["renewal_error"]),
    }
    return [word for word, is_so in happens.items() if is_so]


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
