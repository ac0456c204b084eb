"""Institutions, nodes, people, and the small tables that name things."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from consortium.core.models import Event
from consortium.members.models import Category, Institution, Network, Node, User
from consortium.members.states import Status
from consortium.web.admin import cert_panels, convergence, member_acts, panels, removal
from consortium.web.admin.acts import actor
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.admin.roster_page import RosterPage
from consortium.web.admin.tones import status_pill
from governance.chain.models import RegistryEntry, Seat
from governance.proposals import guards
from governance.proposals.errors import WrongSubject
from governance.proposals.models import Kind, Proposal

PROPOSED: dict[str, Kind] = {
    Status.IN_REVIEW: Kind.ADMIT_INSTITUTION,
    Status.ACTIVE: Kind.SUSPEND,
    Status.SUSPENDED: Kind.REINSTATE,
}


def _draft_button(kind: Kind, **subject: Any) -> dict[str, Any]:
    """To the draft's form, with kind and subject filled in."""
    query = urlencode({"kind": kind.value, **subject})
    page = f"{reverse('admin:proposals_proposal_draft')}?{query}"
    label = format_lazy("{draft}: {kind}", draft=_("Draft a proposal"), kind=kind.label)
    return panels.button(label, page, "edit_note")


@admin.register(Institution)
class InstitutionAdmin(ConsoleModelAdmin):
    list_display = ("name", "category", "status_shown", "status_since", "uscc", "lei", "contact_name")
    list_filter = ("status", "category", "founding_member")
    search_fields = (
        "short_name",
        "legal_name_zh",
        "legal_name_en",
        "uscc",
        "lei",
        "voting_address",
        "contact_name",
        "contact_email",
    )
    list_select_related = ("category",)
    acts = member_acts.INSTITUTION_ACTS
    tools = member_acts.INSTITUTION_TOOLS
    fieldsets = (
        (
            _("Institution"),
            {"fields": (("legal_name_zh", "legal_name_en"), ("short_name", "category"), ("uscc", "lei"))},
        ),
        (
            _("Membership"),
            {"fields": (("status_since", "joined_on"), ("founding_member", "voting_address"))},
        ),
        (_("Contact"), {"fields": (("contact_name", "contact_email", "contact_phone"),)}),
    )
    export_columns = (
        (_("short name"), lambda row: row.short_name),
        (_("legal name (Chinese)"), lambda row: row.legal_name_zh),
        (_("legal name (English)"), lambda row: row.legal_name_en),
        (_("industry category"), lambda row: row.category.name),
        (_("USCC"), lambda row: row.uscc),
        (_("LEI"), lambda row: row.lei),
        (_("status"), lambda row: row.get_status_display()),
        (_("since"), lambda row: row.status_since),
        (_("joined on"), lambda row: row.joined_on),
        (_("voting address"), lambda row: row.voting_address),
        (_("contact"), lambda row: row.contact_name),
        (_("contact's e-mail"), lambda row: row.contact_email),
        (_("contact's telephone"), lambda row: row.contact_phone),
    )

    def tool_links(self, request: HttpRequest) -> Iterable[dict[str, Any]]:
        if self.has_act_permission(request):
            page = reverse("admin:members_institution_roster")
            yield panels.button(_("Import the roster"), page, "upload_file")

    def row_links(self, row: Institution) -> Iterable[dict[str, Any]]:
        kind = PROPOSED.get(row.status)
        if kind is not None and not self.obstacle(row):
            yield _draft_button(kind, institution=row.pk)

    def obstacle(self, row: Institution) -> Any:
        """An applicant that members can't be asked about yet: the service's own words."""
        if row.status != Status.IN_REVIEW:
            return ""
        try:
            guards.check_subject(Proposal(kind=Kind.ADMIT_INSTITUTION, institution=row))
        except WrongSubject as error:
            return str(error)
        return ""

    def get_urls(self) -> list[URLPattern]:
        roster = self.admin_site.admin_view(self.roster_view)
        return [path("roster/", roster, name="members_institution_roster"), *super().get_urls()]

    def roster_view(self, request: HttpRequest) -> HttpResponse:
        return RosterPage(self.admin_site.each_context(request))(request)

    @display(description=_("institution"), ordering="short_name")
    def name(self, row: Institution) -> str:
        return row.legal_name

    @display(description=_("status"), ordering="status")
    def status_shown(self, row: Institution) -> str:
        return status_pill(row)

    def headline(self, row: Institution) -> str:
        return status_pill(row)

    def panels(self, request: HttpRequest, row: Institution) -> Iterable[Panel]:
        yield _seat_panel(row)
        yield _nodes_panel(row)
        yield _officers_panel(row)
        yield _proposals_panel(row)
        yield panels.timeline(_events_of(row))


