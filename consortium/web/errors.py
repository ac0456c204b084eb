"""Where typed errors become answers: HTTP status and a sentence in the reader's language."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler

from consortium.core.errors import ConsoleError


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
    response = exception_handler(exc, context)
    if response is not None and isinstance(response.data, dict) and "detail" in response.data:
        response.data.setdefault("code", getattr(response.data["detail"], "code", "error"))
    elif response is not None:
        response.data = {
            "code": "invalid_input",
            "detail": str(exc.__class__.__name__),
            "fields": response.data,
        }
    return response
