"""The base of every admin page: read-only rows, acts that call services, panels, exports."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import get_fields_from_path, unquote
from django.db.models import ForeignKey, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from consortium.core.errors import ConsoleError, NotAllowed
from consortium.web.admin import exports
from consortium.web.admin.acts import Act, Outcome, StyledForm
from consortium.web.admin.panels import Panel
from consortium.web.site import may_enter
from consortium.web.unfold_settings import page_name

_BUTTONS = {"main": "primary", "grave": "danger", "plain": "default"}


class ConsoleModelAdmin(ModelAdmin):
    """Rows to read; whatever changes one is an :class:`Act`.

    Django's permission tables play no part: secretariat and regulator see, the secretariat acts. Django's own
    add, change and delete pages stay shut, because they would write rows past the services.
    """

    acts: ClassVar[Sequence[Act]] = ()  # on a row's page
    tools: ClassVar[Sequence[Act]] = ()  # above the list
    export_columns: ClassVar[Sequence[exports.Column]] = ()
    list_per_page = 50
    list_max_show_all = 500
    show_full_result_count = False
    list_filter_sheet = True
    compressed_fields = True
    change_form_template = "admin/console/detail.html"
    change_list_template = "admin/console/list.html"

    # --- who may what: in one place -------------------------------------------------------------------
    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_enter(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For list actions: ``@action(permissions=["act"])``."""
        return bool(request.user.is_authenticated and request.user.is_secretariat)

    # --- what an address may ask ------------------------------------------------------------------------
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the list's own filters ask. Django lets staff try any column, password hashes too."""
        return lookup in _asked_by(self.model, self.list_filter)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """None for a NUL, which the admin's way of quoting can smuggle past every other check."""
        return None if "\0" in object_id else super().get_object(request, object_id, from_field)

    # --- detail page ------------------------------------------------------------------------------------
    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        """What a row's page shows below its fields."""
        return ()

    def headline(self, row: Any) -> Any:
        """A pill or two under the title: the state in a word."""
        return ""

    def live(self, row: Any) -> bool:
        """Should the page's upper part keep itself fresh? For what changes while somebody watches."""
        return False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if request.method not in {"GET", "HEAD"}:
            raise NotAllowed
        context = {
            "headline": self.headline(row),
            "buttons": self._buttons(request, row),
            "obstacle": self.obstacle(row) if self.has_act_permission(request) else "",
            "panels": list(self.panels(request, row)),
            "live": self.live(row),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def _buttons(self, request: HttpRequest, row: Any) -> list[dict[str, Any]]:
        ways = list(self.ways(row))
        if not self.has_act_permission(request):
            return ways
        acts = [_button(act, self._url(act.name, row.pk)) for act in self.acts if act.offered(row)]
        return [*acts, *self.row_links(row), *ways]

    def ways(self, row: Any) -> Iterable[dict[str, Any]]:
        """Buttons that lead from a row's page to pages about the same, for everybody who may read it."""
        return ()

    def row_links(self, row: Any) -> Iterable[dict[str, Any]]:
        """Buttons of a row's page that lead to pages of their own, for who acts."""
        return ()

    def obstacle(self, row: Any) -> Any:
        """Why the step that one would look for next has no button."""
        return ""

    # --- lists --------------------------------------------------------------------------------------------
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        tools = self.tools if self.has_act_permission(request) else ()
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        context = {
            "tool_buttons": [*self.tool_links(request), *(_button(a, self._url(a.name)) for a in tools)],
            "exports": [
                (kind.upper(), self._url(f"export_{kind}") + query)
                for kind in ("csv", "xlsx")
                if self.export_columns
            ],
            "list_note": self.list_note(request),
            "title": capfirst(str(page_name(self._url("changelist")) or self.opts.verbose_name_plural)),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def tool_links(self, request: HttpRequest) -> Iterable[dict[str, Any]]:
        """Buttons above the list that lead to pages of their own."""
        return ()

    def list_note(self, request: HttpRequest) -> Any:
        """A sentence or two above the list."""
        return ""

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """The list as it is filtered and searched, all its pages (at most ``exports.MAX_ROWS``)."""
        self.request = request
        rows = self.get_changelist_instance(request).get_queryset(request)[: exports.MAX_ROWS]
        write = exports.as_csv if kind == "csv" else exports.as_xlsx
        return write(self.model._meta.model_name or "list", self.export_columns, rows)

    # --- acts -----------------------------------------------------------------------------------------------
    def act_view(self, request: HttpRequest, act: Act, object_id: str | None = None) -> HttpResponse:
        """Ask what the act needs, then do it. A refusal shows on the form, with its status."""
        if not self.has_act_permission(request):
            raise NotAllowed
        row = None
        if object_id is not None and (row := self.get_object(request, unquote(object_id))) is None:
            raise Http404
        form = self._form(request, act, row)
        status = 200
        if form.is_bound:
            status = 400
            if form.is_valid():
                try:
                    return self._done(request, act.run(request, row, form.cleaned_data), row)
                except ConsoleError as error:
                    form.add_error(None, str(error))
                    status = error.status
        return TemplateResponse(
            request, "admin/console/act.html", self._act_context(request, act, row, form), status=status
        )

    def _form(self, request: HttpRequest, act: Act, row: Any) -> StyledForm:
        given: tuple[Any, ...] = (request.POST, request.FILES) if request.method == "POST" else ()
        return act.form(*given, initial=request.GET.dict(), row=row)

    def _done(self, request: HttpRequest, outcome: Outcome, row: Any) -> HttpResponse:
        messages.success(request, str(outcome.message))
        back = self._url("change", row.pk) if row is not None else self._url("changelist")
        return HttpResponseRedirect(outcome.url or back)

    def _act_context(self, request: HttpRequest, act: Act, row: Any, form: StyledForm) -> dict[str, Any]:
        request.current_app = self.admin_site.name
        return {
            **self.admin_site.each_context(request),
            "title": act.label,
            "row": row,
            "act": act,
            "form": form,
            "variant": _BUTTONS[act.style],
            "shown": list(act.shows(row)),
            "back": self._url("change", row.pk) if row is not None else self._url("changelist"),
            "media": self.media + form.media,
            "multipart": form.is_multipart(),
        }

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path("export.csv", self._view(self.export_view, kind="csv"), name=self._name("export_csv")),
            path("export.xlsx", self._view(self.export_view, kind="xlsx"), name=self._name("export_xlsx")),
        ]
        ours += [self._act_path(act, f"{act.name}/") for act in self.tools]
        ours += [self._act_path(act, f"<path:object_id>/{act.name}/") for act in self.acts]
        return ours + super().get_urls()

    def _act_path(self, act: Act, address: str) -> URLPattern:
        return path(address, self._view(self.act_view, act=act), name=self._name(act.name))

    def _view(self, view: Callable[..., HttpResponse], **fixed: Any) -> Callable[..., HttpResponse]:
        @functools.wraps(view)
        def fixed_view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            return view(request, **fixed, **kwargs)

        return self.admin_site.admin_view(fixed_view)

    def _name(self, what: str) -> str:
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}_{what}"

    def _url(self, what: str, *args: Any) -> str:
        return reverse(f"admin:{self._name(what)}", args=args)

    # --- bulk --------------------------------------------------------------------------------------------
    def each(self, request: HttpRequest, rows: QuerySet[Any], service: Callable[[Any], object]) -> None:
        """Call ``service`` row by row: what can be done is done, what is refused is named with its reason."""
        done, refused = 0, []
        for row in rows:
            try:
                service(row)
                done += 1
            except ConsoleError as error:
                refused.append(f"{row}: {error}")
        if done:
            messages.success(request, _("%(count)d done.") % {"count": done})
        if refused:
            reasons = "; ".join(refused[:10]) + ("; …" if len(refused) > 10 else "")
            messages.warning(
                request,
                _("%(count)d refused: %(reasons)s") % {"count": len(refused), "reasons": reasons},
            )


def _asked_by(model: type[Model], filters: Iterable[Any]) -> set[str]:
    """The query parameters of a list's filters, exactly."""
    names: set[str] = set()
    for asked in filters:
        if isinstance(asked, type):
            names.add(str(vars(asked)["parameter_name"]))
            continue
        path = asked if isinstance(asked, str) else asked[0]
        field = get_fields_from_path(model, path)[-1]
        target = f"{path}__{field.target_field.name}" if isinstance(field, ForeignKey) else path
        names |= {path, f"{path}__isnull", f"{path}__isempty", f"{target}__exact", f"{target}__in"}
    return names


def _button(act: Act, url: str) -> dict[str, Any]:
    return {
        "label": act.label,
        "url": url,
        "variant": _BUTTONS[act.style],
        "icon": act.icon,
        "hint": act.hint,
    }