def _events_of(row: Institution) -> QuerySet[Event]:
    own = Q(subject_type="members.institution", subject_id=str(row.pk))
    return Event.objects.filter(own | Q(institution_id=row.pk))


def _seat_panel(row: Institution) -> Panel:
    seats = Seat.objects.filter(member_id=row.uscc)
    return panels.table(
        _("Seat on the ledger"),
        (_("status"), _("voting address"), _("block"), _("transaction")),
        [
            (status_pill(seat), code(seat.voting_address), link(seat, seat.block), code(seat.tx_hash))
            for seat in seats
        ],
    )


def _nodes_panel(row: Institution) -> Panel:
    nodes = row.nodes.select_related("network", "institution")
    roles = dict(RegistryEntry.objects.filter(member_id=row.uscc).values_list("consensus_id", "role"))
    return panels.table(
        _("Nodes"),
        (_("node"), _("network"), _("software"), _("role"), _("node id")),
        [
            (
                link(node, node.name),
                node.network,
                f"{node.get_software_display()} {node.software_version}",
                role_pill(roles.get(node.consensus_id)),
                code(node.consensus_id, shorten=16),
            )
            for node in nodes
        ],
    )


def _officers_panel(row: Institution) -> Panel:
    return panels.table(
        _("Officers"),
        (_("account"), _("name"), _("e-mail"), _("last sign-in")),
        [
            (link(user, user.username), user.get_full_name() or "–", user.email or "–", user.last_login)
            for user in row.officers.order_by("username")
        ],
    )


def _proposals_panel(row: Institution) -> Panel:
    return panels.table(
        _("Proposals about it"),
        (_("proposal"), _("kind"), _("drafted")),
        [
            (link(proposal), proposal.get_kind_display(), proposal.drafted_at)
            for proposal in row.proposals.all()
        ],
    )


def role_pill(role: int | None) -> str:
    """A node's role on the ledger, or that it has none."""
    if role is None:
        return pill(_("not admitted"), "calm")
    return pill(
        RegistryEntry.NodeRole(role).label, "good" if role == RegistryEntry.NodeRole.SEALER else "waiting"
    )


@admin.register(Node)
class NodeAdmin(ConsoleModelAdmin):
    list_display = ("__str__", "network", "software_shown", "host", "port", "id_shown", "service")
    list_filter = ("network", "software", "is_bootnode", ("retired_at", admin.EmptyFieldListFilter))
    search_fields = (
        "name",
        "consensus_id",
        "host",
        "institution__short_name",
        "institution__legal_name_zh",
        "institution__legal_name_en",
        "institution__uscc",
        "certificates__serial__serial",
    )
    list_select_related = ("institution", "network")
    acts = member_acts.NODE_ACTS
    fieldsets = (
        (
            _("Node"),
            {
                "fields": (
                    ("institution", "name"),
                    ("network", "software", "software_version"),
                    "consensus_id",
                )
            },
        ),
        (
            _("Endpoint"),
            {
                "fields": (
                    ("host", "port", "further_addresses"),
                    ("discovery_port", "raft_port", "is_bootnode"),
                    "push_url",
                )
            },
        ),
        (_("Service"), {"fields": (("created_at", "retired_at"),)}),
    )
    export_columns = (
        (_("institution"), lambda row: row.institution.short_name),
        (_("node"), lambda row: row.name),
        (_("network"), lambda row: row.network_id),
        (_("software"), lambda row: row.get_software_display()),
        (_("version"), lambda row: row.software_version),
        (_("address"), lambda row: row.host),
        (_("port"), lambda row: row.port),
        (_("boot node"), lambda row: row.is_bootnode),
        (_("node id"), lambda row: row.consensus_id),
        (_("retired"), lambda row: row.retired_at),
    )

    @display(description=_("further addresses"))
    def further_addresses(self, row: Node) -> str:
        return ", ".join(map(str, row.addresses.all())) or "–"

    @display(description=_("software"), ordering="software")
    def software_shown(self, row: Node) -> str:
        return f"{row.get_software_display()} {row.software_version}"

    @display(description=_("node id"), ordering="consensus_id")
    def id_shown(self, row: Node) -> str:
        return code(row.consensus_id, shorten=16)

    @display(description=_("service"), ordering="retired_at")
    def service(self, row: Node) -> str:
        return pill(_("retired"), "calm") if row.retired_at else pill(_("in service"), "good")

    def headline(self, row: Node) -> str:
        return self.service(row)

    def row_links(self, row: Node) -> Iterable[dict[str, Any]]:
        if row.retired_at is None:
            yield _draft_button(Kind.ADMIT_NODE, institution=row.institution_id, node=row.pk)

    def panels(self, request: HttpRequest, row: Node) -> Iterable[Panel]:
        yield from removal.of_node(row)
        yield _registry_panel(row)
        yield cert_panels.certificates(row.certificates.all())
        yield from cert_panels.clocks_of(row, actor(request))
        yield _delivery_panel(row)
        yield from convergence.of_node(row)
        own = Q(subject_type="members.node", subject_id=str(row.pk)) | Q(node_id=row.pk)
        yield panels.timeline(Event.objects.filter(own))


