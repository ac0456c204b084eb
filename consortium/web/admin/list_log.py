"""The log of digests: which lists were published, in which order, and where its heads were anchored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from consortium.web.admin import panels
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from governance.permissions import logbook
from governance.permissions.models import Anchor, LogEntry


@admin.register(LogEntry)
class LogEntryAdmin(ConsoleModelAdmin):
    """To read only, and for good: the database refuses to change an entry."""

    list_display = ("label", "network", "epoch_shown", "digest_shown", "head_shown", "entered_at", "anchored")
    list_filter = ("network",)
    search_fields = ("digest", "head")
    list_select_related = ("network", "epoch")
    ordering = ("-entered_at", "-position")
    fieldsets = (
        (_("Entry"), {"fields": (("network", "position", "epoch"), "digest", "head", "entered_at")}),
    )
    export_columns = (
        (_("network"), lambda row: row.network_id),
        (_("entry"), lambda row: row.position),
        (_("epoch"), lambda row: row.epoch.number),
        (_("digest of the files"), lambda row: row.digest),
        (_("head"), lambda row: row.head),
    )

    @display(description=_("entry"), ordering="position")
    def label(self, row: LogEntry) -> str:
        return str(row)

    @display(description=_("epoch"), ordering="epoch__number")
    def epoch_shown(self, row: LogEntry) -> str:
        return link(row.epoch, row.epoch.number)

    @display(description=_("digest of the files"))
    def digest_shown(self, row: LogEntry) -> str:
        return code(row.digest, shorten=16)

    @display(description=_("head"))
    def head_shown(self, row: LogEntry) -> str:
        return code(row.head, shorten=16)

    @display(description=_("anchored"))
    def anchored(self, row: LogEntry) -> str:
        return _anchored(row)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        return logbook.with_anchor(super().get_queryset(request))

    def headline(self, row: LogEntry) -> str:
        return _anchored(row)

    def list_note(self, request: HttpRequest) -> Any:
        """Where each network's log stands: what two parties read to each other."""
        lines = ((row.network.name, _stand(row), code(row.head)) for row in logbook.heads())
        return format_html(
            "<p>{}</p>{}",
            _(
                "Each published list is an entry, and the head stands for all of them: two nodes with the "
                "same head were given the same lists. Heads are anchored on the ledger."
            ),
            format_html_join("", "<p>{}: {} {}</p>", lines),
        )

    def panels(self, request: HttpRequest, row: LogEntry) -> Iterable[Panel]:
        files = row.epoch.files.order_by("path").values_list("path", "sha256")
        yield panels.table(
            _("Files that the digest is of"),
            (_("file"), _("SHA-256")),
            [(code(path), code(value)) for path, value in files],
        )
        yield panels.table(
            _("Anchors of this network"),
            (_("entries"), _("head"), _("state"), _("block"), _("transaction"), _("contract")),
            [_anchor_row(each) for each in logbook.anchors(row.network_id)],
        )


def _stand(row: LogEntry) -> str:
    words = _("%(count)s entries, the newest of epoch %(epoch)s, %(anchored)s")
    return str(words) % {"count": row.position, "epoch": row.epoch.number, "anchored": _words(row)}


def _words(row: Any) -> str:
    if row.anchored_size is None:
        return str(_("not anchored yet"))
    at = formats.date_format(timezone.localtime(row.anchored_at), "DATETIME_FORMAT")
    return str(_("anchored in block %(block)s, %(at)s")) % {"block": row.anchored_block, "at": at}


def _anchored(row: Any) -> SafeString:
    return pill(_words(row), "good" if row.anchored_size is not None else "")


def _anchor_row(row: Anchor) -> tuple[Any, ...]:
    tone = "good" if row.is_on_ledger else "grave" if row.has_failed else ""
    state = pill(row.transaction.get_status_display(), tone)
    if row.has_failed and row.transaction.error_code:
        state = format_html("{} {}", state, code(row.transaction.error_code))
    block = "–" if row.block is None else row.block
    return (
        row.size,
        code(row.head, shorten=16),
        state,
        block,
        code(row.tx_hash, shorten=16),
        code(row.contract),
    )
