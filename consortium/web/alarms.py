"""Alarms in words, for the pages and the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.permissions.models import Alarm

_Params = Mapping[str, Any]


def sentence(alarm: Alarm) -> str:
    """What is wrong, with its numbers."""
    return _SENTENCES[alarm.kind](alarm.params)


def _clock(params: _Params) -> str:
    seconds = int(params["seconds"])
    if seconds > 0:
        words = ngettext("The clock is %(n)d second ahead.", "The clock is %(n)d seconds ahead.", seconds)
    else:
        words = ngettext("The clock is %(n)d second behind.", "The clock is %(n)d seconds behind.", -seconds)
    return words % {"n": abs(seconds)}


def _at(text: Any) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(str(text))), "Y-m-d H:i")


_SENTENCES: Mapping[str, Callable[[_Params], str]] = {
    Alarm.Kind.LIST: lambda params: _("What it reports for epoch %(epoch)s is not what was signed.") % params,
    Alarm.Kind.DECLINED: lambda params: (
        _("The node does not take epoch %(epoch)s: %(reason)s") % {"reason": "–", **params}
    ),
    Alarm.Kind.LOG: lambda params: (
        _("The log of lists that it was given differs from ours, at %(size)s entries.") % params
    ),
    Alarm.Kind.WITHHELD: lambda params: (
        _("Its ledger knows a log of %(size)s lists, it has been given %(served)s for more than ten minutes.")
        % params
    ),
    Alarm.Kind.SILENT: lambda params: (
        _("Neither a pull nor a report since %(at)s.") % {"at": _at(params["since"])}
    ),
    Alarm.Kind.CLOCK: _clock,
    Alarm.Kind.OLD_NODE: lambda params: (
        _("The node runs %(version)s; the oldest that should run is %(oldest)s.") % params
    ),
    Alarm.Kind.OTHER_NODE: lambda params: _("%(recorded)s is recorded, %(reported)s runs.") % params,
    Alarm.Kind.OLD_AGENT: lambda params: (
        _("The agent is %(version)s; the oldest that should run is %(oldest)s.") % params
    ),
    Alarm.Kind.CERTIFICATE: lambda params: (
        _("The certificate ends on %(at)s, and no renewal is under way.") % {"at": _at(params["ends"])}
    ),
}
