"""What the permission lists say, in words."""

from __future__ import annotations

from django import template

from consortium.web import foreseen

register = template.Library()


@register.filter
def permission(name: str) -> str:
    """What an account may do."""
    return foreseen.permission(name)
