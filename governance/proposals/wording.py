"""What calls of the contracts do, and what they are refused with, in the reader's language.

Told from the bytes that go on the ledger, with the names that the console knows beside the ledger's codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consortium.members.models import Category, Institution, Node
from governance.chain import calls, offices
from governance.chain.calls import Call
from governance.chain.contracts import ADMIN_ROLE, CANCELLER_ROLE, EXECUTOR_ROLE, PROPOSER_ROLE
from governance.chain.errors import UnknownCall
from governance.chain.models import ActionKind, Ledger, RegistryEntry
from governance.contracts.errors import Refusal
from governance.proposals.models import Permission

LANGUAGES = ("zh-hans", "en")

# By contract and function; the names in them are the functions' own.
_SENTENCES: dict[tuple[str, str], Promise] = {
    ("Seats", "grant"): gettext_lazy(
        "Grant a seat to %(memberId)s in category %(category)s, voting with %(voter)s."
    ),
    ("Seats", "suspend"): gettext_lazy("Suspend the seat of %(memberId)s."),
    ("Seats", "reinstate"): gettext_lazy("Reinstate the seat of %(memberId)s."),
    ("Seats", "revoke"): gettext_lazy("Take the seat of %(memberId)s away."),
    ("Seats", "changeVoter"): gettext_lazy("Let %(memberId)s vote with %(voter)s."),
    ("NodeRegistry", "setRole"): gettext_lazy(
        "Make node %(consensusId)s of %(memberId)s %(role)s in network %(network)s."
    ),
    ("NodeRegistry", "remove"): gettext_lazy("Remove node %(consensusId)s from network %(network)s."),
    ("NodeRegistry", "setAccount"): gettext_lazy(
        "Account %(account)s of %(memberId)s in network %(network)s: %(permission)s."
    ),
    ("NodeRegistry", "thaw"): gettext_lazy("Thaw node %(consensusId)s in network %(network)s."),
    ("NodeRegistry", "ratifyFreeze"): gettext_lazy(
        "Keep node %(consensusId)s frozen in network %(network)s until it is thawed by vote."
    ),
    ("NodeRegistry", "setGuardian"): gettext_lazy("Let %(newGuardian)s freeze nodes."),
    ("ConsortiumGovernor", "setRule"): gettext_lazy(
        "From now on, %(kind)s proposals need a quorum of %(quorumNum)s/%(quorumDen)s, "
        "%(approvalNum)s/%(approvalDen)s in favour and a majority in %(categories)s categories."
    ),
    ("ConsortiumGovernor", "setVotingDelay"): gettext_lazy(
        "Time from opening a proposal to the vote on it: %(newVotingDelay)s."
    ),
    ("ConsortiumGovernor", "setVotingPeriod"): gettext_lazy("Time to vote: %(newVotingPeriod)s."),
    ("ConsortiumGovernor", "setLateQuorumVoteExtension"): gettext_lazy(
        "Time that a vote stays open at least once its quorum is reached: %(newVoteExtension)s."
    ),
    ("ConsortiumGovernor", "setConvener"): gettext_lazy("Let %(newConvener)s propose for the secretariat."),
    ("ConsortiumGovernor", "setProposalGuardian"): gettext_lazy(
        "Let %(newProposalGuardian)s cancel proposals."
    ),
    ("TimelockController", "updateDelay"): gettext_lazy(
        "Time that the timelock holds what has passed before it is carried out: %(newDelay)s."
    ),
    ("TimelockController", "grantRole"): gettext_lazy(
        "Give %(account)s the role “%(role)s” in the timelock."
    ),
    ("TimelockController", "revokeRole"): gettext_lazy(
        "Take the role “%(role)s” in the timelock from %(account)s."
    ),
    ("BreakGlass", "setGuardians"): gettext_lazy(
        "Guardians: %(guardians_)s; %(threshold_)s of them may freeze a node or cancel a proposal."
    ),
    ("EpochAnchors", "setPublisher"): gettext_lazy("Let %(newPublisher)s anchor the permission lists' logs."),
}

_REFUSALS: dict[str, Promise] = {
    "UnexpectedSeatStatus": gettext_lazy(
        "The seat of %(memberId)s is not in the state that this starts from."
    ),
    "NoSeat": gettext_lazy("%(memberId)s has no seat."),
    "LastActiveSeat": gettext_lazy("%(memberId)s has the last active seat: nobody could vote any more."),
    "VoterTaken": gettext_lazy("%(voter)s votes for %(holder)s already."),
    "InvalidVoter": gettext_lazy("%(actual)s can't be a voting address."),
    "InvalidCategory": gettext_lazy("There is no category %(actual)s."),
    "MemberNotActive": gettext_lazy("The seat of %(memberId)s is not active."),
    "UnknownNode": gettext_lazy("The node is not in the registry of network %(network)s."),
    "RoleUnchanged": gettext_lazy("The node has this role already."),
    "NodeOwnedByAnother": gettext_lazy("The registry has the node under %(actual)s, not %(expected)s."),
    "AccountOwnedByAnother": gettext_lazy(
        "The registry has account %(account)s under %(actual)s, not %(expected)s."
    ),
    "PermissionUnchanged": gettext_lazy("Account %(account)s has this permission already."),
    "NodeNotFrozen": gettext_lazy("The node is not frozen in network %(network)s."),
    "UnknownFreeze": gettext_lazy("The freeze is not the one that is in force."),
    "FreezeAlreadyRatified": gettext_lazy("The freeze is ratified already."),
    "ExecutorOnly": gettext_lazy("The contract obeys %(expected)s alone."),
    "AccessControlUnauthorizedAccount": gettext_lazy("%(account)s has no right to this, or not any more."),
    "TimelockInsufficientDelay": gettext_lazy("The timelock holds everything longer than that."),
}


@dataclass(frozen=True)
class Step:
    """One call: what it does, by language, and the bytes that say so."""

    sentences: dict[str, str]
    target: str
    data: str
    contract: str = ""
    function: str = ""

    @property
    def known(self) -> bool:
        return bool(self.function)

    @property
    def sentence(self) -> str:
        """In the reader's language."""
        return self.sentences[_reader()]

    @property
    def other(self) -> tuple[str, str]:
        """The other language, and the sentence in it."""
        (language,) = (one for one in LANGUAGES if one != _reader())
        return language, self.sentences[language]


