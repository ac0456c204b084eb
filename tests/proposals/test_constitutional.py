"""What members may change about the voting itself: drafted, voted on, carried out, and followed."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import translation

from consortium.core.errors import ConsoleError, InvalidInput
from governance.chain import contracts, indexer, succession
from governance.chain.errors import ContractDoesNotFit, NotThisContract
from governance.chain.models import ChainEvent, Governor, OnChainProposal, Seat
from governance.chain.succession import Successor
from governance.proposals import actions, charter, facts, preview, rules, selectors, services, terms, wording
from governance.proposals.errors import NoAnchors, NoGuardians, NothingChanges, ProposalOpen
from governance.proposals.models import Proposal
from governance.proposals.rules import State, Weightiness
from governance.proposals.services import Wish
from tests.contracts.alliance import GUARDIANS, deploy, governor_settings, person
from tests.proposals.stage import BANKS, WAIT, Stage

DAY = 86400
NEWCOMERS = [str(person(name).address) for name in ("Guardian Lu", "Guardian Xu", "Guardian Qi")]
SOMEBODY = str(person("The deputy secretary").address)


def drafted(stage: Stage, kind: str, **fields: Any) -> Proposal:
    return stage.draft(kind, institution=None, **fields)


def decided(stage: Stage, kind: str, **fields: Any) -> Proposal:
    """Carried out; and it took a constitutional vote."""
    proposal = stage.decided(kind, institution=None, **fields)
    assert (
        OnChainProposal.objects.get(proposal_id=proposal.chain_proposal_id).kind == Weightiness.CONSTITUTIONAL
    )
    assert stage.state(proposal) == State.EXECUTED
    return proposal


def told(proposal: Proposal, language: str = "en") -> list[str]:
    steps = wording.steps(proposal.ledger, actions.calls_of(proposal))
    assert all(step.known for step in steps)
    return [step.sentences[language] for step in steps]


def charter_of(proposal: Proposal) -> dict[str, tuple[str, str]]:
    with translation.override("en"):
        seen = preview.preview(proposal).charter
    assert seen is not None
    return {one.what: (one.now, one.then) for one in seen}


def successor(stage: Stage, name: str = "2027", **options: Any) -> Successor:
    return succession.deploy(stage.ledger, name=name, **options)


def handed_over(stage: Stage, **options: Any) -> tuple[Proposal, Successor]:
    """The members have put another governor into office; the stage goes on with it."""
    made = successor(stage, **options)
    proposal = decided(stage, "hand_over", address=made.governor, break_glass=made.break_glass)
    stage.ledger.refresh_from_db()
    stage.governor = contracts.governor(stage.ledger)
    return proposal, made


class TestDurations:
    ALL = {"timelock": 2 * DAY, "voting_period": 3 * DAY, "voting_delay": 0, "late_quorum_extension": DAY}

    def test_all_of_them_change_together_and_the_console_follows(self, stage: Stage) -> None:
        assert terms.period(stage.ledger) == timedelta(hours=1)
        proposal = drafted(stage, "change_terms", durations=self.ALL)
        assert told(proposal) == [
            "Time from opening a proposal to the vote on it: at once.",
            "Time to vote: 3 days.",
            "Time that a vote stays open at least once its quorum is reached: 1 day.",
            "Time that the timelock holds what has passed before it is carried out: 2 days.",
        ]
        assert charter_of(proposal)["time in the timelock"] == ("5 minutes", "2 days")

        decided(stage, "change_terms", durations=self.ALL)

        held = succession.terms(stage.ledger, stage.ledger.governor)
        assert (held.voting_delay, held.voting_period, held.late_quorum_extension) == (0, 3 * DAY, DAY)
        assert succession.delay(stage.ledger) == 2 * DAY
        assert ChainEvent.objects.filter(name="MinDelayChange").count() == 2
        assert terms.period(stage.ledger) == timedelta(days=3)
        later = stage.proposed("suspend", institution=stage.banks[0])
        row = OnChainProposal.objects.get(proposal_id=later.chain_proposal_id)
        assert row.vote_end - row.vote_start == timedelta(days=3)

    @pytest.mark.parametrize(
        ("durations", "field"),
        [
            (None, "durations"),
            ({"lunch": 60}, "durations"),
            ({"voting_period": 0}, "voting_period"),
            ({"timelock": charter.LONGEST + 1}, "timelock"),
            ({"voting_delay": -1}, "voting_delay"),
        ],
    )
    def test_what_no_vote_could_be_held_under_is_refused(
        self, stage: Stage, durations: Any, field: str
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            drafted(stage, "change_terms", durations=durations)
        assert caught.value.params["field"] == field

    def test_two_on_one_duration_wait_for_each_other_two_on_different_ones_do_not(self, stage: Stage) -> None:
        services.open(drafted(stage, "change_terms", durations={"timelock": DAY}), actor=stage.secretary)
        same = drafted(stage, "change_terms", durations={"timelock": 60, "voting_delay": 0})
        with pytest.raises(ProposalOpen):
            services.open(same, actor=stage.secretary)
        other = drafted(stage, "change_terms", durations={"voting_delay": 0})
        assert services.open(other, actor=stage.secretary).opened_at


class TestGuardians:
    def test_members_and_threshold_change_and_the_former_ones_have_no_say(self, stage: Stage) -> None:
        proposal = decided(
            stage, "change_guardians", guardians=[one.lower() for one in NEWCOMERS], threshold=3
        )

        held = stage.break_glass.functions
        assert (held.guardians().call(), held.threshold().call()) == (NEWCOMERS, 3)
        assert not held.isGuardian(GUARDIANS[0].address).call()
        changed = ChainEvent.objects.filter(name="GuardiansChanged").latest("block")
        assert changed.args["guardians"] == NEWCOMERS
        assert NEWCOMERS[2] in told(proposal)[0]
        assert "3 of them may freeze" in told(proposal)[0]

    @pytest.mark.parametrize(
        ("guardians", "threshold", "field"),
        [
            (NEWCOMERS, 4, "threshold"),
            (NEWCOMERS, 1, "threshold"),
            (NEWCOMERS, None, "guardians"),
            (NEWCOMERS[:1], 2, "guardians"),
            ([*NEWCOMERS, NEWCOMERS[0]], 2, "guardians"),
            ([*NEWCOMERS, charter.NOBODY], 2, "guardians"),
            ([*NEWCOMERS, "0x12"], 2, "guardians"),
            ((), None, "guardians"),
        ],
    )
    def test_a_group_that_could_not_act_or_one_that_is_alone_is_refused(
        self, stage: Stage, guardians: Any, threshold: int | None, field: str
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            drafted(stage, "change_guardians", guardians=guardians, threshold=threshold)
        assert caught.value.params["field"] == field

    def test_the_members_may_do_without_and_then_there_is_nothing_to_change(self, stage: Stage) -> None:
        decided(stage, "name_guardian", address=charter.NOBODY)

        assert stage.registry.functions.guardian().call() == charter.NOBODY
        assert stage.governor.functions.proposalGuardian().call() == charter.NOBODY
        stage.ledger.refresh_from_db()
        assert stage.ledger.break_glass == ""
        with pytest.raises(NoGuardians):
            drafted(stage, "change_guardians", guardians=NEWCOMERS, threshold=2)
        back = drafted(stage, "name_guardian", address=stage.break_glass.address)
        assert charter_of(back)["may freeze nodes"][0] == "nobody"


class TestConvener:
    def test_another_proposes_for_the_secretariat(self, stage: Stage) -> None:
        proposal = drafted(stage, "set_convener", address=SOMEBODY)
        now, then = charter_of(proposal)["proposes for the secretariat"]
        assert (now, then) == (f"this console ({stage.ledger.relay_address})", SOMEBODY)

        decided(stage, "set_convener", address=SOMEBODY)

        assert stage.governor.functions.convener().call() == SOMEBODY
        assert ChainEvent.objects.filter(name="ConvenerSet").latest("block").args["newConvener"] == SOMEBODY
        assert not stage.governor.functions.mayPropose(stage.ledger.relay_address).call()

    def test_an_address_is_asked_for_and_nobody_is_one(self, stage: Stage) -> None:
        with pytest.raises(InvalidInput):
            drafted(stage, "set_convener")
        assert told(drafted(stage, "set_convener", address=charter.NOBODY)) == [
            "Let nobody propose for the secretariat."
        ]


class TestPublisher:
    def test_another_anchors_the_logs_of_the_lists(self, stage: Stage) -> None:
        with pytest.raises(NoAnchors):
            drafted(stage, "set_publisher", address=SOMEBODY)
        relay = stage.ledger.relay_address
        anchors = deploy(stage.web3, "EpochAnchors", stage.ledger.timelock, relay)
        stage.ledger.anchors = anchors.address
        stage.ledger.save(update_fields=["anchors"])
        proposal = drafted(stage, "set_publisher", address=SOMEBODY)
        assert charter_of(proposal)["anchors the lists' logs"] == (f"this console ({relay})", SOMEBODY)
        assert told(proposal) == [f"Let {SOMEBODY} anchor the permission lists' logs."]

        decided(stage, "set_publisher", address=SOMEBODY)

        assert anchors.functions.publisher().call() == SOMEBODY


class TestHandingOver:
    def test_a_new_governor_takes_over_and_the_past_stays_readable(self, stage: Stage) -> None:
        first, guardians = stage.ledger.governor, stage.break_glass.address
        rule = rules.Rule((1, 4), (1, 2), 0)
        before = decided(stage, "change_rule", rule_of=0, rule=rule)
        waiting = stage.voting("suspend", institution=stage.banks[1])

        proposal, made = handed_over(stage)

        assert stage.ledger.governor == made.governor != first
        assert stage.ledger.break_glass == made.break_glass != guardians
        office = {row.address: row.left_at for row in Governor.objects.all()}
        assert office[first] is not None
        assert office[made.governor] is None
        # What was decided under the first, and how it came about, is read as before.
        for old in (before, waiting, proposal):
            assert facts.governor_of(old) == first
            told(Proposal.objects.get(pk=old.pk))
        with stage.ledgers_time():
            seen = selectors.overview(Proposal.objects.get(pk=before.pk))
        assert (seen.state, len(seen.voted) + len(seen.not_voted)) == (State.EXECUTED, BANKS)
        assert stage.state(waiting) == State.VOTING
        # The next one goes to the second, under the terms that were in force.
        assert terms.rule(stage.ledger, Weightiness.ROUTINE) == rule
        assert terms.period(stage.ledger) == timedelta(hours=1)
        bank = stage.banks[0]
        after = stage.decided("suspend", institution=bank)
        assert facts.governor_of(after) == made.governor
        assert f"#governor=eip155:{stage.ledger.chain_id}:{made.governor}" in after.description
        assert Seat.objects.get(member_id=bank.uscc).status == Seat.Status.SUSPENDED
        indexer.rebuild(stage.ledger)
        stage.ledger.refresh_from_db()
        assert stage.ledger.governor == made.governor
        assert facts.governor_of(before) == first

    def test_what_was_drafted_before_is_opened_with_whoever_is_in_office(self, stage: Stage) -> None:
        draft = stage.draft("suspend", institution=stage.banks[0])
        _, made = handed_over(stage)
        opened = services.open(draft, actor=stage.secretary)
        stage.work()
        assert facts.governor_of(opened) == made.governor
        assert stage.state(opened) in {State.PENDING, State.VOTING}

    def test_its_guardians_take_office_with_it(self, stage: Stage) -> None:
        proposal, made = handed_over(stage)
        assert told(proposal)[-2:] == [
            f"Let {made.break_glass} freeze nodes.",
            f"Let {made.break_glass} cancel proposals.",
        ]
        assert stage.registry.functions.guardian().call() == made.break_glass
        assert stage.governor.functions.proposalGuardian().call() == made.break_glass
        held = succession.guardians(stage.ledger, made.break_glass)
        assert held.members == tuple(guardian.address for guardian in GUARDIANS)

    def test_before_anyone_votes_its_terms_are_shown_beside_those_in_force(self, stage: Stage) -> None:
        made = successor(stage, as_configured=True)
        proposal = drafted(stage, "hand_over", address=made.governor, break_glass=made.break_glass)
        shown = charter_of(proposal)
        assert shown["governor contract"] == (stage.ledger.governor, made.governor)
        assert settings.VOTING_PERIOD == 300
        assert shown["time to vote"] == ("1 hour", "5 minutes")
        assert shown["may cancel proposals"][1] == shown["may freeze nodes"][1] != "nobody"
        assert previewed_works(proposal)
        assert told(proposal)[0] == (
            f"Give {made.governor} the role “have decisions carried out” in the timelock."
        )

    def test_a_contract_that_does_not_fit_is_refused_by_what_it_says_of_itself(self, stage: Stage) -> None:
        other = deploy(stage.web3, "TimelockController", WAIT, [], [charter.NOBODY], SOMEBODY)
        seats, registry = stage.seats.address, stage.registry.address
        stranger = deploy(stage.web3, "ConsortiumGovernor", seats, registry, governor_settings(other))
        with pytest.raises(ContractDoesNotFit) as caught:
            drafted(stage, "hand_over", address=stranger.address)
        assert (caught.value.params["actual"], caught.value.params["expected"]) == (
            other.address,
            stage.timelock.address,
        )
        own_seats = deploy(stage.web3, "Seats", 1)
        arguments = own_seats.address, registry, governor_settings(stage.timelock)
        counting_others = deploy(stage.web3, "ConsortiumGovernor", *arguments)
        with pytest.raises(ContractDoesNotFit) as caught:
            drafted(stage, "hand_over", address=counting_others.address)
        assert caught.value.params["actual"] == own_seats.address

    @pytest.mark.parametrize(
        ("address", "error"),
        [
            ("registry", NotThisContract),
            ("relay_address", NotThisContract),
            ("governor", NothingChanges),
            ("", InvalidInput),
        ],
    )
    def test_what_is_no_other_governor_is_refused(
        self, stage: Stage, address: str, error: type[ConsoleError]
    ) -> None:
        with pytest.raises(error):
            drafted(stage, "hand_over", address=getattr(stage.ledger, address) if address else "")

    def test_guardians_of_another_governor_are_refused(self, stage: Stage) -> None:
        made = successor(stage, without_guardians=True)
        with pytest.raises(ContractDoesNotFit):
            drafted(stage, "hand_over", address=made.governor, break_glass=stage.break_glass.address)

    def test_it_is_deployed_by_a_command_once(self, stage: Stage) -> None:
        def printed(*options: str) -> list[str]:
            out = StringIO()
            call_command("deploy_successor", "2027", *options, stdout=out)
            return out.getvalue().splitlines()

        first = printed("--guardian", NEWCOMERS[0], "--guardian", NEWCOMERS[1], "--threshold", "2")
        assert [line.split()[0] for line in first] == ["ConsortiumGovernor", "BreakGlass"]
        height = stage.web3.eth.block_number
        assert printed() == first
        assert stage.web3.eth.block_number == height
        governor, break_glass = (line.split()[1] for line in first)
        succession.check_governor(stage.ledger, governor)
        assert succession.guardians(stage.ledger, break_glass) == succession.Guardians(
            tuple(NEWCOMERS[:2]), 2
        )


def previewed_works(proposal: Proposal) -> bool:
    seen = preview.preview(proposal).simulation
    return seen is not None and seen.verdict == "works" and seen.together and not seen.untried


def test_everything_constitutional_at_once_or_not_at_all(stage: Stage) -> None:
    more = [
        Wish("change_guardians", guardians=NEWCOMERS, threshold=2),
        Wish("change_rule", rule_of=2, rule=rules.Rule((1, 2), (3, 4), 1)),
        Wish("expel", institution=stage.banks[4]),
    ]
    proposal = drafted(stage, "change_terms", durations={"voting_period": 2 * DAY}, more=more)
    assert previewed_works(proposal)
    chinese = told(proposal, "zh-hans")
    assert len(chinese) == 4
    assert all(NEWCOMERS[0] in line for line in chinese[1:2])

    services.open(proposal, actor=stage.secretary)
    stage.work()
    assert proposal.description.startswith(
        f"Proposal {proposal.number}: change_terms, change_guardians, change_rule, expel\n"
        "Subject: voting_period 172800 s\n"
    )


def test_an_amended_one_does_the_same_unless_told_otherwise(stage: Stage) -> None:
    proposal = drafted(stage, "change_guardians", guardians=NEWCOMERS, threshold=2)
    words = {"title_zh": "更换监护人", "title_en": "Guardians", "text": "As discussed."}
    again = services.amend(proposal, **words, actor=stage.secretary, reason="A clearer text.")
    assert again.calldatas == proposal.calldatas
    assert [action.threshold for action in again.actions.all()] == [2]
