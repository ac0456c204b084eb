"""The secretariat's admin site; the regulator sees the same pages without a button.

What holds for every page under /admin/ is here and nowhere else: who may enter, the relaxed content security
policy that django-unfold needs, and how a refusal is shown.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from unfold.sites import UnfoldAdminSite

from consortium.core.errors import ConsoleError

View = Callable[..., Any]


def may_enter(user: Any) -> bool:
    """Secretariat and regulator may; a member's officer has the portal."""
    return bool(getattr(user, "is_secretariat", False) or getattr(user, "is_regulator", False))


class ConsoleAdminSite(UnfoldAdminSite):
    """The one admin site of the console."""

    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take our own pages only: packages would register theirs, accounts' tokens among them."""
        from consortium.web.admin.base import ConsoleModelAdmin

        if admin_class is not None and issubclass(admin_class, ConsoleModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one way to sign in, with its rate limits and second factor: the accounts' page."""
        wanted = request.GET.get("next") or request.get_full_path()
        return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': wanted})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        super().logout(request, extra_context)
        return HttpResponseRedirect(resolve_url(settings.LOGIN_URL))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Passwords are changed where that is recorded: on the accounts' page."""
        return HttpResponseRedirect(resolve_url("account_change_password"))

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        guarded = csp_update(settings.ADMIN_CSP_RELAXATION)(super().admin_view(view, cacheable))

        @functools.wraps(view)
        def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated and not self.has_permission(request):
                raise Http404
            try:
                return guarded(request, *args, **kwargs)
            except ConsoleError as error:
                return self.refusal(request, error)

        return entered

    def refusal(self, request: HttpRequest, error: ConsoleError) -> HttpResponse:
        """The page for a refusal that no form on its own page could show."""
        context = {**self.each_context(request), "title": _("Refused"), "error": error}
        page = TemplateResponse(request, "admin/console/refused.html", context, status=error.status)
        page._csp_update = settings.ADMIN_CSP_RELAXATION  # type: ignore[attr-defined]
        return page

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Ctrl-K: find anything by any of its identifiers."""
        from consortium.web.admin import finder

        return finder.results_page(self, request)