def _reader() -> str:
    return "zh-hans" if (translation.get_language() or "").startswith("zh") else "en"


def steps(ledger: Ledger, compiled: Sequence[Call]) -> list[Step]:
    """What each call does, in both languages; names cost a constant number of queries."""
    at = _contracts(ledger, compiled)
    decoded = [_decoded(call, at, ledger.ticks_per_second) for call in compiled]
    known = Names([arguments for found in decoded if found for arguments in (found[2],)])
    return [_step(call, found, known) for call, found in zip(compiled, decoded, strict=True)]


def refusal(found: Refusal | None, known: Names | None = None) -> str:
    """Why a contract would not, in the reader's language."""
    if found is None:
        return _("The ledger refused without saying why.")
    form = _REFUSALS.get(found.name)
    arguments = {key: _plain(value) for key, value in found.arguments.items()}
    if form is None:
        listed = ", ".join(f"{key}={value}" for key, value in arguments.items())
        return f"{found.name}({listed})"
    return str(form) % _Named(arguments, known or Names([arguments]))


class Names:
    """What the console calls members, nodes and categories; the ledger's own code always stands beside it."""

    def __init__(self, found: Iterable[dict[str, Any]]) -> None:
        listed = list(found)
        members = {str(a[key]) for a in listed for key in _MEMBER_KEYS if key in a}
        nodes = {str(a["consensusId"]).removeprefix("0x") for a in listed if "consensusId" in a}
        self._members = {one.uscc: one for one in Institution.objects.filter(uscc__in=members)}
        rows = Node.objects.filter(consensus_id__in=nodes).select_related("institution", "network")
        self._nodes = {(node.network_id, node.consensus_id): node for node in rows}
        self._categories = {one.number: one for one in Category.objects.all()}

    def of(self, key: str, value: Any, arguments: dict[str, Any]) -> str:
        if key in _MEMBER_KEYS and value in self._members:
            return f"{self._members[value]} ({value})"
        if key == "consensusId":
            code = str(value).removeprefix("0x")
            node = self._nodes.get((str(arguments.get("network")), code))
            return f"{node} ({code[:12]}…)" if node else f"{code[:12]}…"
        if key == "category":
            return str(self._categories.get(value, value))
        if key == "role" and value in _ROLES:
            return str(_ROLES[value])
        labels = _LABELS.get(key)
        return str(labels(value).label) if labels and value in labels.values else _listed(value)


