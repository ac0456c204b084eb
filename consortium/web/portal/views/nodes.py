"""Nodes: list, record with timeline, register, change addresses, retire."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from certs import selectors as certs
from certs.services import renewal_state
from consortium.core import clock
from consortium.members import services
from consortium.members.models import Institution, Node
from consortium.web import clocks, limits
from consortium.web.portal import forms, listing, scope
from consortium.web.portal.certificate_listing import enrolment_rows
from consortium.web.portal.views.base import Action, Page, one, paged


class Nodes(Page):
    template_name = "portal/nodes.html"
    section = "nodes"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        rows = scope.nodes(self.account).select_related("delivery").order_by("retired_at", "network", "name")
        words = self.request.GET.get("q", "").strip()[:130].replace("\0", "")
        if words:
            rows = rows.filter(
                Q(name__icontains=words)
                | Q(consensus_id__startswith=words.lower().removeprefix("0x"))
                | Q(institution__short_name__icontains=words)
            )
        page = paged(self.request, rows)
        return super().get_context_data(
            page=page, rows=listing.node_rows(list(page.object_list), clock.now()), q=words, **kwargs
        )


class OneNode(Page):
    template_name = "portal/node.html"
    section = "nodes"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        node, now = one(scope.nodes(self.account).select_related("delivery"), pk=kwargs["pk"]), clock.now()
        certificate = certs.valid_certificate_of(node, now)
        return super().get_context_data(
            node=node,
            oversees=scope.oversees(self.account),
            row=listing.node_rows([node], now)[0],
            certificate=certificate,
            renewal=renewal_state(certificate, now) if certificate else None,
            revoked=clocks.rows(
                scope.revocations(self.account).filter(certificate__node=node)[:3], self.account
            ),
            secrets=enrolment_rows(scope.enrolments(self.account).filter(node=node)[:5], now),
            requests=scope.requests(self.account).filter(node=node)[:10],
            certificates=listing.certificate_rows(
                scope.certificates(self.account).filter(node=node)[:10], now
            ),
            timeline=scope.node_events(self.account, node)[:50],
            may_write=self.account.is_member and node.retired_at is None,
            **kwargs,
        )


class Register(Action):
    section = "nodes"
    form_class = forms.NodeForm
    title = gettext_lazy("Register a node")
    lead = gettext_lazy(
        "Registering makes the node known to the alliance. It is admitted to the network by a vote, and "
        "needs a certificate before it gets the permission lists."
    )
    button = gettext_lazy("Register")
    made: Node

    def act(self, values: dict[str, Any]) -> str:
        own = one(Institution.objects.all(), pk=self.account.institution_id)
        self.made = services.register_node(own, **values, actor=self.account)
        return _("%(node)s is registered.") % {"node": self.made}

    def after(self) -> str:
        made = getattr(self, "made", None)
        return reverse("portal:node", args=[made.pk]) if made else reverse("portal:nodes")


class _OfNode(Action):
    section = "nodes"
    subject: Node

    def find(self, **kwargs: Any) -> Node:
        return one(scope.nodes(self.account), pk=kwargs["pk"])

    def after(self) -> str:
        return reverse("portal:node", args=[self.subject.pk])


class ChangeEndpoint(_OfNode):
    form_class = forms.EndpointForm
    title = gettext_lazy("Change the node's addresses")
    lead = gettext_lazy("A new permission list with these addresses goes to every node of the network.")
    button = gettext_lazy("Change")

    def get_initial(self) -> dict[str, Any]:
        return forms.EndpointForm.values_of(self.subject)

    def act(self, values: dict[str, Any]) -> str:
        limits.spend(self.account, limits.ENDPOINTS)
        services.change_endpoint(self.subject, **values, actor=self.account)
        return _("The addresses of %(node)s are changed.") % {"node": self.subject}


class Retire(_OfNode):
    form_class = forms.ReasonForm
    title = gettext_lazy("Retire the node")
    lead = gettext_lazy(
        "The node leaves the permission lists and can't come back under this record. Its role on the ledger "
        "ends by vote: ask the secretariat to propose its removal."
    )
    button = gettext_lazy("Retire")
    dangerous = True

    def act(self, values: dict[str, Any]) -> str:
        services.retire_node(self.subject, reason=values["reason"], actor=self.account)
        return _("%(node)s is retired.") % {"node": self.subject}
