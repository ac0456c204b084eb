"""Drafting in the admin: every kind has its fields, and the page says what would come of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from governance.chain import succession
from governance.chain.models import RegistryEntry
from governance.proposals import charter, rules, wording
from governance.proposals.actions import calls_of
from governance.proposals.models import Kind, Proposal
from tests.chain.faulty import FaultyNode
from tests.contracts.alliance import deploy as deployed
from tests.contracts.alliance import governor_settings, person
from tests.proposals.test_preview import plain_node
from tests.web.admin.test_acts import act, offered
from tests.web.admin.test_before_pressing import shown
from tests.web.admin.test_pages import detail
from tests.web.portal.town import Town

__all__ = ["plain_node"]

WORDS = {"title_zh": "修改章程", "title_en": "Change the constitution", "text": "As discussed in June."}
NEWCOMERS = [str(person(name).address) for name in ("Guardian Lu", "Guardian Xu", "Guardian Qi")]


def hand_in(client: Client, **fields: Any) -> Any:
    return client.post(reverse("admin:proposals_proposal_draft"), {**WORDS, **fields})


def drafted(client: Client, **fields: Any) -> Proposal:
    page = hand_in(client, **fields)
    assert page.status_code == 302, page.content.decode()
    return Proposal.objects.latest("number")


CONSTITUTIONAL: list[tuple[dict[str, Any], str, str]] = [
    (
        {"kind": "change_rule", "rule_of": "2", "rule": "1/2 3/4 3"},
        "constitutional proposals need a quorum of 1/2",
        "quorum 1/2, in favour 3/4, categories 3",
    ),
    (
        {"kind": "change_terms", "voting_period": "2d 12h", "timelock": "90m"},
        "Time to vote: 2 days 12 hours.",
        "1 hour 30 minutes",
    ),
    (
        {"kind": "change_guardians", "guardians": "\n".join(NEWCOMERS), "threshold": "2"},
        f"Guardians: {NEWCOMERS[0]}",
        f"2 of {NEWCOMERS[0]}",
    ),
    ({"kind": "set_convener", "address": NEWCOMERS[0]}, "propose for the secretariat.", "this console ("),
    ({"kind": "name_guardian", "address": charter.NOBODY}, "Let nobody cancel proposals.", "nobody"),
]


class TestEveryKind:
    @pytest.mark.parametrize(
        ("fields", "sentence", "now_and_then"), CONSTITUTIONAL, ids=[one[0]["kind"] for one in CONSTITUTIONAL]
    )
    def test_is_drafted_and_shown_as_it_is_and_as_it_would_be(
        self, desk: Client, fields: dict[str, str], sentence: str, now_and_then: str
    ) -> None:
        proposal = drafted(desk, **fields)
        for panels in (shown(desk, proposal, "open"), page_panels(desk, proposal)):
            assert now_and_then in panels["The voting itself"]
            assert "constitutional" in panels["The vote"]
            assert "It would work." in panels["The vote"]
        page = desk.get(detail(proposal)).content.decode()
        assert sentence in page
        assert proposal.calldatas[0] in page

    def test_another_governor_is_shown_beside_the_one_in_office(self, desk: Client, town: Town) -> None:
        made = succession.deploy(town.stage.ledger, name="2027", as_configured=True)
        proposal = drafted(desk, kind="hand_over", address=made.governor, break_glass=made.break_glass)
        panel = shown(desk, proposal, "open")["The voting itself"]
        assert made.governor in panel
        assert town.stage.ledger.governor in panel
        assert "1 hour" in panel  # now; the settings have five minutes

    def test_a_page_says_which_fields_are_for_which_kind(self, desk: Client) -> None:
        page = desk.get(reverse("admin:proposals_proposal_draft")).content.decode()
        assert 'data-kinds="change_guardians"' in page
        assert "console/admin/draft.js" in page
        for kind in Kind.values:
            assert (f'value="{kind}"' in page) == (kind != Kind.OTHER)


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"kind": "change_rule", "rule_of": "0", "rule": "0/0 1/2 1"}, "shares lie above 0"),
            ({"kind": "change_terms", "voting_period": "soon"}, "Write it as 2d 12h"),
            ({"kind": "change_terms", "voting_period": "0"}, "between 1 seconds and 45 days"),
            ({"kind": "change_terms"}, "name one duration at least"),
            ({"kind": "change_guardians", "guardians": " ".join(NEWCOMERS), "threshold": "4"},
             "at most all 3"),
            ({"kind": "hand_over", "address": NEWCOMERS[0]}, "There is no ConsortiumGovernor contract at"),
            ({"kind": "set_convener"}, "name an address"),
        ],
    )  # fmt: skip
    def test_are_said_on_the_form(self, desk: Client, fields: dict[str, str], why: str) -> None:
        before = Proposal.objects.count()
        page = hand_in(desk, **fields)
        assert page.status_code in {400, 409}
        assert why in page.content.decode()
        assert Proposal.objects.count() == before

    def test_a_governor_over_another_timelock_is_named_with_both(self, desk: Client, town: Town) -> None:
        stage = town.stage
        other = deployed(stage.web3, "TimelockController", 1, [], [charter.NOBODY], NEWCOMERS[0])
        arguments = stage.seats.address, stage.registry.address, governor_settings(other)
        stranger = deployed(stage.web3, "ConsortiumGovernor", *arguments)
        page = hand_in(desk, kind="hand_over", address=stranger.address)
        assert page.status_code == 409
        for address in (stranger.address, other.address, stage.timelock.address):
            assert address in page.content.decode()


class TestWhatWouldComeOfIt:
    """Each thing that members should know before they vote."""

    def test_the_calls_in_both_languages(self, desk: Client, town: Town) -> None:
        bank = town.heming.institution
        proposal = drafted(desk, kind="suspend", institution=bank.pk)
        page = desk.get(reverse("admin:proposals_proposal_open", args=[proposal.pk])).content.decode()
        assert f"Suspend the seat of {bank} ({bank.uscc})." in page
        (step,) = wording.steps(proposal.ledger, calls_of(proposal))
        assert step.sentences["zh-hans"] != step.sentences["en"]
        assert f'lang="zh-hans">{step.sentences["zh-hans"]}<' in page
        assert "Seats.suspend" in page

    def test_what_the_ledger_would_answer(self, desk: Client, town: Town, settings: Settings) -> None:
        bank = town.heming.institution
        proposal = drafted(desk, kind="suspend", institution=bank.pk)
        assert "It would work." in shown(desk, proposal, "open")["The vote"]
        town.stage.rule(town.stage.seats.functions.suspend(bank.uscc.encode().ljust(32, b"\0")))
        assert "Step 1 would be refused" in shown(desk, proposal, "open")["The vote"]
        settings.LEDGER_URL = "http://127.0.0.1:9"
        assert "The ledger does not answer." in shown(desk, proposal, "open")["The vote"]

    def test_each_networks_list_and_whether_it_goes_on(self, desk: Client, town: Town) -> None:
        node = town.heming.node
        town.stage.register(node, RegistryEntry.NodeRole.SEALER)
        proposal = drafted(desk, kind="remove_node", institution=node.institution.pk, node=node.pk)
        lists = shown(desk, proposal, "open")["The networks' lists"]
        assert f"{node.institution.short_name}/{node.name}" in lists
        assert str(node.network) in lists
        assert "1 of 1, 1 needed" in lists
        assert "0 of 0, 0 needed" in lists
        assert "the network stops" in lists

    def test_a_nodes_role_in_the_readers_language(self, desk: Client, town: Town) -> None:
        node = town.heming.node
        town.stage.register(node, RegistryEntry.NodeRole.OBSERVER)
        proposal = drafted(
            desk, kind="change_role", institution=node.institution.pk, node=node.pk, node_role="2"
        )
        assert "observer → sealer" in shown(desk, proposal, "open")["The networks' lists"]
        desk.cookies["django_language"] = "zh-hans"
        page = desk.get(reverse("admin:proposals_proposal_open", args=[proposal.pk])).content.decode()
        assert "观察节点 → 共识节点" in page
        assert "observer → sealer" not in page

    def test_what_a_node_that_tries_step_by_step_leaves_open(
        self, desk: Client, town: Town, plain_node: FaultyNode
    ) -> None:
        proposal = drafted(desk, kind="change_rule", rule_of="0", rule="1/4 1/2 0")
        said = shown(desk, proposal, "open")["The vote"]
        assert "be tried beforehand: the governor takes this from nobody but a vote." in said
        suspended = drafted(desk, kind="suspend", institution=town.qingchuan.institution.pk)
        act(desk, suspended, "add", kind="change_rule", rule_of="0", rule="1/3 1/2 0")
        said = shown(desk, suspended, "open")["The vote"]
        assert "What could be tried of it would work." in said
        assert "Not tried: step 2." in said

    def test_whom_it_affects(self, desk: Client, town: Town) -> None:
        node = town.qingchuan.node
        proposal = drafted(
            desk, kind="admit_node", institution=node.institution.pk, node=node.pk, node_role="1"
        )
        panels = shown(desk, proposal, "open")
        assert str(node.institution) in panels["Whom it affects"]
        assert str(town.heming.institution) not in panels["Whom it affects"]
        assert f"{node.institution.short_name}/{node.name}" in panels["The networks' lists"]
        assert f"{node.network} (custody)" in panels["The networks' lists"]
        assert "(settlement)" not in panels["The networks' lists"]


def page_panels(client: Client, proposal: Proposal) -> dict[str, str]:
    page = client.get(detail(proposal))
    with translation.override("en"):
        return {str(panel.title): str(panel.data) for panel in page.context["panels"]}


class TestSeveralActions:
    def test_one_more_is_added_to_a_draft_and_all_is_checked_together(self, desk: Client, town: Town) -> None:
        proposal = drafted(desk, kind="suspend", institution=town.heming.institution.pk)
        assert "add" in offered(desk, proposal)
        page = act(desk, proposal, "add", kind="change_rule", rule_of="0", rule="1/4 1/2 0")
        assert page.status_code == 302, page.content.decode()
        proposal.refresh_from_db()
        assert [one.kind for one in proposal.actions.all()] == ["suspend", "change_rule"]
        assert len(proposal.calldatas) == 2
        assert "It would work." in shown(desk, proposal, "open")["The vote"]
        refused = act(desk, proposal, "add", kind="suspend", institution=town.heming.institution.pk)
        assert refused.status_code == 409
        assert proposal.actions.count() == 2

    def test_not_to_what_members_vote_on(self, desk: Client, town: Town) -> None:
        assert "add" not in offered(desk, town.vote)
        refused = act(desk, town.vote, "add", kind="change_rule", rule_of="0", rule="1/4 1/2 0")
        assert refused.status_code == 409


def test_a_rule_reads_as_it_was_written() -> None:
    assert rules.Rule.parse("1/2 2/3 3") == rules.Rule((1, 2), (2, 3), 3)


def test_what_has_passed_may_be_carried_out_without_waiting(desk: Client, town: Town) -> None:
    passed, draft = town.stage.due("suspend", institution=town.stage.banks[-1]), town.draft
    with town.stage.ledgers_time():
        assert "execute" in offered(desk, passed)
        assert "execute" not in offered(desk, draft)
        assert act(desk, passed, "execute").status_code == 302
    [asked] = town.stage.events(passed, "proposal.execution_requested")
    assert asked.actor_id == town.wang_min.pk
