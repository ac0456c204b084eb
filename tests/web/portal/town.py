"""The rows that the portal's and the API's tests look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from certs import issuing
from certs import services as certificates
from certs.models import Certificate, CertificateRequest, Enrolment
from consortium.core import clock, events
from consortium.members.models import Institution, Network, Node, User
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeState,
    CommitteeWish,
    GovernedLedger,
)
from governance.chain.models import Ledger, RegistryEntry
from governance.permissions import services as permissions
from governance.permissions.models import Delivery, Epoch, EpochFile, EpochMember, LogEntry, Removal
from governance.proposals import services
from governance.proposals.mandates import Substitution
from governance.proposals.models import Proposal
from tests.certs.openssl import Workstation
from tests.factories import InstitutionFactory, NetworkFactory, NodeFactory, UserFactory
from tests.proposals.stage import Stage


@dataclass(frozen=True)
class LedgerKey:
    """What addresses call a committee's ledger, the one proposal on it, and the one wish for it."""

    slug: str
    number: int
    wish: int

    def __str__(self) -> str:
        return self.slug

    def path(self, route: str) -> str:
        given = {
            "<slug:slug>": self.slug,
            "<int:number>": self.number,
            "<str:ref>": f"{self.slug}:{self.number}",
        }
        for name, value in {**given, "<int:pk>": self.wish}.items():
            route = route.replace(name, str(value))
        return route


@dataclass
class Bank:
    """One bank: its officer, a node with a certificate, a request that waits, its network's list."""

    institution: Institution
    officer: User
    node: Node
    certificate: Certificate
    waiting: CertificateRequest
    enrolment: Enrolment
    epoch: Epoch
    cover: Substitution
    committee: LedgerKey
    removal: Removal

    @property
    def keys(self) -> dict[str, object]:
        """The bank's rows by what addresses call them."""
        return {
            "institution": self.institution.pk,
            "node": self.node.pk,
            "certificate": self.certificate.pk,
            "request": self.waiting.pk,
            "enrolment": self.enrolment.pk,
            "epoch": self.epoch.pk,
            "cover": self.cover.pk,
            "ledger": self.committee,
            "network": self.node.network_id,
            "removal": self.removal.pk,
        }


@dataclass
class Town:
    """Heming and Qingchuan are banks; Wang Min is the secretariat, Wu Rui the regulator."""

    stage: Stage
    workstation: Workstation
    heming: Bank
    qingchuan: Bank
    wang_min: User
    wu_rui: User
    vote: Proposal
    draft: Proposal = field(init=False)

    def applicant(self) -> tuple[Institution, User]:
        """A bank that has no seat and no voting address yet, and its officer."""
        bank = InstitutionFactory(short_name="yunting-bank")
        return bank, UserFactory(institution=bank, username="sun.hui")


def built(stage: Stage, workstation: Workstation) -> Town:
    wang_min = UserFactory(secretariat=True, username="wang.min")
    wu_rui = UserFactory(regulator=True, username="wu.rui")
    zhou_lan = UserFactory(
        institution=stage.banks[0], username="zhou.lan", first_name="Lan", last_name="Zhou"
    )
    li_jun = UserFactory(institution=stage.banks[1], username="li.jun")
    town = Town(
        stage=stage,
        workstation=workstation,
        heming=_bank(zhou_lan, "settlement", workstation, wang_min),
        qingchuan=_bank(li_jun, "custody", workstation, wang_min),
        wang_min=wang_min,
        wu_rui=wu_rui,
        vote=stage.voting(),
    )
    town.draft = stage.draft(institution=stage.applicant())
    return town


