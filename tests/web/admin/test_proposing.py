"""The secretariat drafts, attaches, amends and gives up, in the admin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from governance.chain.models import Ledger
from governance.proposals import rules
from governance.proposals.models import Proposal
from tests.web.admin.conftest import add_member
from tests.web.admin.test_acts import act, offered
from tests.web.admin.test_before_pressing import shown
from tests.web.admin.test_pages import detail

pytestmark = pytest.mark.django_db

WORDS = {"title_zh": "放宽日常事项", "title_en": "Ease routine votes", "text": "A quarter is enough."}


def draft(client: Client, **fields: Any) -> Any:
    return client.post(reverse("admin:proposals_proposal_draft"), {**WORDS, **fields})


@pytest.fixture
def easing(ledger: Ledger, zhou_lan: Client) -> Proposal:
    """A change of rules, about nobody in particular."""
    add_member(ledger, 3)
    page = draft(zhou_lan, kind="change_rule", rule_of="0", rule="1/4 1/2 1")
    assert page.status_code == 302, page.content.decode()
    return Proposal.objects.get()


def test_a_change_of_rules_is_drafted_shown_and_listed(zhou_lan: Client, easing: Proposal) -> None:
    (action,) = easing.actions.all()
    assert rules.Rule.read(action.rule or {}) == rules.Rule((1, 4), (1, 2), 1)
    assert zhou_lan.get(detail(easing)).status_code == 200
    assert "Ease routine votes" in zhou_lan.get("/admin/proposals/proposal/").content.decode()
    panels = shown(zhou_lan, easing, "open")
    assert "routine proposals need a quorum of 1/4" in panels["What it does on the ledger"]
    assert "constitutional" in panels["The vote"]


@pytest.mark.parametrize("rule", ["a quarter", "1/4 1/2", "0/4 1/2 1", "1/4 1/2 7"])
def test_a_rule_that_is_none_is_said_on_the_form(zhou_lan: Client, ledger: Ledger, rule: str) -> None:
    page = draft(zhou_lan, kind="change_rule", rule_of="0", rule=rule)
    assert page.status_code in {200, 400}
    assert not Proposal.objects.exists()


def test_a_file_is_attached_until_it_is_opened(
    zhou_lan: Client, easing: Proposal, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    page = act(zhou_lan, easing, "attach", file=SimpleUploadedFile("reasons.txt", b"Few come to vote."))
    assert page.status_code == 302, page.content.decode()
    easing.refresh_from_db()
    assert easing.attachments.get().sha256 in easing.description


def test_a_file_is_taken_off_a_draft_from_its_list(
    zhou_lan: Client, easing: Proposal, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    assert "detach" not in offered(zhou_lan, easing)
    for content in (b"Few come to vote.", b"Fewer still."):
        act(zhou_lan, easing, "attach", file=SimpleUploadedFile("reasons.txt", content))
    kept, gone = easing.attachments.all()
    assert "detach" in offered(zhou_lan, easing)
    link = f"{reverse('admin:proposals_proposal_detach', args=[easing.pk])}?attachment={gone.pk}"
    assert link in zhou_lan.get(detail(easing)).content.decode()
    form = zhou_lan.get(link).content.decode()
    assert f'value="{gone.pk}" selected' in form
    assert f"({kept.sha256[:10]}…)" in form

    assert act(zhou_lan, easing, "detach", attachment=gone.pk).status_code == 302

    easing.refresh_from_db()
    assert easing.attachments.get() == kept
    assert gone.sha256 not in easing.description
    assert kept.sha256 in easing.description


def test_a_file_of_another_proposal_is_not_taken_off(
    zhou_lan: Client, easing: Proposal, tmp_path: Path, settings: Any
) -> None:
    settings.DATA_DIR = tmp_path
    act(zhou_lan, easing, "attach", file=SimpleUploadedFile("reasons.txt", b"Few come to vote."))
    file = easing.attachments.get()
    draft(zhou_lan, kind="change_rule", rule_of="1", rule="1/4 1/2 1")
    other = Proposal.objects.exclude(pk=easing.pk).get()
    assert act(zhou_lan, other, "detach", attachment=file.pk).status_code == 400
    assert easing.attachments.get() == file


def test_another_takes_its_place(zhou_lan: Client, easing: Proposal) -> None:
    assert "amend" in offered(zhou_lan, easing)
    words = {**WORDS, "text": "A third is enough."}
    assert act(zhou_lan, easing, "amend", reason="Too low.", **words).status_code == 302
    successor = Proposal.objects.get(amends=easing)
    assert (successor.kind, successor.text) == ("change_rule", "A third is enough.")
    assert "amend" not in offered(zhou_lan, easing)
