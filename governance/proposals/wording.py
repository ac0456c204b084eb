"""What calls of the contracts do, and what they are refused with, in the reader's language.

Told from the bytes that go on the ledger, with the names that the console knows beside the ledger's codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.members.models import Category, Institution, Node
from governance.chain import calls
from governance.chain.calls import Call
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
        "Begin votes %(newVotingDelay)s after they are opened (in the ledger's time)."
    ),
    ("ConsortiumGovernor", "setVotingPeriod"): gettext_lazy(
        "Take votes for %(newVotingPeriod)s (in the ledger's time)."
    ),
    ("ConsortiumGovernor", "setLateQuorumVoteExtension"): gettext_lazy(
        "Keep a vote open for %(newVoteExtension)s once its quorum is reached (in the ledger's time)."
    ),
    ("ConsortiumGovernor", "setConvener"): gettext_lazy("Let %(newConvener)s propose for the secretariat."),
    ("ConsortiumGovernor", "setProposalGuardian"): gettext_lazy(
        "Let %(newProposalGuardian)s cancel proposals."
    ),
    ("TimelockController", "updateDelay"): gettext_lazy(
        "Hold what has passed for %(newDelay)s before it is carried out (in the ledger's time)."
    ),
    ("TimelockController", "grantRole"): gettext_lazy(
        "Give the role %(role)s in the timelock to %(account)s."
    ),
    ("TimelockController", "revokeRole"): gettext_lazy(
        "Take the role %(role)s in the timelock from %(account)s."
    ),
    ("BreakGlass", "setGuardians"): gettext_lazy(
        "Guardians: %(guardians_)s; %(threshold_)s of them may freeze a node or cancel a proposal."
    ),
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
        language = "zh-hans" if (translation.get_language() or "").startswith("zh") else "en"
        return self.sentences[language]


def steps(ledger: Ledger, compiled: Sequence[Call]) -> list[Step]:
    """What each call does, in both languages; names cost a constant number of queries."""
    decoded = [_decoded(ledger, call) for call in compiled]
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
        labels = _LABELS.get(key)
        return str(labels(value).label) if labels and value in labels.values else _listed(value)


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


def _decoded(ledger: Ledger, call: Call) -> tuple[str, str, dict[str, Any]] | None:
    """None for what is none of the contracts' functions, or is asked of another contract than its own."""
    try:
        contract, function, arguments = calls.decode_call(call)
    except UnknownCall:
        return None
    at = {
        ledger.seats: "Seats",
        ledger.registry: "NodeRegistry",
        ledger.governor: "ConsortiumGovernor",
        ledger.timelock: "TimelockController",
        ledger.break_glass: "BreakGlass",
    }
    return (contract, function, arguments) if at.get(call.target) == contract else None


def _flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """With the fields of structs beside the other arguments."""
    flat: dict[str, Any] = {}
    for key, value in arguments.items():
        flat |= value if isinstance(value, dict) else {key: value}
    return flat


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _plain(value: Any) -> Any:
    """A member's or a network's code as text, other bytes as hex."""
    if not isinstance(value, bytes):
        return value
    text = value.rstrip(b"\0")
    readable = bool(text) and all(0x20 < byte < 0x7F for byte in text)
    return text.decode("ascii") if readable else "0x" + value.hex()
