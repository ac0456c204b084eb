"""Two nodes' records, held side by side: the same lists, or where they part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.agent import compare, log
from governance.agent.compare import DIFFERENT, SAME, UNKNOWN, Record
from governance.agent.log import Checkpoint, Document
from tests.agent.test_log import NETWORK, as_json, at, digest, entries, page, published


def of(name: str, listed: list[tuple[int, str]], *, log_too: bool = True) -> Record:
    return compare.together(name, at(listed, len(listed)), [published(listed)] if log_too else [])


@given(st.integers(1, 30), st.data())
def test_the_verdict_is_what_the_lists_are(count: int, data: st.DataObject) -> None:
    listed = entries(count)
    other = listed[: data.draw(st.integers(1, count))]
    place = data.draw(st.none() | st.integers(0, len(other) - 1))
    if place is not None:
        other = [*other[:place], (other[place][0], digest(10**6)), *other[place + 1 :]]
    theirs = compare.together(
        "b",
        at(other, len(other)),
        [log.read(json.dumps({**as_json(published(other)), "files": {}}).encode())],
    )
    verdict = compare.compare(of("a", listed), theirs)
    assert verdict.answer == (SAME if place is None else DIFFERENT)
    assert verdict.first == (None if place is None else place + 1)


@pytest.mark.parametrize("log_too", [True, False])
def test_of_equal_length_the_heads_alone_tell(log_too: bool) -> None:
    same = compare.compare(of("a", entries(7), log_too=log_too), of("b", entries(7), log_too=False))
    other = [*entries(6)[:-1], (12, digest(10**6)), entries(7)[-1]]
    apart = compare.compare(of("a", entries(7), log_too=log_too), of("b", other, log_too=False))
    assert (same.answer, apart.answer) == (SAME, DIFFERENT)


def test_of_different_length_heads_alone_do_not() -> None:
    verdict = compare.compare(of("a", entries(7), log_too=False), of("b", entries(5), log_too=False))
    assert verdict.answer == UNKNOWN


# --- The command --------------------------------------------------------------------------------------------
def kept(place: Path, listed: list[tuple[int, str]], document: Document | None = None) -> Path:
    """An agent's state directory."""
    (place / "targets").mkdir(parents=True)
    log.save(place, at(listed, len(listed)))
    cached = place / "targets" / f"{NETWORK}%2Flog.json"  # as TUF's client names it
    cached.write_text(json.dumps(as_json(document or published(listed))))
    return place


def said(capsys: pytest.CaptureFixture[str], *paths: Path, language: str = "en") -> tuple[int, str]:
    code = compare.main(["--language", language, *map(str, paths)])
    caught = capsys.readouterr()
    return code, (caught.out + caught.err).replace(str(paths[0].parent) + "/", "")


def test_the_same_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heming, dongli = kept(tmp_path / "heming", entries(7)), kept(tmp_path / "dongli", entries(7))
    assert said(capsys, heming, dongli) == (
        0, "The same: both were given the same 7 lists of mainnet, up to epoch 14.\n"
    )  # fmt: skip
    assert said(capsys, heming, dongli, language="zh")[1].startswith(
        "一致：双方收到的 mainnet 前 7 份名单完全相同"
    )


def test_one_of_them_is_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = entries(7)
    heming = kept(tmp_path / "heming", listed)
    log.save(tmp_path, at(listed, 5))
    code, text = said(capsys, heming, tmp_path / "log.json")
    assert (code, text) == (
        0,
        "The same: both were given the same 5 lists of mainnet, up to epoch 10.\n"
        "heming was given 2 more since.\n",
    )


def test_another_list_for_one_epoch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = entries(7)
    other = [*listed[:4], (listed[4][0], digest(10**6)), *listed[5:]]
    code, text = said(capsys, kept(tmp_path / "heming", listed), kept(tmp_path / "dongli", other))
    assert code == 1
    assert text.startswith("NOT the same: with 5 lists of mainnet their heads differ.")
    assert "number 5: heming has epoch 10" in text
    chinese = said(capsys, tmp_path / "heming", tmp_path / "dongli", language="zh")
    assert chinese[0] == 1
    assert chinese[1].startswith("不一致：")


def test_long_logs_are_led_over_by_their_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = entries(2 * log.PAGE + 5)
    log.save(tmp_path, at(listed, 1500))
    whole = tmp_path / "published"
    (whole / "log").mkdir(parents=True)
    (whole / "log.json").write_text(json.dumps(as_json(published(listed))))
    assert said(capsys, tmp_path / "log.json", whole / "log.json")[0] == UNKNOWN
    for number in (0, 1):
        (whole / log.page_target(number)).write_text(json.dumps(as_json(page(listed, number))))
    code, text = said(capsys, tmp_path / "log.json", whole / "log.json")
    assert code == SAME, text
    assert "the same 1500 lists" in text


def test_what_can_not_be_compared_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heming = kept(tmp_path / "heming", entries(7))
    (tmp_path / "empty").mkdir()
    assert said(capsys, heming, tmp_path / "empty")[0] == UNKNOWN
    assert said(capsys, heming, tmp_path / "missing")[0] == UNKNOWN
    log.save(tmp_path, Checkpoint("custody", 7, "a" * 64))
    code, text = said(capsys, heming, tmp_path / "log.json")
    assert (code, text) == (2, "Cannot tell: heming is of the network mainnet, log.json of custody.\n")
    torn = kept(tmp_path / "torn", entries(7), published([*entries(6), (14, digest(10**6))]))
    code, text = said(capsys, heming, torn)
    assert (code, "two different logs" in text) == (2, True)
    broken = as_json(published(entries(7))) | {"head": "b" * 64}
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    assert said(capsys, heming, tmp_path / "broken.json")[0] == UNKNOWN