_DURATIONS = frozenset({"newVotingDelay", "newVotingPeriod", "newVoteExtension", "newDelay"})
_LONGEST = 10**9  # seconds, some thirty years
# Of the timelock; the sentences put them in quotation marks.
_ROLES: dict[str, Promise] = {
    PROPOSER_ROLE: gettext_lazy("have decisions carried out"),
    CANCELLER_ROLE: gettext_lazy("stop what waits"),
    EXECUTOR_ROLE: gettext_lazy("carry out what is due"),
    ADMIN_ROLE: gettext_lazy("give and take roles"),
}
_MEMBER_KEYS = ("memberId", "holder", "actual", "expected")
_LABELS: dict[str, Any] = {
    "role": RegistryEntry.NodeRole,
    "permission": Permission,
    "kind": ActionKind,
}


class _Named(dict[str, Any]):
    """Arguments as people call them; one that is missing shows as "?" rather than failing the page."""

    def __init__(self, arguments: dict[str, Any], known: Names) -> None:
        super().__init__(_flat(arguments))
        self._known = known

    def __missing__(self, key: str) -> str:
        return "?"

    def __getitem__(self, key: str) -> Any:
        return self._known.of(key, self.get(key), self) if key in self else "?"


def _step(call: Call, found: tuple[str, str, dict[str, Any]] | None, known: Names) -> Step:
    sentences = {}
    for language in LANGUAGES:
        with translation.override(language):
            sentences[language] = _sentence(call, found, known)
    contract, function, _arguments = found or ("", "", {})
    return Step(sentences, call.target, call.data, contract, function)


def _sentence(call: Call, found: tuple[str, str, dict[str, Any]] | None, known: Names) -> str:
    if found is None:
        return _("An unknown call of %(target)s: %(data)s") % {"target": call.target, "data": call.data[:74]}
    contract, function, arguments = found
    form = _SENTENCES.get((contract, function))
    if form is None:
        listed = ", ".join(f"{key}={_listed(value)}" for key, value in arguments.items())
        return f"{contract}.{function}({listed})"
    return str(form) % _Named(arguments, known)


def _contracts(ledger: Ledger, compiled: Sequence[Call]) -> dict[str, str]:
    """What is at which address; those that have left office only where one of them is called."""
    at = {
        ledger.seats: "Seats",
        ledger.registry: "NodeRegistry",
        ledger.governor: "ConsortiumGovernor",
        ledger.timelock: "TimelockController",
        ledger.break_glass: "BreakGlass",
        ledger.anchors: "EpochAnchors",
    }
    if all(call.target in at for call in compiled):
        return at
    return {**_newcomers(ledger, compiled), **offices.contracts_at(ledger), **at}


def _newcomers(ledger: Ledger, compiled: Sequence[Call]) -> dict[str, str]:
    """Who becomes a governor by these very calls."""
    timelock = {ledger.timelock: "TimelockController"}
    found = [_decoded(call, timelock, ledger.ticks_per_second) for call in compiled]
    grants = [one[2] for one in found if one is not None and one[1] == "grantRole"]
    return {each["account"]: "ConsortiumGovernor" for each in grants if each["role"] == PROPOSER_ROLE}


def _decoded(call: Call, at: dict[str, str], ticks: int) -> tuple[str, str, dict[str, Any]] | None:
    """None for what is none of the contracts' functions, or is asked of another contract than its own."""
    try:
        contract, function, arguments = calls.decode_call(call)
    except UnknownCall:
        return None
    if at.get(call.target) != contract:
        return None
    return contract, function, {key: _measured(key, value, ticks) for key, value in arguments.items()}


def _measured(key: str, value: Any, ticks: int) -> Any:
    """A duration out of the ledger's ticks, unless no calendar holds it; whatever else as it is."""
    if key not in _DURATIONS or value // ticks > _LONGEST:
        return value
    return timedelta(seconds=value / ticks)


def _flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """With the fields of structs beside the other arguments."""
    flat: dict[str, Any] = {}
    for key, value in arguments.items():
        flat |= value if isinstance(value, dict) else {key: value}
    return flat


def _listed(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_listed, value))
    if isinstance(value, timedelta):
        return span(value)
    return _("nobody") if value == calls.NOBODY else str(value)


def span(duration: timedelta) -> str:
    """A duration in the reader's language, to the second."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = (
        days and ngettext("%(n)d day", "%(n)d days", days) % {"n": days},
        hours and ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours},
        minutes and ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes},
        seconds and ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds},
    )
    return " ".join(part for part in parts if part) or _("at once")


def _plain(value: Any) -> Any:
    """A member's or a network's code as text, other bytes as hex."""
    if not isinstance(value, bytes):
        return value
    text = value.rstrip(b"\0")
    readable = bool(text) and all(0x20 < byte < 0x7F for byte in text)
    return text.decode("ascii") if readable else "0x" + value.hex()
