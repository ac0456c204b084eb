"""People signed in at the admin, and an alliance with a row in every table that has a page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from consortium.core import clock
from consortium.core.models import OutboxMessage
from consortium.members import services
from consortium.members.models import Category
from governance.chain.models import (
    CastVote,
    ChainEvent,
    Ledger,
    OnChainProposal,
    RegistryEntry,
    RelayTransaction,
    Seat,
)
from governance.permissions.models import Acknowledgement, Delivery, Epoch, EpochFile, EpochMember
from governance.proposals.models import Ballot, Proposal
from tests import factories

ROSTERS = Path(__file__).parents[2] / "data"


def signed_in(user: Any) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    client.user = user  # type: ignore[attr-defined]
    return client


@pytest.fixture
def zhou_lan(db: None) -> Client:
    """Of the secretariat."""
    return signed_in(factories.UserFactory(secretariat=True, username="zhou.lan"))


@pytest.fixture
def wu_rui(db: None) -> Client:
    """Of the regulator."""
    return signed_in(factories.UserFactory(regulator=True, username="wu.rui"))


@pytest.fixture
def chen_ling(db: None) -> Client:
    """An officer of Nanpu Bank."""
    bank = factories.InstitutionFactory(n=3, active=True)
    return signed_in(factories.UserFactory(username="chen.ling", institution=bank))


@pytest.fixture
def hailong(zhou_lan: Client) -> Any:
    """Hailong Bank has applied, and nobody has looked yet."""
    return services.apply(
        short_name="hailong-bank",
        legal_name_zh="海龙银行股份有限公司",
        legal_name_en="Hailong Bank Co., Ltd.",
        category=Category.objects.get(pk="banking"),
        uscc=factories.uscc(800_900),
        lei=factories.lei(800_900),
        joined_on=None,
        contact_name="Li Jun",
        contact_email="li.jun@hailong.example",
        contact_phone="+86 755 5242 5263",
        actor=zhou_lan.user,  # type: ignore[attr-defined]
    )


def add_member(ledger: Ledger, n: int) -> SimpleNamespace:
    """A seated bank with a sealer that is behind, and all that its pages show."""
    now = clock.now()
    bank = factories.InstitutionFactory(n=n, active=True, voting=True)
    node = factories.NodeFactory(n=n, institution=bank)
    at = {"ledger": ledger, "block": 10 + n, "block_time": now, "tx_hash": f"0x{n:064x}"}
    seat = Seat.objects.create(
        **at,
        member_id=bank.uscc,
        category_number=bank.category.number,
        voting_address=bank.voting_address,
        status="active",
    )
    entry = RegistryEntry.objects.create(
        **at, network=node.network_id, consensus_id=node.consensus_id, member_id=bank.uscc, role=2
    )
    event = ChainEvent.objects.create(
        ledger=ledger,
        block=10 + n,
        block_hash=f"0x{n:064x}",
        block_time=now - timedelta(hours=1),
        log_index=n,
        tx_hash=f"0x{n:064x}",
        contract=ledger.seats,
        name="SeatGranted",
        args={"memberId": bank.uscc, "voter": bank.voting_address, "category": bank.category.number},
    )
    delivery = Delivery.objects.create(
        node=node,
        wanted_epoch=2,
        wanted_at=now - timedelta(minutes=1),  # time enough: it is behind
        told_epoch=2,
        told_at=now,
        applied_epoch=1,
        applied_at=now,
    )
    report = Acknowledgement.objects.create(
        node=node,
        certificate_serial="0a",
        epoch=1,
        format="besu",
        sha256="ab" * 32,
        matches=True,
        applied_at=now,
        received_at=now,
    )
    return SimpleNamespace(
        bank=bank, node=node, seat=seat, entry=entry, event=event, delivery=delivery, report=report
    )


def add_proposal(ledger: Ledger, number: int, about: Any, author: Any, voters: list[Any]) -> SimpleNamespace:
    """A proposal that is being voted on, with the first of ``voters`` having voted for."""
    now = clock.now()
    sent = RelayTransaction.objects.create(
        ledger=ledger, key=f"propose:{number}", to=ledger.governor, data="0x00", created_at=now
    )
    proposal = Proposal.objects.create(
        number=number,
        ledger=ledger,
        kind="admit_institution",
        title_zh="接纳海龙银行",
        title_en="Admit Hailong Bank",
        text="The papers are in order.",
        text_sha256="ef" * 32,
        institution=about,
        description="d",
        chain_proposal_id=str(10**60 + number),
        drafted_by=author,
        drafted_at=now,
        opened_by=author,
        opened_at=now,
        propose_tx=sent,
    )
    at = {"ledger": ledger, "block": 90, "block_time": now, "tx_hash": f"0x{number + 10**6:064x}"}
    OnChainProposal.objects.create(
        **at,
        governor=ledger.governor,
        proposal_id=proposal.chain_proposal_id,
        proposer=ledger.relay_address,
        targets=[],
        values=[],
        calldatas=[],
        description="d",
        vote_start=now - timedelta(minutes=5),
        vote_end=now + timedelta(hours=3),
        quorum=len(voters) + 2,  # as long as two others keep silent it stays open
        electorate=len(voters) + 2,
        electorate_by_category=[len(voters) + 2, 0, 0, 0, 0, 0],
        kind=1,
        rule={"quorum": [1, 1], "approval": [1, 2], "categories": 0},
    )
    bank = voters[0].bank
    vote = CastVote.objects.create(
        **at,
        proposal_id=proposal.chain_proposal_id,
        voter=bank.voting_address,
        member_id=bank.uscc,
        category_number=bank.category.number,
        support=1,
        weight=1,
    )
    relay = RelayTransaction.objects.create(
        ledger=ledger, key=f"ballot:{number}", to=ledger.governor, data="0x00", created_at=now
    )
    ballot = Ballot.objects.create(
        proposal=proposal,
        institution=bank,
        voter=bank.voting_address,
        support=1,
        nonce=0,
        signature=f"0x{number:0130x}",
        received_at=now,
        received_from="chen.ling",
        relay=relay,
    )
    return SimpleNamespace(proposal=proposal, vote=vote, relay=relay, ballot=ballot)


@pytest.fixture
def ledger(db: None) -> Ledger:
    return Ledger.objects.create(
        slug="main",
        chain_id=20200,
        genesis_hash="0x" + "ab" * 32,
        seats="0x" + "11" * 20,
        governor="0x" + "22" * 20,
        registry="0x" + "33" * 20,
        relay_address="0x" + "44" * 20,
        start_block=0,
    )


@pytest.fixture
def alliance(ledger: Ledger, hailong: Any, zhou_lan: Client) -> SimpleNamespace:
    """One row at least for each page."""
    now = clock.now()
    member = add_member(ledger, 7)
    voting = add_proposal(ledger, 1, hailong, zhou_lan.user, [member])  # type: ignore[attr-defined]
    epoch = Epoch.objects.create(
        network=member.node.network,
        number=2,
        block=17,
        effective_at=now,
        content_sha256="cd" * 32,
        node_count=1,
        cause="registry.changed",
        compiled_at=now,
        published_at=now,
    )
    EpochFile.objects.create(
        epoch=epoch, format="besu", path="besu/permissions_config.toml", content=b"a = 1\n", sha256="01" * 32
    )
    EpochMember.objects.create(epoch=epoch, node=member.node, role=2)
    outbox = OutboxMessage.objects.create(
        topic="permissions.push", queue="push", key="settlement", created_at=now, due_at=now, dead_at=now
    )
    return SimpleNamespace(
        ledger=ledger, hailong=hailong, epoch=epoch, outbox=outbox, **vars(member), **vars(voting)
    )
