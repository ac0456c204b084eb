"""What every surface of the node gateway shares: who the TLS peer is, and how a refusal is answered.

Answers are files or JSON; a refusal is ``{"code", "detail"}``. There is never a redirect.
"""

from __future__ import annotations

import logging
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.urls import Resolver404, resolve
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext_lazy as _

from consortium.core.errors import ConsoleError, NotFound

logger = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., HttpResponse])
_MARK = "admits_for_itself"
_PROXIED = "HTTP_X_NODE_CERTIFICATE"


class NoCertificate(ConsoleError):
    code = "no_certificate"
    status = 403
    message = _("Present the node's certificate.")


class MethodNotAllowed(ConsoleError):
    code = "method_not_allowed"
    status = 405
    message = _("This address is not for that method.")


class BadRequest(ConsoleError):
    """What the framework could not make sense of, by the name of its complaint."""

    code = "bad_request"
    status = 400
    message = _("The request can't be read: %(reason)s")


class BodyTooLarge(ConsoleError):
    code = "too_large"
    status = 413
    message = _("The request is too large.")


class Unavailable(ConsoleError):
    code = "unavailable"
    status = 503
    message = _("Something that the gateway needs does not answer. Try again in a minute.")


class RefusalMiddleware:
    """Typed errors become their answer; anything else is logged, and told without a word about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return answer_to(request, error)


def answer_to(request: HttpRequest, error: Exception) -> HttpResponse:
    """What the peer is told of an error."""
    if isinstance(error, ConsoleError):
        return refusal(error)
    if isinstance(error, RequestDataTooBig):
        return refusal(BodyTooLarge())
    if isinstance(error, UnreadablePostError):  # the peer went away in the middle
        return refusal(BadRequest(reason=type(error).__name__))
    if isinstance(error, OperationalError | InterfaceError):  # PostgreSQL is away
        logger.error("gateway: %s %s: %s", request.method, request.path, error)
        return refusal(Unavailable(), **{"Retry-After": "30"})
    logger.error("gateway: %s %s failed", request.method, request.path, exc_info=error)
    return JsonResponse({"code": "internal_error", "detail": "Internal error."}, status=500)


def refusal(error: ConsoleError, **headers: str) -> HttpResponse:
    """The answer to a refusal, never to be kept."""
    body = {"code": error.code, "detail": str(error)}
    # as it is read in a terminal: no escapes
    readable = {"ensure_ascii": False}
    answer = JsonResponse(body, status=error.status, headers=headers, json_dumps_params=readable)
    patch_cache_control(answer, no_store=True)
    return answer


def peer_certificate(request: HttpRequest) -> bytes | None:
    """As :func:`peer_of`."""
    return peer_of(request.META)


def peer_of(environ: dict[str, Any]) -> bytes | None:
    """DER of the certificate with which the TLS peer has proved itself; None without one.

    Our own TLS socket knows it. A proxy that ends TLS reaches us by a Unix socket that is its alone, and says
    it in a header that it sets at every request (nginx's ``$ssl_client_escaped_cert``): only there does a
    header count.
    """
    peer = environ.get("gunicorn.socket")
    if isinstance(peer, ssl.SSLSocket):
        return peer.getpeercert(True)
    if isinstance(peer, socket.socket) and peer.family == socket.AF_UNIX:
        return _der(environ.get(_PROXIED, ""))
    return None


def _der(escaped: str) -> bytes | None:
    """Of a percent-encoded PEM; None where there is none, and so for what is none."""
    try:
        return ssl.PEM_cert_to_DER_cert(unquote(escaped)) if escaped else None
    except ValueError:
        return None


def only(request: HttpRequest, *methods: str) -> None:
    """Raises MethodNotAllowed."""
    if request.method not in methods:
        raise MethodNotAllowed


def admits_for_itself(view: View) -> View:
    """Mark a view that says itself whom it serves; every other is for nodes with a valid certificate."""
    setattr(view, _MARK, True)
    return view


def is_admitted_elsewhere(path: str) -> bool:
    """Is the view at this path marked so? What is not there is not."""
    try:
        return bool(getattr(resolve(path).func, _MARK, False))
    except Resolver404:
        return False


def unknown_address(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For addresses that the gateway does not have; Django's own page would be the console's."""
    return refusal(NotFound())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For requests that Django itself refuses."""
    return refusal(BadRequest(reason=type(exception).__name__))


def failure(request: HttpRequest) -> HttpResponse:
    """For errors of ours outside the views."""
    error = sys.exc_info()[1]
    return answer_to(request, error if isinstance(error, Exception) else RuntimeError("no error"))
