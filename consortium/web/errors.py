"""Where typed errors become answers: HTTP status and a sentence in the reader's language."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from redis.exceptions import RedisError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from consortium.core.errors import ConsoleError

logger = logging.getLogger(__name__)

_AWAY = (OperationalError, InterfaceError, RedisError)  # PostgreSQL, or the cache that counts sign-ins


def as_body(error: ConsoleError) -> dict[str, Any]:
    """The API's form of a refusal: ``code`` is stable, ``detail`` is for people, ``params`` for programs."""
    return {
        "code": error.code,
        "detail": str(error),
        "params": {key: str(value) for key, value in error.params.items()},
    }


def api_exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. Returns None (a plain 500, logged, without trace) for what is not a refusal."""
    if isinstance(exc, ConsoleError):
        return Response(as_body(exc), status=exc.status)
    if isinstance(exc, RequestDataTooBig):
        return Response(_body("too_large", _("The request is too large.")), status=413)
    response = exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(response.data, dict) and set(response.data) == {"detail"}:
        detail = response.data["detail"]
        response.data = _body(getattr(detail, "code", "error"), str(detail))
    else:
        sentence = _("The request's fields can't be taken; “fields” says why.")
        response.data = {**_body("invalid_input", sentence), "fields": response.data}
    return response


def _body(code: str, detail: str) -> dict[str, Any]:
    return {"code": code, "detail": detail, "params": {}}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400, "bad_request", _("The request can't be read."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403, "not_allowed", _("You are not allowed to do this."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(request, 403, "csrf", _("The form was too old or came from elsewhere. Load the page again."))


def not_found(request: HttpRequest, exception: Exception | None = None, **_path: str) -> HttpResponse:
    """Also the view behind addresses that are closed on purpose; ``_path`` is what they captured."""
    return _page(request, 404, "not_found", _("There is no such page, or none that you may see."))


def refused(request: HttpRequest, error: ConsoleError) -> HttpResponse:
    """A refusal that no form shows."""
    return render(request, "refused.html", {"error": error}, status=error.status)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's hook for whatever was raised, in a view or on the way there."""
    if isinstance(sys.exception(), _AWAY):
        return _unavailable(request)
    return _page(request, 500, "server_error", _("Something failed on our side. It was logged."))


def _unavailable(request: HttpRequest) -> HttpResponse:
    sentence = _("Something that the console needs does not answer. Try again in a minute.")
    response = _page(request, 503, "unavailable", sentence)
    response["Retry-After"] = "30"
    return response


def _page(request: HttpRequest, status: int, code: str, sentence: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(_body(code, sentence), status=status)
    return render(request, f"{status}.html", {"sentence": sentence, "plain": True}, status=status)
