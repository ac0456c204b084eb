"""Why something is no call of the committee's, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from governance.contracts.fisco import NotACall

_SENTENCES = {
    "takes": _("%(function)s takes %(names)s"),
    "unfit": _("an argument does not fit: %(detail)s"),
    "word": _("%(word)s is no argument of it"),
    "encoding": _("its bytes are not the ordinary encoding of what they say"),
    "function": _("it calls no function of the committee's"),
    "arguments": _("its arguments can't be read"),
    "answer": _("%(function)s was not answered"),
}


def why(error: NotACall) -> str:
    """The sentence of ``error``."""
    return str(_SENTENCES[error.key]) % error.values
