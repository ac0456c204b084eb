"""Importing a roster: upload, look at every row, confirm. Nothing is imported before that."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consortium.core.errors import ConsoleError, NotAllowed
from consortium.members import roster
from consortium.members.errors import RosterHasErrors
from consortium.members.models import Institution
from consortium.members.roster_file import MAX_BYTES
from consortium.web.admin import panels
from consortium.web.admin.acts import StyledForm, actor
from governance.chain.models import Ledger

KEPT = 30 * 60  # seconds that an uploaded file waits for its confirmation
COLUMNS = ("short_name", "legal_name_zh", "legal_name_en", "category", "uscc", "lei", "contact_name")


class UploadGone(ConsoleError):
    """The file was uploaded too long ago, or by somebody else."""

    code = "upload_gone"
    status = 410
    message = gettext_lazy("The uploaded file is no longer here: choose it again.")


class UploadForm(StyledForm):
    file = forms.FileField(
        label=gettext_lazy("Roster file"),
        help_text=gettext_lazy("CSV (UTF-8 or GB18030) or XLSX, at most 2 MB."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx"}),
    )


@dataclass(frozen=True)
class Line:
    """A row of the preview as the table shows it."""

    number: int
    action: str
    tone: str
    cells: list[tuple[Any, str]]  # value, and what is wrong with it
    problems: list[str]


class RosterPage:
    """One address: GET asks for the file, POST shows it, POST with ``upload`` imports it."""

    template = "admin/console/roster.html"
    titles: ClassVar[dict[str, Any]] = {
        "new": gettext_lazy("new"),
        "changed": gettext_lazy("changed"),
        "unchanged": gettext_lazy("unchanged"),
        "bad": gettext_lazy("has errors"),
    }

    def __init__(self, admin_context: dict[str, Any]) -> None:
        self.context = admin_context

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not (request.user.is_authenticated and request.user.is_secretariat):
            raise NotAllowed
        if request.method != "POST":
            return self._page(request, UploadForm())
        return self._import(request) if "upload" in request.POST else self._look(request)

    def _look(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(request, form, status=400)
        upload = form.cleaned_data["file"]
        data = upload.read(MAX_BYTES + 1)
        try:
            preview = roster.load(data, upload.name, actor=actor(request))
        except ConsoleError as error:
            form.add_error("file", str(error))
            return self._page(request, form, status=error.status)
        return self._page(request, form, preview=preview, upload=_keep(request, data, upload.name))

    def _import(self, request: HttpRequest) -> HttpResponse:
        token = request.POST["upload"]
        data, name = _kept(request, token)
        preview = roster.load(data, name, actor=actor(request))
        try:
            report = roster.import_rows(
                preview, actor=actor(request), skip_bad="skip_bad" in request.POST, founding=founding_open()
            )
        except RosterHasErrors as error:
            messages.error(request, str(error))
            page = self._page(request, UploadForm(), preview=error.preview, upload=token)
            page.status_code = error.status
            return page
        cache.delete(_key(request, token))
        messages.success(request, _report_words(report))
        return HttpResponseRedirect(panels.listing(Institution))

    def _page(
        self,
        request: HttpRequest,
        form: UploadForm,
        *,
        preview: roster.Preview | None = None,
        upload: str = "",
        status: int = 200,
    ) -> TemplateResponse:
        context = {
            **self.context,
            "title": _("Import the roster"),
            "form": form,
            "upload": upload,
            "founding": founding_open(),
            "back": panels.listing(Institution),
        }
        if preview is not None:
            context |= {"preview": preview, "lines": self._lines(preview), "headers": _headers()}
            context["counts"] = [
                (self.titles[kind], preview.count(kind)) for kind in ("new", "changed", "unchanged")
            ] + [(self.titles["bad"], len(preview.bad))]
        return TemplateResponse(request, self.template, context, status=status)

    def _lines(self, preview: roster.Preview) -> list[Line]:
        raw = {row.number: row.values for row in preview.file.rows}
        return [self._line(row, raw[row.number]) for row in preview.rows]

    def _line(self, row: roster.PreviewRow, raw: dict[str, str]) -> Line:
        wrong: dict[str, str] = {}
        for problem in row.problems:
            wrong[problem.column] = " ".join(filter(None, (wrong.get(problem.column), problem.reason)))
        kind = "bad" if row.problems else row.action
        tones = {"bad": "grave", "new": "good", "changed": "waiting", "unchanged": "calm"}
        return Line(
            number=row.number,
            action=str(self.titles[kind]),
            tone=tones[kind],
            cells=[(raw.get(column, ""), wrong.get(column, "")) for column in COLUMNS],
            problems=[
                f"{_column(column)}: {reason}" if column else reason for column, reason in wrong.items()
            ],
        )


def founding_open() -> bool:
    """Until the founding is closed on the ledger, a roster is the founding act; afterwards, applications."""
    return not Ledger.objects.filter(founding_closed_at__isnull=False).exists()


def _column(name: str) -> str:
    return str(getattr(Institution._meta.get_field(name), "verbose_name", name))


def _headers() -> list[str]:
    return [_column(column) for column in COLUMNS]


def _key(request: HttpRequest, token: str) -> str:
    return f"roster:{request.user.pk}:{token}"


def _keep(request: HttpRequest, data: bytes, name: str) -> str:
    token = secrets.token_urlsafe(24)
    cache.set(_key(request, token), (data, name), KEPT)
    return token


def _kept(request: HttpRequest, token: str) -> tuple[bytes, str]:
    found = cache.get(_key(request, token)) if len(token) < 60 and token.isascii() else None
    if found is None:
        raise UploadGone
    return found


def _report_words(report: roster.Report) -> str:
    words = _("%(new)d new, %(changed)d changed, %(unchanged)d unchanged, %(skipped)d skipped.")
    return words % {
        "new": report.new,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
    }
