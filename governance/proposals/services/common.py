"""What the services of this app share: locks, and how an event of a proposal is written."""

from __future__ import annotations

from typing import Any

from consortium.core import clock, events
from consortium.core.events import Actor, Entry
from consortium.core.models import Event
from consortium.members.models import Institution
from governance.proposals import facts, rules
from governance.proposals.models import Proposal, State


def locked(proposal: Proposal) -> Proposal:
    """The proposal, and before it the institutions that it is about, locked: one change at a time.

    The institutions come first because two proposals on the same one must not open at once.
    """
    about = Institution.objects.filter(pk__in=proposal.actions.values("institution")).order_by("pk")
    list(about.select_for_update(no_key=True).values_list("pk"))
    related = ("institution__category", "node", "ledger", "propose_tx", "queue_tx", "execute_tx", "amends")
    rows = Proposal.objects.select_for_update(no_key=True, of=("self",)).select_related(*related)
    return rows.get(pk=proposal.pk)


def state_now(proposal: Proposal) -> rules.State:
    """The state by our clock and the projections."""
    return rules.state(facts.read_one(proposal).facts, clock.now())


def label(state: rules.State) -> str:
    """The state in the reader's language."""
    return str(State(state.value).label)


def record(action: str, proposal: Proposal, *, actor: Actor, reason: str = "", **data: Any) -> Event:
    """An event of the proposal, found again in the timelines of its institution and node."""
    [event] = events.record_all([entry(action, proposal, reason=reason, **data)], actor=actor)
    return event


def entry(action: str, proposal: Proposal, *, reason: str = "", **data: Any) -> Entry:
    """Such an event to be, where many are recorded at once."""
    institution_id = data.pop("institution_id", proposal.institution_id)
    node_id = data.pop("node_id", proposal.node_id)
    told = {"number": proposal.number, "kind": proposal.kind, **data}
    return Entry(action, proposal, reason, institution_id, node_id, told)
