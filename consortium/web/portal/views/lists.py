"""Permission lists: the epochs of a network and what the nodes did with them."""

from __future__ import annotations

from typing import Any

from consortium.web import holds
from consortium.web.portal import listing, scope
from consortium.web.portal.views.base import Page, one
from governance.chain.models import RegistryEntry
from governance.permissions import convergence, holding
from governance.permissions.models import Rollout


class Lists(Page):
    template_name = "portal/lists.html"
    section = "lists"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        networks = scope.networks(self.account)
        own = set(scope.nodes(self.account).values_list("pk", flat=True))
        found = listing.list_rows(network.pk for network in networks).values()
        rows = [(row, listing.list_state(row)) for row in found if row.node.pk in own]
        epochs = list(scope.epochs(self.account).order_by("-compiled_at")[:25])
        states = holds.states(epochs)
        return super().get_context_data(
            rows=rows,
            epochs=[(epoch, states[epoch.pk]) for epoch in epochs],
            networks=networks,
            oversees=scope.oversees(self.account),
            **kwargs,
        )


class OneEpoch(Page):
    """An epoch with its files' hashes. A list names every node of the network: its members may read it."""

    template_name = "portal/epoch.html"
    section = "lists"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        epoch = one(holding.with_state(scope.epochs(self.account)), pk=kwargs["pk"])
        oversees = scope.oversees(self.account)
        members = epoch.members.select_related("node", "node__institution").order_by(
            "node__institution__short_name", "node__name"
        )
        roles = dict(RegistryEntry.NodeRole.choices)
        return super().get_context_data(
            epoch=epoch,
            state=holds.state(epoch),
            findings=holds.findings(epoch),
            what_follows=holds.WHAT_FOLLOWS,
            overrides=list(epoch.overrides.all()),
            oversees=oversees,
            rollout=Rollout.objects.filter(epoch=epoch).first() if oversees else None,
            own=set(scope.nodes(self.account).values_list("pk", flat=True)),
            latency=convergence.latency(epoch),
            files=epoch.files.defer("content").order_by("path"),
            members=[(member, roles.get(member.role, "")) for member in members],
            **kwargs,
        )
