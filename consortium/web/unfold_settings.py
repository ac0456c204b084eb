"""django-unfold's settings: names, colours, and the menu of the admin."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


def _stylesheet(request: HttpRequest) -> str:
    return static("console/admin/console.css")


def _reader(request: HttpRequest) -> Text:
    regulator = getattr(request.user, "is_regulator", False)
    return _("Regulator, read-only") if regulator else _("Secretariat")


def _icon(request: HttpRequest) -> str:
    return static("console/admin/icon.svg")


def _page(title: Text, model: str, icon: str, *, query: str = "", badge: str = "") -> dict[str, Any]:
    item: dict[str, Any] = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
    }
    if badge:
        item["badge"] = f"consortium.web.dashboard.{badge}"
        item["badge_variant"] = "primary"
    return item


NAVIGATION: list[dict[str, Any]] = [
    {"items": [{"title": _("Overview"), "icon": "dashboard", "link": reverse_lazy("admin:index")}]},
    {
        "title": _("Members"),
        "items": [
            _page(_("Institutions"), "members_institution", "account_balance", badge="applications_badge"),
            _page(_("Nodes"), "members_node", "dns"),
            _page(_("Accounts"), "members_user", "group"),
        ],
    },
    {
        "title": _("Votes"),
        "items": [
            _page(_("Proposals"), "proposals_proposal", "gavel", badge="voting_badge"),
            _page(_("Ballots"), "proposals_ballot", "how_to_vote"),
        ],
    },
    {
        "title": _("Committees"),
        "collapsible": True,
        "items": [
            _page(_("Ledgers and their governing"), "ledgers_governedledger", "account_tree"),
            _page(_("Committee proposals"), "ledgers_committeeproposal", "groups"),
            _page(_("Wishes to committees"), "ledgers_committeewish", "playlist_add"),
            _page(_("Committee transactions"), "ledgers_committeetransaction", "outbound"),
        ],
    },
    {
        "title": _("Certificates"),
        "items": [
            _page(_("Requests"), "certs_certificaterequest", "approval", badge="requests_badge"),
            _page(_("Certificates"), "certs_certificate", "verified_user"),
            _page(_("Revocations"), "certs_revocation", "gpp_bad"),
            _page(_("Suspensions"), "certs_suspension", "pause_circle"),
            _page(_("Enrolment secrets"), "certs_enrolment", "key"),
            _page(_("Reminders"), "certs_reminder", "notifications"),
        ],
    },
    {
        "title": _("Authorities"),
        "items": [
            _page(_("Certificate authorities"), "certs_authority", "shield"),
            {
                "title": _("What runs out"),
                "icon": "event_upcoming",
                "link": reverse_lazy("admin:certs_authority_forecast"),
            },
            _page(_("Cross-certificates"), "certs_crosscertificate", "compare_arrows"),
            _page(_("Revocation lists"), "certs_revocationlist", "block"),
        ],
    },
    {
        "title": _("Permission lists"),
        "items": [
            _page(_("Convergence"), "permissions_delivery", "sync", badge="behind_badge"),
            _page(_("Alarms"), "permissions_alarm", "warning", badge="alarms_badge"),
            _page(_("Epochs"), "permissions_epoch", "checklist"),
            _page(_("Log of lists"), "permissions_logentry", "history_edu"),
            _page(_("Rollouts"), "permissions_rollout", "stairs"),
            _page(_("Removals of nodes"), "permissions_removal", "logout"),
            _page(_("Reports of nodes"), "permissions_acknowledgement", "task_alt"),
        ],
    },
    {
        "title": _("Ledger"),
        "collapsible": True,
        "items": [
            _page(_("Seats"), "chain_seat", "event_seat"),
            _page(_("Node registry"), "chain_registryentry", "list_alt"),
            _page(_("Accounts on the ledger"), "chain_accountpermission", "account_balance_wallet"),
            _page(_("Governor contracts"), "chain_governor", "gavel"),
            _page(_("Votes on chain"), "chain_castvote", "ballot"),
            _page(_("Transactions"), "chain_relaytransaction", "send"),
            _page(_("Ledger events"), "chain_chainevent", "link"),
            _page(_("Ledger"), "chain_ledger", "hub"),
            _page(_("Health of the ledgers' nodes"), "chain_rpcnode", "monitor_heart"),
        ],
    },
    {
        "title": _("Record"),
        "collapsible": True,
        "items": [
            _page(_("Event log"), "core_event", "history"),
            _page(_("Outbox"), "core_outboxmessage", "outbox", badge="dead_badge"),
            _page(_("Categories"), "members_category", "category"),
            _page(_("Networks"), "members_network", "lan"),
        ],
    },
]


def page_name(link: str) -> Text:
    """What the menu calls the page at ``link``; empty for one that is not in it."""
    items = (item for group in NAVIGATION for item in group["items"])
    return next((item["title"] for item in items if str(item["link"]) == link), "")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Consortium Console"),
    "SITE_HEADER": _("Consortium Console"),
    "SITE_SUBHEADER": _reader,
    "SITE_SYMBOL": "account_balance",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [_stylesheet],
    "DASHBOARD_CALLBACK": "consortium.web.dashboard.fill",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "BORDER_RADIUS": "6px",
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("account_change_password")},
            {"title": _("Second factor"), "link": reverse_lazy("mfa_index")},
        ]
    },
    "COMMAND": {"search_models": True, "show_history": False},
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": NAVIGATION},
    "COLORS": {
        "primary": {
            "50": "#eef6fc",
            "100": "#d9ebf8",
            "200": "#b6d8f0",
            "300": "#84bde4",
            "400": "#4d9dd4",
            "500": "#2780bd",
            "600": "#15669f",
            "700": "#115282",
            "800": "#12456b",
            "900": "#143a59",
            "950": "#0d253b",
        },
    },
}
