"""Errors that a person or a machine may see.

Each has a stable ``code`` (documented, never reused), the HTTP ``status`` it maps to, and a sentence that
gettext translates when it is shown, not when it is raised. ``params`` fill the sentence and travel with the
API's answer, so that a client need not parse prose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class ConsoleError(Exception):
    """Base of all refusals. Raise a subclass; ``message`` holds %(name)s for each of ``params``."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    message: ClassVar[str | Promise] = _("The request was refused.")

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self.code, params)

    def __str__(self) -> str:
        return self.sentence(self.params) if self.params else str(self.message)

    @classmethod
    def sentence(cls, params: Mapping[str, Any]) -> str:
        """``message`` filled with ``params``, in the reader's language. Raises KeyError where one lacks."""
        return str(cls.message) % params


class NotAllowed(ConsoleError):
    """The actor's role does not include this."""

    code = "not_allowed"
    status = 403
    message = _("You are not allowed to do this.")


class NotFound(ConsoleError):
    """No such thing, or none that the actor may know of: both look the same on purpose."""

    code = "not_found"
    status = 404
    message = _("There is no such entry.")


class InvalidInput(ConsoleError):
    """A field's value can't be taken. ``field`` names it, ``reason`` is a translated sentence."""

    code = "invalid_input"
    status = 400
    message = _("%(field)s: %(reason)s")


class ReasonRequired(ConsoleError):
    code = "reason_required"
    status = 400
    message = _("Give a reason: it is kept in the record.")


class IllegalTransition(ConsoleError):
    """``subject`` is in state ``current``; only ``allowed`` may follow, ``wanted`` is not among them."""

    code = "illegal_transition"
    status = 409
    message = _("%(subject)s is “%(current)s” and can't become “%(wanted)s”. Possible: %(allowed)s.")
