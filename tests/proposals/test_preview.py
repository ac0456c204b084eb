"""What will happen is shown before anyone votes: in words, simulated, with what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation
from pytest_django import Settings
from web3.exceptions import ContractPanicError

from governance.chain import calls
from governance.chain.models import RegistryEntry
from governance.proposals import preview as previews
from governance.proposals import rules, simulation, wording
from governance.proposals.models import Kind, Permission, Proposal
from governance.proposals.rules import Weightiness
from governance.proposals.services import Wish
from governance.proposals.simulation import Verdict
from tests.chain.faulty import Answer, FaultyNode, Question
from tests.factories import voter
from tests.proposals.stage import Stage

ACCOUNT = voter(900_002).address
GOVERNORS_OWN: list[dict[str, Any]] = [
    {"kind": "change_terms", "durations": {"voting_period": 7200, "timelock": 600}},
    {"kind": "set_convener", "address": ACCOUNT},
    {"kind": "change_rule", "rule_of": 0, "rule": rules.Rule((1, 2), (1, 2), 0)},
]


@pytest.fixture
def plain_node(stage: Stage, settings: Settings) -> Iterator[FaultyNode]:
    """The ledger behind a node that takes an ``eth_call`` with two arguments and not with three."""

    def refuse(question: Question, answer: Answer) -> Answer:
        if len(question["params"]) < 3:
            return answer
        error = {"code": -32602, "message": "too many arguments, want at most 2"}
        return {"jsonrpc": "2.0", "id": question["id"], "error": error}

    node = FaultyNode(settings.LEDGER_URL)
    node.lies["eth_call"] = refuse
    settings.LEDGER_URL = node.url
    yield node
    node.close()


def sentences(proposal: Proposal, language: str) -> list[str]:
    return [step.sentences[language] for step in previews.preview(proposal).steps]


class TestInWords:
    def test_a_call_is_told_in_both_languages_with_the_ledgers_own_codes(self, stage: Stage) -> None:
        applicant = stage.applicant()
        proposal = stage.draft(institution=applicant)

        (english,) = sentences(proposal, "en")
        (chinese,) = sentences(proposal, "zh-hans")

        assert english.startswith("Grant a seat to ")
        for told in (english, chinese):
            assert f"({applicant.uscc})" in told
            assert str(applicant.voting_address) in told

    def test_the_reader_gets_the_readers_language(self, stage: Stage) -> None:
        (step,) = previews.preview(stage.draft("suspend", institution=stage.banks[0])).steps
        with translation.override("en"):
            assert step.sentence == step.sentences["en"]
        with translation.override("zh-hans"):
            assert step.sentence == step.sentences["zh-hans"]

    def test_every_kind_has_its_sentence(self, stage: Stage) -> None:
        bank, other = stage.banks[:2]
        node, there = stage.node(bank), stage.node(bank)
        stage.register(there, RegistryEntry.NodeRole.SEALER)
        network = node.network
        more = [
            Wish("change_role", institution=bank, node=there, node_role=1),
            Wish("remove_node", institution=bank, node=there),
            Wish("set_account", institution=bank, network=network, address=ACCOUNT,
                 permission=Permission.DEPLOY),
            Wish("change_voter", institution=other, address=ACCOUNT),
            Wish("change_rule", rule_of=1, rule=rules.Rule((1, 2), (3, 4), 2)),
            Wish("suspend", institution=other),
        ]  # fmt: skip
        proposal = stage.draft("admit_node", institution=bank, node=node, node_role=2, more=more)

        seen = previews.preview(proposal)

        assert all(step.known for step in seen.steps)
        told = sentences(proposal, "en")
        assert f"{node.consensus_id[:12]}…" in told[0]
        assert "may transact and deploy contracts" in told[3]
        assert "a quorum of 1/2, 3/4 in favour and a majority in 2 categories" in told[5]
        assert seen.kind == Weightiness.CONSTITUTIONAL
        assert set(seen.members) == {bank, other}

    def test_what_is_asked_of_a_strangers_contract_is_no_sentence_of_ours(self, stage: Stage) -> None:
        proposal = stage.draft("suspend", institution=stage.banks[0])
        proposal.targets = [ACCOUNT]
        (step,) = wording.steps(stage.ledger, previews.actions.calls_of(proposal))
        assert not step.known
        assert ACCOUNT in step.sentences["en"]

    @pytest.mark.parametrize("calls", [1, 8])
    def test_names_cost_the_same_for_one_call_and_for_many(
        self, stage: Stage, calls: int, django_assert_num_queries: Any
    ) -> None:
        bank = stage.banks[0]
        nodes = [stage.node(bank) for _ in range(calls)]
        first, *more = [Wish("admit_node", institution=bank, node=node, node_role=1) for node in nodes]
        proposal = stage.draft(**first.__dict__, more=more)
        compiled = previews.actions.calls_of(proposal)
        with django_assert_num_queries(3):
            wording.steps(stage.ledger, compiled)


class TestSimulated:
    def test_what_would_work(self, stage: Stage) -> None:
        applicant = stage.applicant()
        node = Wish("admit_node", institution=applicant, node=stage.node(applicant), node_role=1)

        seen = previews.preview(stage.draft(institution=applicant, more=[node])).simulation

        assert seen == simulation.Simulation(Verdict.WORKS)  # the second on what the first one left

    def test_what_would_not_is_said_in_words(self, stage: Stage) -> None:
        bank, other = stage.banks[:2]
        proposal = stage.draft("suspend", institution=other, more=[Wish("suspend", institution=bank)])
        stage.rule(stage.seats.functions.suspend(bank.uscc.encode().ljust(32, b"\0")))

        with translation.override("en"):
            seen = previews.preview(proposal).simulation

        assert seen is not None
        assert (seen.verdict, seen.step, seen.error_code) == (Verdict.REFUSED, 2, "UnexpectedSeatStatus")
        assert bank.uscc in seen.sentence
        assert "is not in the state that this starts from" in seen.sentence

    def test_the_last_seat_is_not_voted_away(self, stage: Stage) -> None:
        first, *rest = stage.banks
        more = [Wish("expel", institution=bank) for bank in rest]
        seen = previews.preview(stage.draft("expel", institution=first, more=more)).simulation
        assert seen is not None
        assert (seen.verdict, seen.step, seen.error_code) == (Verdict.REFUSED, 5, "LastActiveSeat")

    def test_what_the_governor_takes_from_a_vote_alone_is_tried_too(self, stage: Stage) -> None:
        more = [Wish(**wish) for wish in GOVERNORS_OWN]
        proposal = stage.draft(Kind.SUSPEND, institution=stage.banks[0], more=more)
        assert previews.preview(proposal).simulation == simulation.Simulation(Verdict.WORKS)

        proposal.calldatas[-1] = calls.set_rule(
            stage.ledger, kind=0, quorum=(2, 1), approval=(1, 2), categories=0
        ).data
        seen = simulation.simulate(stage.ledger, previews.actions.calls_of(proposal))
        assert (seen.step, seen.error_code) == (len(proposal.calldatas), "InvalidRule")

    def test_a_call_that_nobody_voted_on_is_refused_as_the_governor_would(self, stage: Stage) -> None:
        """What the simulation allows the governor's own calls is no more than the vote allows them."""
        (own,) = calls.set_terms(stage.ledger, voting_period=7200)
        with pytest.raises(ContractPanicError):  # its list of expected calls is empty
            stage.web3.eth.call({"from": stage.timelock.address, "to": own.target, "data": own.data})
        assert simulation.simulate(stage.ledger, [own]).verdict == Verdict.WORKS

    def test_a_node_without_overrides_is_asked_call_by_call_and_that_is_said(
        self, stage: Stage, plain_node: FaultyNode
    ) -> None:
        rule = Wish("change_rule", rule_of=0, rule=rules.Rule((1, 2), (1, 2), 0))
        alone = stage.draft(**rule.__dict__)
        together = stage.draft(Kind.SUSPEND, institution=stage.banks[0], more=[rule])

        tried = [previews.preview(one).simulation for one in (alone, together)]

        assert tried == [
            simulation.Simulation(Verdict.UNKNOWN, together=False, untried=(1,)),
            simulation.Simulation(Verdict.WORKS, together=False, untried=(2,)),
        ]
        assert "eth_call" in plain_node.methods

    def test_nothing_of_it_stays_on_the_ledger(self, stage: Stage) -> None:
        bank = stage.banks[0]
        before = stage.web3.eth.block_number
        previews.preview(stage.draft("suspend", institution=bank))
        assert stage.web3.eth.block_number == before
        assert stage.seats.functions.seatOf(bank.uscc.encode().ljust(32, b"\0")).call()[2] == 1

    def test_with_the_ledger_away_the_rest_is_still_shown(self, stage: Stage, settings: Settings) -> None:
        proposal = stage.draft("suspend", institution=stage.banks[0])
        settings.LEDGER_URL = "http://127.0.0.1:9"
        seen = previews.preview(proposal)
        assert seen.simulation is None
        assert len(seen.steps) == 1


class TestOnWhichTerms:
    @pytest.mark.parametrize(
        ("kind", "weight", "quorum"), [("suspend", Weightiness.MEMBERSHIP, 3), ("expel", 2, 4)]
    )
    def test_its_rule_of_todays_seats(self, stage: Stage, kind: str, weight: int, quorum: int) -> None:
        seen = previews.preview(stage.draft(kind, institution=stage.banks[0]))
        assert seen.kind == weight
        assert (seen.terms.quorum, seen.terms.electorate) == (quorum, 5)
        assert seen.terms.count.categories_needed == 1  # all five are banks
