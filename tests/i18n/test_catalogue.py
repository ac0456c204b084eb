"""The Chinese catalogue is complete, fits its English, and the compiled file is the one that was written."""

from __future__ import annotations

import ast
import gettext
import re
from pathlib import Path

import pytest

from tests.i18n.sources import PROJECT, Message, aliases, messages

FOLDER = PROJECT / "locale" / "zh_Hans" / "LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# The same in both languages: identifiers of the field.
AS_THEY_ARE = {"API", "EST", "LEI", "SHA-256"}


@pytest.fixture(scope="module")
def catalogue() -> gettext.GNUTranslations:
    with (FOLDER / "django.mo").open("rb") as compiled:
        return gettext.GNUTranslations(compiled)


def translated(catalogue: gettext.GNUTranslations, message: Message) -> str | None:
    """The Chinese, or None where there is none: gettext itself would answer with the English."""
    known: dict[object, str] = catalogue._catalog  # type: ignore[attr-defined]
    key = f"{message.context}\x04{message.text}" if message.context else message.text
    return known.get((key, 0)) if message.plural else known.get(key)


def test_the_search_finds_strings_of_every_kind() -> None:
    """Were it to find none, everything below would pass."""
    found = messages()
    texts = {message.text for message in found}
    assert {"Overview", "certificate request", "The request was refused."} <= texts
    assert any(message.plural for message in found)
    assert any(message.context for message in found)
    assert len(texts) > 600


def test_strings_are_marked_under_names_that_the_collector_knows() -> None:
    """gettext's collector reads names, not imports: under a name of our own a string stays English."""
    assert {alias for alias in aliases() if alias != "_"} == set()


def test_every_string_has_its_chinese(catalogue: gettext.GNUTranslations) -> None:
    missing = {f"{m.where}: {m.text}" for m in messages() if not translated(catalogue, m)}
    assert missing == set()


def test_what_counts_as_chinese_is(catalogue: gettext.GNUTranslations) -> None:
    left = {
        message.text
        for message in messages()
        if message.text not in AS_THEY_ARE
        and not CHINESE.search(translated(catalogue, message) or "")
        and re.search(r"[A-Za-z]{2}", PLACEHOLDER.sub("", message.text))
    }
    assert left == set()


def test_placeholders_are_kept(catalogue: gettext.GNUTranslations) -> None:
    """A lost or misspelt one would fail only when somebody sees the sentence."""
    wrong = {
        message.text
        for message in messages()
        if set(PLACEHOLDER.findall(translated(catalogue, message) or ""))
        != set(PLACEHOLDER.findall(message.plural or message.text))
    }
    assert wrong == set()


def test_the_compiled_catalogue_is_the_written_one(catalogue: gettext.GNUTranslations) -> None:
    known: dict[object, str] = catalogue._catalog  # type: ignore[attr-defined]
    compiled = {(key[0] if isinstance(key, tuple) else key): text for key, text in known.items() if key}
    assert compiled == written(FOLDER / "django.po")


def written(path: Path) -> dict[str, str]:
    """The .po file's entries that are translated and not marked as guesses."""
    entries: dict[str, str] = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        fields = {
            match.group(1): "".join(ast.literal_eval(line) for line in match.group(2).split("\n") if line)
            for match in re.finditer(r'^(msg\w+(?:\[0\])?) ((?:"[^\n]*"\n?)+)', block + "\n", re.MULTILINE)
        }
        text = fields.get("msgstr") or fields.get("msgstr[0]")
        if fields.get("msgid") and text and "#, fuzzy" not in block:
            context = f"{fields['msgctxt']}\x04" if "msgctxt" in fields else ""
            entries[context + fields["msgid"]] = text
    return entries
