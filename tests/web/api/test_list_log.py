"""The log of lists for programs: what the API hands out, the compare command reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from governance.agent import compare, log
from governance.chain.models import Ledger
from governance.permissions import digests, logbook
from tests import factories
from tests.web.admin.conftest import ledger, signed_in
from tests.web.admin.test_list_log import CONTRACT, anchored, entered

__all__ = ["ledger"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def regulator(ledger: Ledger) -> Client:
    Ledger.objects.update(anchors=CONTRACT)
    made = [entered(number) for number in range(1, 5)]
    anchored(ledger, made[2])
    return signed_in(factories.UserFactory(regulator=True, username="wu.rui"))


def test_where_a_log_stands_and_what_is_on_the_ledger(regulator: Client) -> None:
    found = regulator.get("/api/v1/logs/settlement/").json()
    newest = logbook.newest("settlement")
    assert newest is not None
    assert (found["network"], found["size"], found["head"]) == ("settlement", 4, newest.head)
    [anchor] = found["anchors"]
    assert (anchor["size"], anchor["state"], anchor["block"], anchor["contract"]) == (
        3,
        "mined",
        4711,
        CONTRACT,
    )
    assert [row["network"] for row in regulator.get("/api/v1/logs/").json()] == ["settlement"]


def test_the_document_is_what_a_regulator_compares(regulator: Client, tmp_path: Path) -> None:
    content = regulator.get("/api/v1/logs/settlement/document/").content
    (tmp_path / "regulator.json").write_bytes(content)
    document = log.read(content)
    assert document.anchored is not None
    assert document.anchored.size == 3
    log.save(tmp_path, log.Checkpoint("settlement", 2, log.heads(document)[2]))  # a node's, earlier
    assert compare.main([str(tmp_path / "regulator.json"), str(tmp_path / "log.json")]) == compare.SAME
    log.save(tmp_path, log.Checkpoint("settlement", 2, "a" * 64))
    assert compare.main([str(tmp_path / "regulator.json"), str(tmp_path / "log.json")]) == compare.DIFFERENT


def test_older_pages_have_their_number(regulator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "PAGE", 2)
    logbook._page.cache_clear()
    page = regulator.get("/api/v1/logs/settlement/document/?page=0").json()
    assert (page["first"], page["size"], len(page["entries"])) == (1, 2, 2)
    for wrong in ("1", "-1", "x", "²", "99999999999"):
        assert regulator.get("/api/v1/logs/settlement/document/", {"page": wrong}).status_code == 404
    logbook._page.cache_clear()


def test_a_member_without_a_node_there_sees_nothing(regulator: Client) -> None:
    officer = signed_in(factories.UserFactory(institution=factories.InstitutionFactory(n=3, active=True)))
    assert officer.get("/api/v1/logs/").json() == []
    assert officer.get("/api/v1/logs/settlement/").status_code == 404
    assert officer.get("/api/v1/logs/settlement/document/").status_code == 404
    assert Client().get("/api/v1/logs/").status_code in {401, 403}
