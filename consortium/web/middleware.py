"""What every request of the console passes: clean cookies, the viewer's zone, typed refusals as pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from consortium.core.errors import ConsoleError

GetResponse = Callable[[HttpRequest], HttpResponse]

ZONE_COOKIE = "zone"
_SESSION_KEY = re.compile(r"[0-9a-z]{8,64}", re.ASCII)


class CleanCookiesMiddleware:
    """Drops a session cookie that no session of ours has: a NUL in it would fail in the database."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = settings.SESSION_COOKIE_NAME
        if name in request.COOKIES and not _SESSION_KEY.fullmatch(request.COOKIES[name]):
            del request.COOKIES[name]
        return self.get_response(request)


class ViewerZoneMiddleware:
    """Shows times in the zone that the browser named in a cookie; TIME_ZONE otherwise."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = request.COOKIES.get(ZONE_COOKIE, "")
        if zone not in _zones():
            return self.get_response(request)
        with timezone.override(ZoneInfo(zone)):
            return self.get_response(request)


class ConsoleErrorMiddleware:
    """A :class:`ConsoleError` that no view handled becomes ``templates/refused.html`` with its status."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, ConsoleError):
            return None
        return render(request, "refused.html", {"error": exception}, status=exception.status)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
