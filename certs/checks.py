"""What must not be so outside development: said by every command of manage.py, and by ``check --deploy``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def linting(**_what: Any) -> list[CheckMessage]:
    """A certificate that is out can't be called back from those who have it: each is linted before."""
    if settings.LINT_CERTIFICATES or settings.DEVELOPMENT:
        return []
    return [
        Error(
            "LINT_CERTIFICATES=0: certificates would be signed without pkilint having read them.",
            hint="Leave it out. It is there to measure, in development.",
            id="certs.E001",
        )
    ]
