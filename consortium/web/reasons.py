"""The reasons of RFC 5280 section 5.3.1 as forms offer them: each with what it means beside it."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from certs.words import Explained


def choices(reasons: Iterable[Explained]) -> list[tuple[str, SafeString]]:
    """For radio buttons: what it says, the RFC's name, when to choose it and what follows."""
    return [(each.code, _label(each)) for each in reasons]


def _label(each: Explained) -> SafeString:
    return format_html(
        '<span class="reason"><b>{}</b> <code>{}</code><small>{}</small><small>{}</small></span>',
        capfirst(str(each.label)),
        each.code,
        each.when,
        each.then,
    )
