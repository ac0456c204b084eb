"""Passphrases and PINs: the first line of a file, or typed unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from certs.keystores import words
from certs.keystores.errors import NoSecret


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What whoever sits at the terminal is going to type."""
    lines: list[str] = []
    feed: Iterator[str] = iter(lambda: lines.pop(0), None)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(feed))
    return lines


def test_the_first_line_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(b"  three grey herons \nnot this\n")
    assert words.obtain(tmp_path / "word", "Passphrase") == b"three grey herons"


def test_without_a_file_somebody_types_it(typed: list[str]) -> None:
    typed += ["three grey herons", "three grey herons"]
    assert words.obtain(None, "Passphrase", twice=True) == b"three grey herons"
    typed += ["once is enough"]
    assert words.obtain(None, "Passphrase") == b"once is enough"
    assert not typed


def test_a_slip_of_the_finger_makes_no_key(typed: list[str]) -> None:
    typed += ["three grey herons", "three grey heron"]
    with pytest.raises(NoSecret, match="not the same"):
        words.ask("Passphrase", twice=True)
    typed += ["  "]
    with pytest.raises(NoSecret, match="nothing was typed"):
        words.ask("Passphrase")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"  \nsecond line\n"])
def test_a_file_without_a_word_is_no_secret(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "word").write_bytes(content)
    with pytest.raises(NoSecret):
        words.read(tmp_path / "word")
