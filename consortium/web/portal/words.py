"""What a proposal does on the ledger, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
    return [Step(_sentence(call), call.target, call.data) for call in calls_of(proposal)]


def _sentence(call: calls.Call) -> str:
    try:
        name, arguments = calls.decode(call)
    except UnknownCall:
        return _("An unknown call: %(data)s") % {"data": call.data[:74]}
    form = _SENTENCES.get(name)
    if form is None:
        return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"
    return str(form) % _Named(arguments)


class _Named(dict[str, Any]):
    """Arguments as people call them; a missing one shows as "?" rather than failing the page."""

    def __missing__(self, key: str) -> str:
        return "?"

    def __getitem__(self, key: str) -> Any:
        value = super().get(key, "?")
        if key == "role" and value in RegistryEntry.NodeRole.values:
            return RegistryEntry.NodeRole(value).label
        return f"{value[2:14]}…" if key == "consensusId" and isinstance(value, str) else value
