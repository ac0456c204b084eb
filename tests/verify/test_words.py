"""The commands that run without the console speak English and Chinese, and both say everything."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from consortium.stack.plan import PROJECT
from governance.ballot import committee_texts
from governance.ballot import texts as ballot_texts
from governance.guardian import texts as guardian_texts
from governance.verify import texts
from tests.verify.test_verify import verify

CATALOGUES = {
    "verify": texts.CATALOGUES,
    "ballot": ballot_texts.CATALOGUES,
    "committee": committee_texts.CATALOGUES,
    "guardian": guardian_texts.CATALOGUES,
}


def fields(sentence: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("catalogues", CATALOGUES.values(), ids=CATALOGUES.keys())
def test_no_sentence_is_missing_in_chinese_and_each_says_the_same(
    catalogues: dict[str, dict[str, str]],
) -> None:
    english, chinese = catalogues["en"], catalogues["zh"]
    assert set(chinese) == set(english)
    assert [key for key in english if fields(english[key]) != fields(chinese[key])] == []
    assert [key for key, sentence in chinese.items() if not sentence.strip()] == []


def said_keys(folder: Path) -> Iterator[str]:
    """Keys that the code names, as the first argument of what speaks."""
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                if node.func.id not in {"say", "NotProven", "CannotCheck"}:
                    continue
                yield from (
                    leaf.value
                    for leaf in ast.walk(node.args[0])
                    if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) and "_" in leaf.value
                )


def test_each_sentence_that_the_verifier_says_is_in_the_catalogue() -> None:
    keys = set(said_keys(PROJECT / "governance" / "verify"))
    assert len(keys) > 60
    assert {key for key in keys if key not in texts.CATALOGUES["en"]} <= {"vote_", "log_", "kind_", "help_"}


def test_the_environment_chooses_the_language_and_the_option_overrules_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "管理台导出的证明文件" in verify("--help").stdout
    assert "the file that the console exported" in verify("--language", "en", "--help").stdout
