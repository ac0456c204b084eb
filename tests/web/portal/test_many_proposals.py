"""The lists with 10,000 proposals, and the pages of one with 500 voters: they ask no more than with few."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from consortium.members.models import User
from governance.chain.models import CastVote, ChainEvent, OnChainProposal
from governance.proposals.models import Proposal
from tests.factories import UserFactory
from tests.proposals.stage import AGAINST, FOR, Stage
from tests.proposals.test_under_way import _electors, _many, stage_voter

MANY, VOTERS = 10_000, 500
LISTS = ("/proposals/", "/proposals/?page=7", "/api/v1/proposals/", "/admin/proposals/proposal/")


def asked(client: Client, path: str) -> int:
    """How many queries a page takes, the second time: what is remembered is remembered."""
    assert client.get(path).status_code == 200, path
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200, path
    return len(queries)


def rows_of(client: Client, path: str) -> int:
    return client.get(path).content.decode().count("Admit a member")


@pytest.fixture
def officer(stage: Stage) -> User:
    found: User = UserFactory(institution=stage.banks[0], username="zhou.lan")
    return found


def test_a_list_of_ten_thousand_takes_as_many_questions_as_one_of_fifty(
    stage: Stage, officer: User, client: Client
) -> None:
    proposal = stage.voting()
    readers = {path: stage.secretary if path.startswith("/admin/") else officer for path in LISTS}
    with stage.ledgers_time(ahead=10):
        _many(proposal, 250)
        few = {path: _asked_by(client, readers[path], path) for path in LISTS}
        _renumbered(250)
        _many(proposal, MANY)
        assert {path: _asked_by(client, readers[path], path) for path in LISTS} == few
        client.force_login(officer)
        assert "10251" in client.get("/api/v1/proposals/").content.decode()
        assert rows_of(client, "/proposals/") == 25
    assert Proposal.objects.count() == MANY + 251


def _asked_by(client: Client, reader: User, path: str) -> int:
    client.force_login(reader)
    return asked(client, path)


def _renumbered(number: int) -> None:
    """Out of the way of those that are to come."""
    for row in Proposal.objects.filter(number__gte=2000).order_by("number")[:number]:
        identifier = str(10**14 + row.number)
        OnChainProposal.objects.filter(proposal_id=row.chain_proposal_id).update(proposal_id=identifier)
        CastVote.objects.filter(proposal_id=row.chain_proposal_id).update(proposal_id=identifier)
        Proposal.objects.filter(pk=row.pk).update(number=row.number + 100_000, chain_proposal_id=identifier)


def test_the_pages_of_a_proposal_with_five_hundred_voters_take_as_many_questions_as_with_few(
    stage: Stage, officer: User, client: Client
) -> None:
    proposal = stage.voting()
    _electors(stage, 1)
    _votes(proposal, 1)
    paths = {
        f"/proposals/{proposal.pk}/": officer,
        f"/api/v1/proposals/{proposal.number}/": officer,
        f"/admin/proposals/proposal/{proposal.pk}/change/": stage.secretary,
    }
    with stage.ledgers_time():
        few = {path: _asked_by(client, reader, path) for path, reader in paths.items()}
        ChainEvent.objects.filter(about__startswith="seat:M").delete()
        CastVote.objects.all().delete()
        _electors(stage, VOTERS - 5)
        everybody = {"electorate": VOTERS, "electorate_by_category": [VOTERS, 0, 0, 0, 0, 0], "quorum": 250}
        OnChainProposal.objects.update(**everybody)
        _votes(proposal, 400)
        assert {path: _asked_by(client, reader, path) for path, reader in paths.items()} == few
        client.force_login(officer)
        page = client.get(f"/proposals/{proposal.pk}/")
    overview = page.context["overview"]
    assert (len(overview.voted), len(overview.not_voted)) == (400, 100)


def _votes(proposal: Proposal, number: int) -> None:
    """So many of the electors have voted, so that the others still decide."""
    row: Any = OnChainProposal.objects.get(proposal_id=proposal.chain_proposal_id)
    CastVote.objects.bulk_create(
        CastVote(
            ledger=row.ledger, proposal_id=row.proposal_id, voter=stage_voter(place), member_id=f"M{place}",
            category_number=1, support=FOR if place % 3 else AGAINST, weight=1, block=row.block,
            block_time=row.block_time, tx_hash="0x1",
        )
        for place in range(number)
    )  # fmt: skip
