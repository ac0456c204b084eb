"""What the command says, in English and Chinese. It stands alone: no gettext catalogue is at hand."""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import Final

from governance.verify.texts_en import ENGLISH
from governance.verify.texts_zh import CHINESE

CATALOGUES: Final = {"en": ENGLISH, "zh": CHINESE}
_chosen: ContextVar[str | None] = ContextVar("language", default=None)


def choose(language: str | None) -> None:
    """Speak ``zh`` or ``en``; None: as the environment says."""
    _chosen.set(language)


def language() -> str:
    """As chosen, or as LC_ALL, LC_MESSAGES and LANG say, in this order."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(key: str, **values: object) -> str:
    """The sentence ``key`` in the reader's language, filled in."""
    return CATALOGUES[language()][key].format(**values)
