"""What a proposal would do, on its page: tried on the ledger, with what the trial leaves open."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from consortium.members.models import User
from consortium.web import foreseen
from governance.chain.models import RegistryEntry
from governance.proposals import preview, rules
from governance.proposals.actions import calls_of
from governance.proposals.models import Proposal
from governance.proposals.services import Wish
from governance.proposals.simulation import Simulation, Verdict
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation
from tests.chain.faulty import FaultyNode
from tests.factories import UserFactory
from tests.proposals.stage import Stage
from tests.proposals.test_constitutional import handed_over
from tests.proposals.test_preview import plain_node
from tests.web.portal.town import certified

__all__ = ["plain_node"]

ROUTINE = rules.Rule((1, 2), (1, 2), 0)
SILENT = "The ledger does not answer."


@pytest.fixture
def officer(stage: Stage, client: Client) -> User:
    user: User = UserFactory(institution=stage.banks[0], username="zhou.lan")
    client.force_login(user)
    return user


@pytest.fixture
def node(stage: Stage, settings: Settings) -> Iterator[FaultyNode]:
    found = FaultyNode(settings.LEDGER_URL)
    settings.LEDGER_URL, settings.LEDGER_TIMEOUT = found.url, 1
    yield found
    found.close()


def page(stage: Stage, client: Client, proposal: Proposal, language: str = "en") -> str:
    client.cookies["django_language"] = language
    with stage.ledgers_time():
        answer = client.get(f"/proposals/{proposal.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


class TestALedgerThatHangs:
    def test_is_waited_for_by_one_page_and_by_no_other(
        self, stage: Stage, officer: User, client: Client, node: FaultyNode
    ) -> None:
        proposal = stage.voting("suspend", institution=stage.banks[1])
        other = stage.voting("change_rule", institution=None, rule_of=0, rule=ROUTINE)
        node.hangs()
        before = node.heard

        assert SILENT in page(stage, client, proposal)
        asked = node.heard
        assert asked > before
        assert SILENT in page(stage, client, proposal)
        assert SILENT in page(stage, client, other)  # of the same ledger
        assert "It would work." not in page(stage, client, other, "zh-hans")
        assert node.heard == asked

    def test_is_asked_again_after_a_while(
        self,
        stage: Stage,
        officer: User,
        client: Client,
        node: FaultyNode,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(foreseen, "_SILENT", 1)
        proposal = stage.voting("suspend", institution=stage.banks[1])
        node.hangs()
        assert SILENT in page(stage, client, proposal)
        node.heals()
        time.sleep(1.1)
        assert "It would work." in page(stage, client, proposal)
        node.hangs()
        asked = node.heard
        assert "It would work." in page(stage, client, proposal)  # remembered, as what was answered is
        assert node.heard == asked


class TestWhatTheTrialLeavesOpen:
    def test_is_said(self, stage: Stage, officer: User, client: Client, plain_node: FaultyNode) -> None:
        rule = Wish("change_rule", rule_of=0, rule=ROUTINE)
        together = stage.voting("suspend", institution=stage.banks[1], more=[rule])
        told = page(stage, client, together)
        assert "What could be tried of it would work." in told
        assert "Not tried: step 2." in told
        assert "tries each step for itself only" in told
        assert "It would work." not in told

        alone = stage.voting("set_convener", institution=None, address=stage.banks[2].voting_address)
        assert "It can&#x27;t be tried beforehand" in page(stage, client, alone)

    def test_nothing_where_all_was_tried_together(self, stage: Stage, officer: User, client: Client) -> None:
        told = page(stage, client, stage.voting("suspend", institution=stage.banks[1]))
        assert "It would work." in told
        assert "Not tried" not in told
        assert "tries each step" not in told

    def test_what_is_refused_with_the_contracts_own_word(
        self, stage: Stage, officer: User, client: Client
    ) -> None:
        bank = stage.banks[1]
        proposal = stage.voting("suspend", institution=bank)
        stage.rule(stage.seats.functions.suspend(bank.uscc.encode().ljust(32, b"\0")))
        told = page(stage, client, proposal)
        assert "Step 1 would be refused" in told
        assert "<code>UnexpectedSeatStatus</code>" in told


def test_the_voting_itself_as_it_is_and_as_it_would_be(stage: Stage, officer: User, client: Client) -> None:
    durations = {"voting_period": 7200, "timelock": 600}
    told = page(stage, client, stage.voting("change_terms", institution=None, durations=durations))
    assert "The voting itself" in told
    assert ">1 hour</td>" in told
    assert "<strong>2 hours</strong>" in told
    assert ">5 minutes</td>" in told
    assert "The voting itself" not in page(stage, client, stage.voting("suspend", institution=stage.banks[1]))


@pytest.mark.parametrize(("language", "role"), [("en", "sealer"), ("zh-hans", "共识节点")])
def test_a_role_is_told_in_the_readers_language(
    stage: Stage,
    pki: Pki,
    keys: Path,
    workstation: Workstation,
    officer: User,
    client: Client,
    language: str,
    role: str,
) -> None:
    shutil.copy(keys / "relay.json", pki.key_dir)
    bank = stage.banks[0]
    machine = stage.node(bank)
    certified(machine, officer, workstation, stage.secretary)
    proposal = stage.voting(
        "admit_node", institution=bank, node=machine, node_role=RegistryEntry.NodeRole.SEALER
    )
    told = page(stage, client, proposal, language)
    assert f'<small class="muted">{role}</small>' in told
    assert (">sealer</small>" in told) == (language == "en")


class TestOfAGovernorThatLeftOffice:
    def test_the_timelock_takes_nothing_and_the_page_says_why(
        self, stage: Stage, officer: User, client: Client
    ) -> None:
        proposal = stage.voting("suspend", institution=stage.banks[1])
        assert "has left office" not in page(stage, client, proposal)
        handed_over(stage)
        proposal = Proposal.objects.get(pk=proposal.pk)
        cache.clear()

        told = page(stage, client, proposal)

        assert "The governor that it was opened with has left office." in told
        assert "It would work." not in told
        assert "<code>AccessControlUnauthorizedAccount</code>" in told
        seen = preview.simulated(proposal, calls_of(proposal))
        assert seen is not None
        assert (seen.verdict, seen.step) == (Verdict.REFUSED, 1)

    def test_by_a_node_that_tries_call_by_call_too(self, stage: Stage, plain_node: FaultyNode) -> None:
        proposal = stage.voting("suspend", institution=stage.banks[1])
        assert preview.simulated(proposal, calls_of(proposal)) == Simulation(Verdict.WORKS, together=False)
        handed_over(stage)
        proposal = Proposal.objects.get(pk=proposal.pk)
        seen = preview.simulated(proposal, calls_of(proposal))
        assert seen is not None
        assert (seen.verdict, seen.error_code) == (Verdict.REFUSED, "AccessControlUnauthorizedAccount")
