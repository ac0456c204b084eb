"""Ctrl-K: anything by any of its identifiers (LEI, USCC, serial, node id, address, transaction, name)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.dataclasses import SearchResult

from certs.models import Certificate, CertificateRequest
from consortium.members.models import Institution, Node, User
from governance.chain.models import ChainEvent, RegistryEntry, RelayTransaction, Seat
from governance.permissions.models import Epoch
from governance.proposals.models import Proposal

if TYPE_CHECKING:
    from consortium.web.site import ConsoleAdminSite

EACH = 8  # of a kind: whoever wants more uses the list's own search
_ICONS = {
    Institution: "account_balance",
    Node: "dns",
    Proposal: "gavel",
    Certificate: "verified_user",
    CertificateRequest: "approval",
    User: "person",
    Seat: "event_seat",
    RegistryEntry: "list_alt",
    RelayTransaction: "send",
    Epoch: "checklist",
    ChainEvent: "link",
}


def find(site: ConsoleAdminSite, request: HttpRequest, wanted: str) -> list[SearchResult]:
    """At most :data:`EACH` of each kind, as the kinds' own lists would find them."""
    found = []
    for model, icon in _ICONS.items():
        page = site._registry.get(model)
        if page is None or not page.has_view_permission(request):
            continue
        rows = page.get_queryset(request).select_related(*(page.list_select_related or ()))
        rows, doubled = page.get_search_results(request, rows, wanted)
        for row in (rows.distinct() if doubled else rows)[:EACH]:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            found.append(
                SearchResult(str(row), str(model._meta.verbose_name), reverse(name, args=[row.pk]), icon)
            )
    return found


def results_page(site: ConsoleAdminSite, request: HttpRequest) -> TemplateResponse:
    """The fragment that the search box loads."""
    wanted = request.GET.get("s", "").strip()[:200]
    pages = Paginator(find(site, request, wanted) if len(wanted) > 1 else [], 200)
    kind = "command_results" if "extended" in request.GET else "search_results"
    context = {"page_obj": pages, "results": pages.page(1), "page_counter": 0, "execution_time": 0}
    return TemplateResponse(request, f"unfold/helpers/{kind}.html", context, headers={"HX-Trigger": "search"})
