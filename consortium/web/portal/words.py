"""What a proposal does on the ledger, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.members.models import Category
from governance.chain import calls
from governance.chain.errors import UnknownCall
from governance.chain.models import RegistryEntry
from governance.proposals.actions import calls_of
from governance.proposals.models import Proposal

_SENTENCES: dict[str, str | Promise] = {
    "grant": gettext_lazy("Grant a seat to %(memberId)s in category %(category)s, voting with %(voter)s."),
    "suspend": gettext_lazy("Suspend the seat of %(memberId)s."),
    "reinstate": gettext_lazy("Reinstate the seat of %(memberId)s."),
    "revoke": gettext_lazy("Take the seat of %(memberId)s away."),
    "changeVoter": gettext_lazy("Let %(memberId)s vote with %(voter)s."),
    "setRole": gettext_lazy("Make node %(consensusId)s of %(memberId)s %(role)s in network %(network)s."),
    "remove": gettext_lazy("Remove node %(consensusId)s from network %(network)s."),
}


@dataclass(frozen=True)
class Step:
    """One call: what it does, and the bytes that say so."""

    sentence: str
    target: str
    data: str


def steps(proposal: Proposal) -> list[Step]:
    """Each of the proposal's calls, decoded from what is sent to the ledger."""
    known = _Names(proposal)
    return [Step(_sentence(call, known), call.target, call.data) for call in calls_of(proposal)]


def _sentence(call: calls.Call, known: _Names) -> str:
    try:
        name, arguments = calls.decode(call)
    except UnknownCall:
        return _("An unknown call: %(data)s") % {"data": call.data[:74]}
    form = _SENTENCES.get(name)
    if form is None:
        return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"
    return str(form) % _Named(arguments, known)


class _Names:
    """Names that people know, beside the identifiers that the ledger has.

    Of the proposal's own institution, node and network only: whatever else a call is about has to show as
    what the ledger would take, and the reader may know of no other.
    """

    def __init__(self, proposal: Proposal) -> None:
        self._proposal = proposal

    def of(self, key: str, value: str) -> str:
        about = self._proposal
        if key == "memberId" and value == about.institution.uscc:
            return f"{about.institution} ({value})"
        if key == "consensusId":
            named = about.node is not None and value.removeprefix("0x") == about.node.consensus_id
            return f"{about.node} ({_begin(value)})" if named else _begin(value)
        if key == "network" and about.network is not None and value == about.network.pk:
            return f"{about.network} ({value})"
        return value


def _begin(consensus_id: str) -> str:
    return f"{consensus_id.removeprefix('0x')[:12]}…"


class _Named(dict[str, Any]):
    """Arguments as people call them; a missing one shows as "?" rather than failing the page."""

    def __init__(self, arguments: dict[str, Any], known: _Names) -> None:
        super().__init__(arguments)
        self._known = known

    def __missing__(self, key: str) -> str:
        return "?"

    def __getitem__(self, key: str) -> Any:
        value = super().get(key, "?")
        if key == "role" and value in RegistryEntry.NodeRole.values:
            return RegistryEntry.NodeRole(value).label
        if key == "category":
            return Category.objects.filter(number=value).first() or value
        return self._known.of(key, value) if isinstance(value, str) else value
