"""What the portal's pages have in common: who looks, and how a service's refusal is shown."""

from __future__ import annotations

from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Page as PageOfRows
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.generic import FormView, TemplateView

from consortium.core.errors import ConsoleError, NotAllowed
from consortium.members.models import User
from consortium.web.portal import scope

M = TypeVar("M", bound=Model)


def one(rows: QuerySet[M], **key: Any) -> M:
    """The row, or a 404 that is the same whether it is another bank's or does not exist."""
    found = rows.filter(**key).first()
    if found is None:
        raise Http404
    return found


def paged(request: HttpRequest, rows: QuerySet[M], size: int = 50) -> PageOfRows[M]:
    """The page that ``?page=`` asks for; the nearest one where that makes no sense."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


class Page(LoginRequiredMixin, TemplateView):
    """A page to read."""

    http_method_names = ["get", "head", "options"]
    section = ""  # the entry of the menu that is lit

    @property
    def account(self) -> User:
        return scope.signed_in(self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(section=self.section, account=self.account, **kwargs)


class Action(LoginRequiredMixin, FormView):
    """A form that calls one service, for a member's own officers.

    Subclasses find the ``subject`` within the account's scope (404 comes before 403) and ``act``.
    """

    section = ""
    form_class: type[forms.Form] = forms.Form
    template_name = "portal/form.html"
    title: Any = ""
    lead: Any = ""
    button: Any = ""
    dangerous = False
    subject: Any = None

    @property
    def account(self) -> User:
        return scope.signed_in(self.request.user)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            self.subject = self.find(**kwargs)
            if not self.may():
                raise NotAllowed
        return super().dispatch(request, *args, **kwargs)

    def may(self) -> bool:
        """Whether this account may act so at all; a member's own officers, unless a view says otherwise."""
        return self.account.is_member

    def find(self, **kwargs: Any) -> Any:
        """What the action is about, from the address. Raises Http404."""
        return None

    def act(self, values: dict[str, Any]) -> Any:
        """Call the service; returns the sentence to show afterwards."""
        raise NotImplementedError

    def after(self) -> str:
        """Where to go afterwards."""
        raise NotImplementedError

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            done = self.act(form.cleaned_data)
        except ConsoleError as error:
            return self.refused(form, error)
        messages.success(self.request, str(done))
        return HttpResponseRedirect(self.after())

    def refused(self, form: forms.Form, error: ConsoleError) -> HttpResponse:
        """The same form with the reason on top, and the refusal's own status."""
        field = error.params.get("field")
        known = field if field in form.fields else None
        form.add_error(known, str(error.params.get("reason", error) if known else error))
        return self.render_to_response(self.get_context_data(form=form), status=error.status)

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            section=self.section,
            account=self.account,
            subject=self.subject,
            title=self.title,
            lead=self.lead,
            button=self.button,
            dangerous=self.dangerous,
            back=self.after(),
            **kwargs,
        )


__all__ = ["Action", "Page", "one", "paged", "redirect"]
