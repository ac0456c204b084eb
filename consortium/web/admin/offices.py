"""Who holds an office on the ledger, and what its accounts may do: governors and accounts, read-only."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from consortium.web.admin.chain import OnLedgerAdmin
from consortium.web.admin.panels import Panel, code, pill, table
from governance.chain.models import AccountPermission, Governor, OnChainProposal


@admin.register(Governor)
class GovernorAdmin(OnLedgerAdmin):
    """The governor in office and those before it: their proposals stay to be read."""

    list_display = ("address", "in_office", "block_time", "left_at", "tx_shown")
    search_fields = ("address", "tx_hash")
    fields = ("address", ("block", "block_time"), ("left_block", "left_at"), "tx_hash")

    @display(description=_("office"))
    def in_office(self, row: Governor) -> str:
        return pill(_("in office"), "good") if row.left_block is None else pill(_("left"))

    def headline(self, row: Governor) -> str:
        return self.in_office(row)

    def panels(self, request: HttpRequest, row: Governor) -> Iterable[Panel]:
        count = OnChainProposal.objects.filter(ledger=row.ledger_id, governor=row.address).count()
        yield table(_("Proposals"), (_("number"),), [(count,)])


@admin.register(AccountPermission)
class AccountPermissionAdmin(OnLedgerAdmin):
    """Accounts with a permission on a network. None leaves no row."""

    list_display = ("account_shown", "network", "permission", "member_id", "block", "tx_shown")
    list_filter = ("network", "permission")
    search_fields = ("address", "member_id", "tx_hash")
    fields = (("network", "permission"), "address", "member_id", ("block", "block_time"), "tx_hash")

    @display(description=_("account"), ordering="address")
    def account_shown(self, row: AccountPermission) -> str:
        return code(row.address)
