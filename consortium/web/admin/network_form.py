"""Settings of one network: first which one, then the values that it has, and only what was changed is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Network
from consortium.web.admin.acts import ReasonForm

_SHOWN = "shown_"


class NetworkForm(ReasonForm):
    """The page without ``?network=`` asks for the network alone.

    What was shown comes back beside what was filled in. So a value that nobody touched stays as it is, even
    where somebody else has changed it since the page was opened; :meth:`clean` leaves it out.
    """

    network = forms.ModelChoiceField(Network.objects.order_by("slug"), label=_("network"))
    settings: ClassVar[tuple[str, ...]] = ()  # fields that show what the network has

    def present(self, network: Network) -> Mapping[str, Any]:
        """What the network's fields are filled with."""
        raise NotImplementedError

    def proposed(self, network: Network) -> Mapping[str, Any]:
        """What is filled in instead where it would not do as it is; set unless somebody changes it."""
        return {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self._chosen()
        if chosen is not None:
            self.about = chosen.name
            self.fields["network"].widget = forms.HiddenInput()
            self._fill(chosen)
        elif not self.is_bound:
            self.asks_first = True
            for name in set(self.fields) - {"network"}:
                del self.fields[name]

    def _chosen(self) -> Network | None:
        rows = Network.objects.order_by("slug")
        asked = str((self.data if self.is_bound else self.initial).get("network", ""))
        if asked or self.is_bound:
            return rows.filter(pk=asked).first()
        return rows.get() if rows.count() == 1 else None

    def _fill(self, chosen: Network) -> None:
        present, proposed = self.present(chosen), self.proposed(chosen)
        self.initial = {"network": chosen, **present, **proposed}
        for name in set(self.settings) - proposed.keys():
            shown = forms.CharField(required=False, initial=present[name], widget=forms.HiddenInput())
            self.fields[_SHOWN + name] = shown

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not any(self._is_changed(name) for name in self.settings):
            self.add_error(None, forms.ValidationError(_("Nothing was changed."), code="unchanged"))
        untouched = {name for name in self.settings if not self._is_changed(name)}
        return {
            name: value
            for name, value in cleaned.items()
            if name not in untouched and not name.startswith(_SHOWN)
        }

    def _is_changed(self, name: str) -> bool:
        """Is it filled in otherwise than shown? Browsers change the ends of lines.

        Who sends the form without having seen it has shown nothing: all that is sent is a change.
        """
        shown = self.data.get(_SHOWN + name)
        return shown is None or str(shown).split() != str(self.data.get(name, "")).split()
