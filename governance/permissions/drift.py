"""What is wrong with a node, as far as its list goes: which alarms should be open. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest

LIST, DECLINED, LOG, WITHHELD, SILENT = "list", "declined", "log", "withheld", "silent"
CLOCK, OLD_NODE, OTHER_NODE, OLD_AGENT, CERTIFICATE = (
    "clock", "old-node", "other-node", "old-agent", "certificate",
)  # fmt: skip
Params = Mapping[str, str | int]
# GoQuorum names the geth that it is made of first: "Geth/v1.10.3-stable(quorum-v23.4.0)".
_VERSION = re.compile(r".*quorum-v?(\d+(?:\.\d+)*)|.*?(\d+(?:\.\d+)+)|.*?(\d+)", re.ASCII | re.DOTALL)
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=3650)


@dataclass(frozen=True)
class Policy:
    """What the alliance puts up with. Versions are dotted numbers; "" or no entry: any."""

    clock: timedelta = timedelta(seconds=60)  # how far off a node's clock may be
    silence: timedelta = timedelta(minutes=15)  # how long a listed node may neither pull nor report
    certificate: timedelta = timedelta(days=14)  # how near the end a certificate may come without a next one
    oldest_agent: str = ""
    oldest_node: Mapping[str, str] = field(default_factory=dict)  # by node software


@dataclass(frozen=True)
class Facts:
    """What is known of one node. None or "": not known, and nothing follows from it."""

    listed: bool
    applied: int = 0
    reported_epoch: int | None = None
    reported_matches: bool | None = None
    declined: int = 0
    declined_reason: str = ""
    log_agrees: bool | None = None
    log_size: int | None = None
    withheld_size: int = 0  # of a longer log, anchored for long, that it was not given
    expected_since: datetime | None = None  # since when it should have been heard of at all
    heard_at: datetime | None = None  # the last pull or report
    clock_offset: timedelta | None = None  # positive: ahead of ours
    software: str = ""  # as recorded
    version: str = ""
    reported_software: str = ""
    reported_version: str = ""
    agent_version: str = ""
    certificate_ends: datetime | None = None
    is_renewing: bool = False


Rule = Callable[[Facts, Policy, datetime], Params | None]


def alarms(facts: Facts, policy: Policy, now: datetime) -> dict[str, Params]:
    """The alarms that should be open, by kind, with what their sentences name.

    A node that is on no list may run what it likes: only what it would do to others counts for it, nothing.
    """
    if not facts.listed:
        return {}
    found = ((kind, rule(facts, policy, now)) for kind, rule in _RULES.items())
    return {kind: params for kind, params in found if params is not None}


def parsed(version: str) -> tuple[int, ...]:
    """The first dotted number in what a node says of itself ("besu/v25.1.0/linux"); () where none is."""
    found = _VERSION.match(version[:80])
    return tuple(int(part) for part in found.group(found.lastindex or 0).split(".")) if found else ()


def is_older(version: str, oldest: str) -> bool:
    """Missing parts count as 0. What can't be read is not taken for old: nothing is known of it."""
    this, least = parsed(version), parsed(oldest)
    if not this or not least:
        return False
    pairs = zip_longest(this, least, fillvalue=0)
    return next((one < other for one, other in pairs if one != other), False)


def _list(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    if facts.reported_matches is False:
        return {"epoch": facts.reported_epoch or 0}
    return None


def _declined(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    if facts.declined > facts.applied:
        return {"epoch": facts.declined, "reason": facts.declined_reason}
    return None


def _log(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    return {"size": facts.log_size or 0} if facts.log_agrees is False else None


def _withheld(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    if facts.withheld_size:
        return {"size": facts.withheld_size, "served": facts.log_size or 0}
    return None


def _silent(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    last = facts.heard_at or facts.expected_since
    if last is not None and now - last > policy.silence:
        return {"since": last.astimezone(UTC).isoformat(timespec="seconds")}
    return None


def _clock(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    if facts.clock_offset is not None and abs(facts.clock_offset) > policy.clock:
        return {"seconds": round(facts.clock_offset.total_seconds())}
    return None


def _old_node(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    oldest = policy.oldest_node.get(facts.software, "")
    version = facts.reported_version or facts.version
    return {"version": version, "oldest": oldest} if is_older(version, oldest) else None


def _other_node(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    """By as many parts of the number as both sides know: "3.4" was recorded, "3.4.1" runs."""
    recorded, runs = parsed(facts.version), parsed(facts.reported_version)
    length = min(len(recorded), len(runs))
    if recorded[:length] == runs[:length] and not _is_another(facts.software, facts.reported_software):
        return None
    return {
        "recorded": f"{facts.software} {facts.version}".strip(),
        "reported": f"{facts.reported_software} {facts.reported_version}".strip(),
    }


def _is_another(recorded: str, reported: str) -> bool:
    """GoQuorum is made of geth, and answers as it does."""
    known = {"besu": "besu", "goquorum": "geth", "geth": "geth", "fisco-bcos": "fisco-bcos"}
    return recorded in known and reported in known and known[recorded] != known[reported]


def _old_agent(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    if is_older(facts.agent_version, policy.oldest_agent):
        return {"version": facts.agent_version, "oldest": policy.oldest_agent}
    return None


def _certificate(facts: Facts, policy: Policy, now: datetime) -> Params | None:
    ends = facts.certificate_ends
    if ends is None or facts.is_renewing or ends - now > policy.certificate:
        return None
    return {"ends": ends.astimezone(UTC).isoformat(timespec="seconds")}


_RULES: Mapping[str, Rule] = {
    LIST: _list,
    DECLINED: _declined,
    LOG: _log,
    WITHHELD: _withheld,
    SILENT: _silent,
    CLOCK: _clock,
    OLD_NODE: _old_node,
    OTHER_NODE: _other_node,
    OLD_AGENT: _old_agent,
    CERTIFICATE: _certificate,
}
KINDS = tuple(_RULES)
