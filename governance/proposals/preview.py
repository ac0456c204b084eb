"""What will happen if a proposal passes, shown before anyone votes on it.

Which lists of which networks change is for ``governance.permissions.preview`` to say, of the same calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consortium.members.models import Institution
from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.errors import LedgerUnreachable, OtherLedger, UnknownCall
from governance.chain.models import RegistryEntry
from governance.proposals import actions, constitution, facts, rules, simulation, terms, wording
from governance.proposals.constitution import Change
from governance.proposals.models import Proposal
from governance.proposals.simulation import Simulation
from governance.proposals.terms import Terms
from governance.proposals.wording import Step


@dataclass(frozen=True)
class Preview:
    """A proposal's calls in words, what the ledger says of them now, and whom they touch.

    ``charter`` is what it changes about the voting itself; that and ``simulation`` are None while the ledger
    does not answer. ``calls`` is what a list's difference is computed from.
    """

    calls: list[Call]
    steps: list[Step]
    kind: rules.Weightiness
    terms: Terms
    simulation: Simulation | None
    members: list[Institution]
    charter: list[Change] | None


def preview(proposal: Proposal) -> Preview:
    """What opening and passing it now would do. A draft is compiled as of now; nothing is saved."""
    if proposal.opened_at is None:
        actions.compile_into(proposal)
    compiled = actions.calls_of(proposal)
    kind = actions.weightiness(proposal)
    return Preview(
        calls=compiled,
        steps=wording.steps(proposal.ledger, compiled),
        kind=kind,
        terms=terms.terms(proposal.ledger, kind),
        simulation=simulated(proposal, compiled),
        members=members(proposal, compiled),
        charter=constitution.changes(proposal.ledger, compiled),
    )


def simulated(proposal: Proposal, compiled: list[Call]) -> Simulation | None:
    """What the ledger says of the calls now; None while it does not answer.

    They come from the governor that the proposal was opened with, which need not be in office any more.
    """
    try:
        return simulation.simulate(proposal.ledger, compiled, governor=facts.governor_of(proposal))
    except (LedgerUnreachable, OtherLedger):
        return None


def members(proposal: Proposal, compiled: Iterable[Call]) -> list[Institution]:
    """Whom the calls name, and whose nodes they are about."""
    codes: set[str] = set()
    nodes: set[str] = set()
    for call in compiled:
        try:
            _, arguments = calls.decode(call)
        except UnknownCall:
            continue
        codes.add(str(arguments.get("memberId", "")))
        nodes.add(str(arguments.get("consensusId", "")).removeprefix("0x"))
    entries = RegistryEntry.objects.filter(ledger=proposal.ledger, consensus_id__in=nodes - {""})
    codes |= set(entries.values_list("member_id", flat=True))
    return list(Institution.objects.filter(uscc__in=codes - {""}).select_related("category"))
