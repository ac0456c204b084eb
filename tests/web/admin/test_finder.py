"""Anything is found by any of its identifiers."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

IDENTIFIERS: dict[str, tuple[Callable[[SimpleNamespace], str], str]] = {
    "LEI": (lambda a: a.hailong.lei, "hailong"),
    "USCC": (lambda a: a.hailong.uscc, "hailong"),
    "Chinese name": (lambda a: "海龙", "hailong"),
    "node id": (lambda a: a.node.consensus_id, "node"),
    "address": (lambda a: a.node.host, "node"),
    "voting address": (lambda a: a.bank.voting_address, "seat"),
    "transaction": (lambda a: a.entry.tx_hash, "entry"),
    "id on chain": (lambda a: a.proposal.chain_proposal_id, "proposal"),
}


@pytest.mark.parametrize("kind", IDENTIFIERS)
def test_it_finds_by(zhou_lan: Client, alliance: SimpleNamespace, kind: str) -> None:
    read, name = IDENTIFIERS[kind]
    page = zhou_lan.get("/admin/search/", {"s": read(alliance), "extended": 1})
    assert f"/{getattr(alliance, name).pk}/change/" in page.content.decode()


def test_it_finds_nothing_for_a_stranger(client: Client, alliance: SimpleNamespace) -> None:
    assert client.get("/admin/search/", {"s": alliance.hailong.lei}).status_code == 302


def test_it_says_so_when_there_is_nothing(zhou_lan: Client) -> None:
    page = zhou_lan.get("/admin/search/", {"s": "no such thing", "extended": 1})
    assert "No results" in page.content.decode()
