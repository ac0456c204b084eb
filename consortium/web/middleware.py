"""Turns refusals that reach a page view into a page with the right status."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from consortium.core.errors import ConsoleError


class ConsoleErrorMiddleware:
    """A :class:`ConsoleError` that no view handled becomes ``templates/refused.html`` with its status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ConsoleError):
            return None
        return render(request, "refused.html", {"error": exception}, status=exception.status)
