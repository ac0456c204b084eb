"""Template tags of the admin: names of pages, and the zone of its times."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Model
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from consortium.core import clock
from consortium.web.unfold_settings import page_name

register = template.Library()


@register.filter
def crumb(part: dict[str, Any]) -> str:
    """A part of the breadcrumb: a list as the menu calls it, a row by its own name, letter for letter."""
    title = part["title"]
    if isinstance(title, Model):
        return str(title)
    return capfirst(str(page_name(str(part.get("link", ""))) or title))


@register.simple_tag
def zone_line() -> str:
    """ "Times: UTC+08:00 (Asia/Shanghai)"; "Times: UTC" where there is nothing to tell apart."""
    local = timezone.localtime(clock.now())
    offset = local.isoformat()[-6:]
    if offset == "+00:00":
        return _("Times: UTC")
    return _("Times: UTC%(offset)s (%(zone)s)") % {
        "offset": offset,
        "zone": timezone.get_current_timezone_name(),
    }
