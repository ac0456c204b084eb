"""What can be done on a page: an act is a button, the form it asks, and the service it calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanWidget,
)

from consortium.core.errors import NotAllowed
from consortium.members.models import User
from consortium.web.admin.panels import Panel

Text = str | Promise


@dataclass(frozen=True)
class Outcome:
    """What a done act says, and where it leads; without ``url`` back to the page it was started from."""

    message: Text
    url: str = ""


def actor(request: HttpRequest) -> User:
    """The person who acts. Raises NotAllowed where nobody is signed in."""
    if not isinstance(request.user, User):
        raise NotAllowed
    return request.user


# Widgets are the package's; what field takes which is decided here once.
_WIDGETS: tuple[tuple[type[forms.Field], Callable[[], forms.Widget]], ...] = (
    (forms.BooleanField, UnfoldBooleanWidget),
    (forms.ModelChoiceField, UnfoldAdminSelectWidget),
    (forms.ChoiceField, UnfoldAdminSelectWidget),
    (forms.EmailField, UnfoldAdminEmailInputWidget),
    (forms.FileField, UnfoldAdminFileFieldWidget),
    (forms.IntegerField, UnfoldAdminIntegerFieldWidget),
    (forms.DateField, UnfoldAdminSingleDateWidget),
    (forms.URLField, UnfoldAdminURLInputWidget),
    (forms.CharField, UnfoldAdminTextInputWidget),
)


class StyledForm(forms.Form):
    """A form with the site's widgets; keeps a widget that a field was given on purpose."""

    about: Text = ""  # what it is about, where that is no row
    asks_first = False  # it only asks what the page is to be about: sent by GET, and changes nothing

    def __init__(self, *args: Any, row: Model | None = None, **kwargs: Any) -> None:
        self.row = row
        super().__init__(*args, **kwargs)
        for name, bound in self.fields.items():
            bound.label = capfirst(str(bound.label or name))
            _dress(bound)


def _dress(bound: forms.Field) -> None:
    if bound.widget.__module__.startswith("unfold"):
        return
    attrs = dict(bound.widget.attrs)
    if isinstance(bound.widget, forms.Textarea):
        widget: forms.Widget = UnfoldAdminTextareaWidget()
    elif isinstance(bound.widget, forms.PasswordInput):
        widget = UnfoldAdminPasswordWidget()
    elif isinstance(bound.widget, forms.HiddenInput | forms.RadioSelect):
        return
    else:
        widget = next(make() for kind, make in _WIDGETS if isinstance(bound, kind))
    if isinstance(bound, forms.ChoiceField) and isinstance(widget, forms.Select):
        widget.choices = list(bound.choices)  # type: ignore[arg-type]
    attrs.pop("cols", None)
    widget.attrs.update(attrs)
    widget.is_required = bound.required
    bound.widget = widget
    if isinstance(bound, forms.ModelChoiceField):
        widget.choices = bound.choices  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Act:
    """A step on one row (or, among a list's ``tools``, on none).

    ``shows(row)``: what one must have read before pressing the button.
    ``run(request, row, cleaned)`` calls a service and returns an :class:`Outcome`; a ConsoleError from it is
    shown on the form, with its status. ``offered`` hides the button where the service would refuse anyway:
    the service still decides.
    """

    name: str  # the last part of the address
    label: Text
    run: Callable[[HttpRequest, Any, dict[str, Any]], Outcome]
    form: type[StyledForm] = StyledForm
    offered: Callable[[Any], bool] = field(default=lambda row: True)
    shows: Callable[[Any], Iterable[Panel]] = field(default=lambda row: ())
    hint: Text = ""
    style: str = "plain"  # plain, main or grave
    icon: str = ""


class ReasonForm(StyledForm):
    """Asks why; the answer is kept in the record."""

    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        help_text=_("Kept in the record for good, and shown to the institution."),
    )


class RemarkForm(StyledForm):
    """May say why."""

    reason = forms.CharField(
        label=_("Remark"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000, required=False
    )


class ConfirmForm(StyledForm):
    """Asks nothing but to press the button."""
