"""Before a button is pressed, the page shows what it will do; a step that can't succeed says why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from consortium.core import clock
from consortium.members.models import Institution
from governance.chain.models import Ledger, VotingRule
from governance.proposals import services
from governance.proposals.models import Proposal
from tests import factories
from tests.web.admin.conftest import add_member, add_proposal
from tests.web.admin.test_acts import offered
from tests.web.admin.test_pages import detail

pytestmark = pytest.mark.django_db


def text_of(panel: Any) -> str:
    return str(panel.data)


def shown(client: Client, row: Any, name: str) -> dict[str, str]:
    """The panels of an act's page by title."""
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])
    page = client.get(address)
    assert page.status_code == 200
    with translation.override("en"):
        return {str(panel.title): text_of(panel) for panel in page.context["shown"]}


@pytest.fixture
def draft(ledger: Ledger, zhou_lan: Client) -> Proposal:
    """To suspend the third of four seated banks."""
    banks = [add_member(ledger, n).bank for n in (3, 4, 5, 6)]
    return services.draft(
        kind="suspend",
        institution=banks[0],
        title_zh="暂停",
        title_en="Suspend",
        text="It has not answered for a month.",
        actor=zhou_lan.user,  # type: ignore[attr-defined]
    )


def test_a_draft_says_what_it_will_do(zhou_lan: Client, wu_rui: Client, draft: Proposal) -> None:
    for client in (zhou_lan, wu_rui):
        page = client.get(detail(draft)).content.decode()
        assert "What it does on the ledger" in page
        assert "Suspend the seat of" in page
        assert draft.institution.uscc in page
        assert draft.calldatas[0] in page


def test_opening_shows_steps_text_and_terms_first(zhou_lan: Client, draft: Proposal, settings: Any) -> None:
    settings.VOTING_PERIOD = 2 * 86400
    panels = shown(zhou_lan, draft, "open")
    assert "Suspend the seat of" in panels["What it does on the ledger"]
    assert draft.text_sha256 in panels["The vote"]
    assert "2 days" in panels["The vote"]
    assert "2 of 4 seats" in panels["The vote"]
    assert draft.text in panels["Text that members vote on"]


def test_the_ledgers_own_terms_go_before_the_settings(
    zhou_lan: Client, draft: Proposal, ledger: Ledger, hailong: Any, settings: Any
) -> None:
    settings.VOTING_PERIOD = 2 * 86400
    VotingRule.objects.create(
        ledger=ledger,
        governor=ledger.governor,
        kind=1,
        rule={"quorum": [3, 4], "approval": [2, 3], "categories": 3},
        block=1,
        block_time=clock.now(),
        tx_hash="0x02",
    )
    voters = [add_member(ledger, 9)]
    add_proposal(ledger, 50, hailong, zhou_lan.user, voters)  # type: ignore[attr-defined]
    vote = shown(zhou_lan, draft, "open")["The vote"]
    assert "3 hours 5 minutes" in vote
    assert "4 of 5 seats" in vote


def test_what_is_shown_is_what_opening_now_would_freeze(zhou_lan: Client, ledger: Ledger) -> None:
    """The subject changed since the draft was made."""
    bank = factories.InstitutionFactory(n=3, voting=True)
    made = services.draft(
        kind="admit_institution",
        institution=bank,
        title_zh="接纳",
        title_en="Admit",
        text="In order.",
        actor=zhou_lan.user,  # type: ignore[attr-defined]
    )
    later = factories.voter(800_000 + 99).address
    Institution.objects.filter(pk=bank.pk).update(voting_address=later)
    assert later in shown(zhou_lan, made, "open")["What it does on the ledger"]
    made.refresh_from_db()
    assert later.lower()[2:] not in made.calldatas[0]  # looking changed nothing


def test_long_lists_of_voters_are_folded(zhou_lan: Client, ledger: Ledger, hailong: Any) -> None:
    voters = [add_member(ledger, n) for n in range(1, 14)]
    proposal = add_proposal(ledger, 1, hailong, zhou_lan.user, voters).proposal  # type: ignore[attr-defined]
    page = zhou_lan.get(detail(proposal))
    with translation.override("en"):
        titles = [str(panel.title) for panel in page.context["panels"]]
        folded = {str(panel.title): str(panel.folded) for panel in page.context["panels"]}
    assert folded["Who has not voted"] == "Show all 12 rows"
    assert folded["Who has voted"] == ""
    for above in ("Text that members vote on", "What it does on the ledger", "On the ledger"):
        assert titles.index(above) < titles.index("Who has voted")


def test_an_approval_shows_the_fingerprint_to_compare(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    from certs.models import CertificateRequest

    row = CertificateRequest.objects.create(
        institution=alliance.bank,
        node=alliance.node,
        profile="evm-node",
        csr=b"",
        spki_sha256="ab" * 32,
        key_description="EC secp256r1",
        requested_by=zhou_lan.user,  # type: ignore[attr-defined]
        requested_at=clock.now(),
    )
    facts = shown(zhou_lan, row, "approve")["What is approved"]
    for fact in ("ab" * 32, str(alliance.node), alliance.bank.legal_name, "EC secp256r1", "sha256sum"):
        assert fact in facts


def test_an_applicant_without_voting_address_gets_the_obstacle_for_a_button(
    zhou_lan: Client, wu_rui: Client
) -> None:
    bank = factories.InstitutionFactory(n=3)
    assert "draft" not in offered(zhou_lan, bank)
    assert "it has not proved a voting address yet." in zhou_lan.get(detail(bank)).content.decode()
    assert "voting address yet" not in wu_rui.get(detail(bank)).content.decode()
    ready = factories.InstitutionFactory(n=4, voting=True)
    assert "draft" in offered(zhou_lan, ready)
    assert "voting address yet" not in zhou_lan.get(detail(ready)).content.decode()
