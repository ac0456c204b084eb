"""What of a page a reader sees, and what of that is English that should not be."""

from __future__ import annotations

import html
import re

from tests.i18n.sources import messages

# Commands, identifiers, icons, what members wrote, and the machine's own words of an event.
_NOT_OURS = re.compile(
    r"<(code|pre|q|script|style|textarea|details|time)\b.*?</\1>"
    r"|<span[^>]*material-symbols[^>]*>.*?</span>"
    r"|<div class=\"text\">.*?</div>"
    r"|<(span|small|dd) [^>]*lang=\"en\">.*?</\2>",  # said to be English, beside the Chinese
    re.DOTALL,
)
_SENTENCE = re.compile(r"\b[a-z]{2,}(?: [a-z']{2,}){2,}", re.IGNORECASE)


def lines(page: str) -> set[str]:
    """The texts between a page's tags."""
    text = html.unescape(re.sub(r"<[^>]+>", "\n", _NOT_OURS.sub("\n", page)))
    return {" ".join(line.split()) for line in text.split("\n") if line.strip()}


def marked() -> set[str]:
    """Every English string that the sources mark for translation."""
    return {message.text for message in messages()}


def left_in_english(page: str, ours: set[str], as_they_are: set[str]) -> set[str]:
    """``ours``: texts that must not stand there as such. ``as_they_are``: names and identifiers."""
    found = lines(page) - as_they_are
    return (found & ours) | {line for line in found if _SENTENCE.search(line)}
