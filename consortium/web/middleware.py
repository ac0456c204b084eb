"""What every request of the console passes: clean cookies, the viewer's zone, typed refusals as pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from consortium.core.errors import ConsoleError
from consortium.web import errors, limits

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


class PrivatePagesMiddleware:
    """Keeps what one account sees out of every cache: signed-in pages, and all of the API."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        api = request.path_info.startswith("/api/")
        if api:
            patch_vary_headers(response, ("Cookie", "Authorization"))
        if api or (settings.SESSION_COOKIE_NAME in request.COOKIES and not _public(response)):
            response["Cache-Control"] = "private, no-store"
        return response


def _public(response: HttpResponse) -> bool:
    return "public" in response.get("Cache-Control", "")


class PlainQueryMiddleware:
    """Refuses a NUL in an address: it would fail in the database, wherever it is looked up."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in unquote(request.META.get("QUERY_STRING", "")):
            return errors.bad_request(request)
        if "\0" in request.path_info:
            return errors.not_found(request)
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
        return errors.refused(request, exception)


class WriteLimitMiddleware:
    """Limits how often one account sends forms. The API counts its own, where tokens are known."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        if request.method != "POST" or request.path_info.startswith(("/api/", "/pki/")):
            return None  # /pki/ knows no accounts, and must answer without the database
        if isinstance(request.user, AnonymousUser):
            return None  # signing in has limits of its own
        try:
            limits.spend(request.user, limits.WRITES)
        except limits.TooManyRequests as error:
            return errors.refused(request, error)
        return None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