def _registry_panel(row: Node) -> Panel:
    entries = RegistryEntry.objects.filter(network=row.network_id, consensus_id=row.consensus_id)
    return panels.table(
        _("Role on the ledger"),
        (_("role"), _("block"), _("time"), _("transaction")),
        [(role_pill(e.role), link(e, e.block), e.block_time, code(e.tx_hash)) for e in entries],
    )


def _delivery_panel(row: Node) -> Panel:
    delivery = getattr(row, "delivery", None)
    lines = [] if delivery is None else [delivery]
    return panels.table(
        _("Permission list"),
        (_("wanted"), _("told"), _("applied"), _("last pull"), _("last error")),
        [
            (link(d, d.wanted_epoch), d.told_epoch, d.applied_epoch, d.pulled_at, d.last_error or "–")
            for d in lines
        ],
    )


@admin.register(User)
class AccountAdmin(ConsoleModelAdmin):
    list_display = ("username", "full_name", "role_shown", "institution", "last_login", "in_use")
    list_filter = ("role", "is_active")
    search_fields = ("username", "first_name", "last_name", "email", "institution__short_name")
    list_select_related = ("institution",)
    ordering = ("username",)
    acts = member_acts.ACCOUNT_ACTS
    tools = member_acts.ACCOUNT_TOOLS
    fields = (("username", "email"), ("first_name", "last_name"), ("role", "institution"), "last_login")

    @display(description=_("name"))
    def full_name(self, row: User) -> str:
        return row.get_full_name() or "–"

    @display(description=_("role"), ordering="role")
    def role_shown(self, row: User) -> str:
        return pill(row.get_role_display())

    @display(description=_("in use"), ordering="is_active")
    def in_use(self, row: User) -> str:
        return pill(_("active"), "good") if row.is_active else pill(_("deactivated"), "grave")

    def headline(self, row: User) -> str:
        return self.in_use(row)

    def panels(self, request: HttpRequest, row: User) -> Iterable[Panel]:
        if row.certificates.exists():
            yield cert_panels.certificates(row.certificates.all())
        yield panels.timeline(Event.objects.filter(actor_id=row.pk), title=_("What this account did"))


@admin.register(Category)
class CategoryAdmin(ConsoleModelAdmin):
    list_display = ("number", "code", "name_zh", "name_en", "members")
    list_display_links = ("code",)
    fields = (("number", "code"), ("name_zh", "name_en"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).annotate(size=Count("institution"))

    @display(description=_("institutions"), ordering="size")
    def members(self, row: Any) -> int:
        return row.size


@admin.register(Network)
class NetworkAdmin(ConsoleModelAdmin):
    tools = member_acts.NETWORK_TOOLS
    list_display = ("slug", "name_zh", "name_en", "size")
    fields = ("slug", ("name_zh", "name_en"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Network]:
        return super().get_queryset(request).annotate(node_count=Count("nodes"))

    @display(description=_("nodes"), ordering="node_count")
    def size(self, row: Any) -> int:
        return row.node_count