def _bank(officer: User, network: str, workstation: Workstation, secretary: User) -> Bank:
    institution = officer.institution
    assert institution is not None
    where = NetworkFactory(slug=network)
    node = NodeFactory(institution=institution, network=where, name="node-1")
    other = NodeFactory(institution=institution, network=where, name="node-2")
    _admitted(other)  # the network's lists are shown for it; about node-1 tests may vote
    certificate = certified(node, officer, workstation, secretary)
    waiting = certificates.submit_request(
        node=other, profile="evm-node", csr=workstation.request(), actor=officer
    )
    enrolment, _secret = certificates.make_enrolment(node=other, profile="fisco-bcos-3", actor=officer)
    listed, cover = _list(certificate), _cover(officer)
    committee = _committee(where)
    leaving = permissions.order_removal(other, actor=secretary, reason="2026-12-31")
    return Bank(
        institution, officer, node, certificate, waiting, enrolment, listed, cover, committee, leaving
    )


def _committee(network: Network) -> LedgerKey:
    """The ledger of a network, as the chain worker would have left it: a proposal, and what is wished."""
    address, now = "0x" + "Aa" * 20, clock.now()
    ledger = GovernedLedger.objects.create(
        slug=f"{network.slug}-ledger", kind="committee", network=network, chain_id=20200,
        genesis_hash="0x" + "ab" * 32, rpc_addresses=["http://127.0.0.1:9"],
    )  # fmt: skip
    CommitteeState.objects.create(
        ledger=ledger, committee=address, proposal_manager=address, participation=60, win=60, head=9,
        head_time=now,
    )  # fmt: skip
    arguments = {"node": "ab" * 64}
    proposal = CommitteeProposal.objects.create(
        ledger=ledger, number=1, type=52, proposer=address, resource=address, deadline=99, status=1,
        arguments=arguments, created_block=5, created_at=now, created_tx="0x" + "cd" * 32,
    )  # fmt: skip
    wish = CommitteeWish.objects.create(
        ledger=ledger, type=52, arguments=arguments, resource=address, reason="2026-17",
        created_at=now, created_by="wang.min",
    )  # fmt: skip
    return LedgerKey(ledger.slug, proposal.number, wish.pk)


def _cover(officer: User) -> Substitution:
    """A colleague of the officer's takes its place next month."""
    colleague = UserFactory(institution=officer.institution, username=f"cover.{officer.username}")
    begin = clock.now() + timedelta(days=30)
    return services.name_substitute(
        officer, substitute=colleague, starts=begin, ends=begin + timedelta(days=7), actor=officer,
        reason="On leave",
    )  # fmt: skip


def _admitted(node: Node) -> None:
    """The registry's row, as the indexer would have left it."""
    RegistryEntry.objects.create(
        ledger=Ledger.objects.get(), network=node.network_id, consensus_id=node.consensus_id,
        member_id=node.institution.uscc, role=1, block=7, block_time=clock.now(), tx_hash="0x" + "0" * 64,
    )  # fmt: skip


def certified(node: Node, officer: User, workstation: Workstation, secretary: User) -> Certificate:
    request = certificates.submit_request(
        node=node, profile="evm-node", csr=workstation.request(), actor=officer
    )
    certificates.approve_request(request, actor=secretary)
    made = issuing.issue(request.pk)
    assert made is not None
    return made


@transaction.atomic
def _list(certificate: Certificate) -> Epoch:
    """A published list with the node and its certificate on it, as the worker would have left it."""
    node, now = certificate.of_node, clock.now()
    content = f'{{"certificates": ["{certificate.serial_id}"]}}'.encode()
    epoch = Epoch.objects.create(
        network=node.network, number=1, block=7, effective_at=now, content_sha256="ab" * 32, node_count=1,
        cause="registry.changed", compiled_at=now, published_at=now, tuf_version=1,
    )  # fmt: skip
    EpochFile.objects.create(
        epoch=epoch, format="json", path="permissions.json", content=content, sha256="cd" * 32
    )
    EpochMember.objects.create(epoch=epoch, node=node, role=2)
    LogEntry.objects.create(
        network=node.network, position=1, epoch=epoch, digest="ef" * 32, head="12" * 32, entered_at=now
    )
    Delivery.objects.create(node=node, wanted_epoch=1, wanted_at=now, told_epoch=1, told_at=now)
    events.record("epoch.published", epoch, actor=events.PUSHER)
    return epoch
