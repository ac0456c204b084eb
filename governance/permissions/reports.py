"""What an agent says, read strictly: every field known, bounded, and printable. Pure.

::

    {"network": "settlement", "epoch": 12, "files": {"besu/permissions_config.toml": "<sha256>"},
     "agent_version": "1.0", "applied_at": "2026-11-23T08:00:00Z",
     "clock": "2026-11-23T08:00:01.250Z",             # by the agent's clock, when it sent this
     "node": {"software": "besu", "version": "25.1.0"},   # as the node itself says
     "read_back": "node",                             # where the hashes come from; else "file"
     "refused": {"epoch": 13, "reason": "…"},         # the node would not have it; 12 is in force again
     "held": {"epoch": 13},                           # it waits for its wave
     "log": {"size": 12, "head": "<hex>"},            # the history of lists that the agent checked
     "withheld": {"size": 14}}                        # its ledger has had a longer one for long

All after ``applied_at`` may be left out. ``epoch`` 0 and no files: nothing is in force.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from governance.permissions import rules
from governance.permissions.errors import InvalidReport

LARGEST = 16 * 1024  # bytes
LONGEST_REASON = 500
LONGEST_VERSION = 80  # of what is kept; a node may say more
_LONGEST_SAID = 200
_KNOWN = frozenset(
    "network epoch files agent_version applied_at clock node read_back refused held log withheld".split()  # noqa: SIM905
)
_READ_BACK = ("node", "file")
_AHEAD = timedelta(days=1)  # how far a node's clock may be ahead of ours when it says when it applied a list
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})")


@dataclass(frozen=True)
class Report:
    """``files`` maps paths in the network's folder to sha256 hex; epochs are 0 for none."""

    network: str
    epoch: int
    files: Mapping[str, str]
    agent_version: str
    applied_at: datetime
    clock: datetime | None = None
    software: str = ""
    software_version: str = ""
    read_back: str = ""
    refused_epoch: int = 0
    refused_reason: str = ""
    held_epoch: int = 0
    log_size: int | None = None
    log_head: str = ""
    withheld_size: int = 0


def read(body: bytes, now: datetime) -> Report:
    """The report in ``body``. Raises InvalidReport, whose ``reason`` names the field."""
    values = _object(body)
    software, version = _node(values)
    refused_epoch, reason = _refused(values)
    size, head = _log(values)
    report = Report(
        network=_text(values, "network", 32),
        epoch=_number(values, "epoch", "epoch", least=0),
        files=_files(values),
        agent_version=_text(values, "agent_version", 40),
        applied_at=_applied_at(values, now),
        clock=_time(values, "clock") if "clock" in values else None,
        software=software,
        software_version=version,
        read_back=_choice(values, "read_back", _READ_BACK),
        refused_epoch=refused_epoch,
        refused_reason=reason,
        held_epoch=_held(values),
        log_size=size,
        log_head=head,
        withheld_size=_withheld(values),
    )
    _check_together(report)
    return report


def _check_together(report: Report) -> None:
    """Nothing in force needs a reason, and comes without files; what is in force was not refused."""
    waits_for = [number for number in (report.refused_epoch, report.held_epoch) if number]
    if not report.epoch and not waits_for:
        raise InvalidReport(reason="epoch")
    if bool(report.epoch) != bool(report.files):
        raise InvalidReport(reason="files")
    if report.refused_epoch and report.refused_epoch == report.epoch:
        raise InvalidReport(reason="refused.epoch")
    if report.held_epoch and report.held_epoch <= report.epoch:
        raise InvalidReport(reason="held.epoch")
    if report.withheld_size and report.withheld_size <= (report.log_size or 0):
        raise InvalidReport(reason="withheld.size")


def _object(body: bytes) -> dict[str, Any]:
    if not 0 < len(body) <= LARGEST:
        raise InvalidReport(reason=f"1 … {LARGEST} bytes")
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidReport(reason="JSON") from None
    if not isinstance(values, dict):
        raise InvalidReport(reason="JSON")
    unknown = sorted(values.keys() - _KNOWN)
    if unknown:
        raise InvalidReport(reason=unknown[0][:40] if unknown[0].isprintable() else "JSON")
    return values


def _part(values: dict[str, Any], name: str, keys: set[str]) -> dict[str, Any] | None:
    """An object with exactly these ``keys``; None where it is left out."""
    if name not in values:
        return None
    part = values[name]
    if not isinstance(part, dict) or set(part) != keys:
        raise InvalidReport(reason=name)
    return part


def _node(values: dict[str, Any]) -> tuple[str, str]:
    part = _part(values, "node", {"software", "version"})
    if part is None:
        return "", ""
    version = part["version"]  # empty where the node can't say
    if not isinstance(version, str) or len(version) > _LONGEST_SAID:
        raise InvalidReport(reason="node.version")
    return _text(part, "software", 40, "node."), _words(version)[:LONGEST_VERSION]


def _refused(values: dict[str, Any]) -> tuple[int, str]:
    part = _part(values, "refused", {"epoch", "reason"})
    if part is None:
        return 0, ""
    reason = part["reason"]
    if not isinstance(reason, str) or not 0 < len(reason) <= LONGEST_REASON:
        raise InvalidReport(reason="refused.reason")
    words = _words(reason)
    if not words:
        raise InvalidReport(reason="refused.reason")
    return _number(part, "epoch", "refused.epoch"), words


def _words(text: str) -> str:
    """A node's own words on one line; what is no text is not kept."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _held(values: dict[str, Any]) -> int:
    part = _part(values, "held", {"epoch"})
    return 0 if part is None else _number(part, "epoch", "held.epoch")


def _withheld(values: dict[str, Any]) -> int:
    part = _part(values, "withheld", {"size"})
    return 0 if part is None else _number(part, "size", "withheld.size")


def _log(values: dict[str, Any]) -> tuple[int | None, str]:
    part = _part(values, "log", {"size", "head"})
    if part is None:
        return None, ""
    head = part["head"]
    if not isinstance(head, str) or not _SHA256.fullmatch(head):
        raise InvalidReport(reason="log.head")
    return _number(part, "size", "log.size", least=0), head


def _text(values: dict[str, Any], name: str, longest: int, within: str = "") -> str:
    value = values.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        raise InvalidReport(reason=within + name)
    return value


def _choice(values: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = values.get(name, "")
    if name in values and value not in known:
        raise InvalidReport(reason=name)
    return str(value)


def _number(values: dict[str, Any], name: str, said_as: str, *, least: int = 1) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
        raise InvalidReport(reason=said_as)
    return value


def _files(values: dict[str, Any]) -> dict[str, str]:
    value = values.get("files")
    if not isinstance(value, dict) or not all(_is_file(*item) for item in value.items()):
        raise InvalidReport(reason="files")
    return value


def _is_file(path: Any, value: Any) -> bool:
    return path in rules.FORMAT_OF and isinstance(value, str) and bool(_SHA256.fullmatch(value))


def _applied_at(values: dict[str, Any], now: datetime) -> datetime:
    value = _time(values, "applied_at")
    if value > now + _AHEAD:
        raise InvalidReport(reason="applied_at")
    return value


def _time(values: dict[str, Any], name: str) -> datetime:
    """With an offset from UTC, and in years that every part can store and read again."""
    text = _text(values, name, 40)
    try:
        value = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None or not 2020 <= value.year <= 9000:
        raise InvalidReport(reason=name)
    return value.astimezone(UTC)
