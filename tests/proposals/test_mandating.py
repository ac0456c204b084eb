"""Inside a bank it takes two: who proposes, who signs, who stands in, and each refusal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from consortium.core import clock
from consortium.core.errors import InvalidInput, NotAllowed, NotFound, ReasonRequired
from consortium.core.models import Event
from consortium.members.models import Institution, User
from governance.proposals import errors, mandates, services
from governance.proposals.mandates import Mandate
from governance.proposals.models import Ballot, Proposal
from tests.factories import UserFactory
from tests.proposals.stage import ABSTAIN, AGAINST, FOR, Stage

REASON = "Our board decided on Monday"


@pytest.fixture
def bank(stage: Stage) -> Institution:
    return stage.banks[0]


@pytest.fixture
def zhou_lan(bank: Institution) -> User:
    return UserFactory(institution=bank, username="zhou.lan", first_name="Lan", last_name="Zhou")


@pytest.fixture
def li_jun(bank: Institution) -> User:
    return UserFactory(institution=bank, username="li.jun")


@pytest.fixture
def vote(stage: Stage) -> Proposal:
    return stage.voting()


def hand_in(stage: Stage, bank: Institution, vote: Proposal, officer: User, support: int = FOR) -> Ballot:
    return services.cast(vote, actor=officer, **stage.ballot(bank, vote, support, decided=False))


def test_one_proposes_another_signs(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time():
        mandate = services.propose_vote(vote, support=AGAINST, reason=REASON, actor=zhou_lan)
        ballot = hand_in(stage, bank, vote, li_jun, AGAINST)
    mandate.refresh_from_db()
    assert (mandate.ballot, mandate.reason, mandate.proposed_by) == (ballot, REASON, zhou_lan)


def test_nothing_is_taken_that_nobody_proposed(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time(), pytest.raises(errors.NotProposed):
        hand_in(stage, bank, vote, li_jun)
    assert not Ballot.objects.exists()
    assert [event.data["code"] for event in stage.events(vote, "ballot.refused")] == ["not_proposed"]


def test_nobody_signs_what_they_proposed(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time():
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)
        with pytest.raises(errors.OwnProposal):
            hand_in(stage, bank, vote, zhou_lan)
    assert not Ballot.objects.exists()


def test_the_ballot_says_what_was_proposed(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time():
        services.propose_vote(vote, support=ABSTAIN, reason=REASON, actor=zhou_lan)
        with translation.override("en"), pytest.raises(errors.OtherChoice, match=r"“for”.*“abstain”"):
            hand_in(stage, bank, vote, li_jun, FOR)


def test_another_banks_proposal_is_none_of_ours(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time():
        services.propose_vote(vote, support=FOR, reason=REASON, actor=stage.colleague(stage.banks[1]))
        with pytest.raises(errors.NotProposed):
            hand_in(stage, bank, vote, li_jun)


def test_a_bank_with_one_officer_is_told_what_to_do(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User
) -> None:
    with stage.ledgers_time():
        with translation.override("en"), pytest.raises(errors.SecondOfficerNeeded, match="second account"):
            hand_in(stage, bank, vote, zhou_lan)
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)
        with pytest.raises(errors.SecondOfficerNeeded):
            hand_in(stage, bank, vote, zhou_lan)


def test_a_later_proposal_takes_the_earlier_ones_place(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time():
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)
        services.propose_vote(vote, support=AGAINST, reason=REASON, actor=li_jun)
        assert Mandate.objects.filter(withdrawn_at__isnull=True).count() == 1
        hand_in(stage, bank, vote, zhou_lan, AGAINST)


def test_what_was_withdrawn_or_comes_from_a_dismissed_officer_counts_no_more(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time():
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)
        withdrawn = services.withdraw_vote(vote, actor=li_jun, reason="The board meets again")
        withdrawn.refresh_from_db()
        assert withdrawn.withdrawn_because == "The board meets again"
        with pytest.raises(errors.NotProposed):
            services.withdraw_vote(vote, actor=li_jun, reason="Twice")
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)
        zhou_lan.is_active = False
        zhou_lan.save()
        UserFactory(institution=bank, username="chen.ling")
        with pytest.raises(errors.NotProposed):
            hand_in(stage, bank, vote, li_jun)


def test_what_is_signed_is_fixed(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User
) -> None:
    with stage.ledgers_time():
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)
        hand_in(stage, bank, vote, li_jun)
        for act in (
            lambda: services.propose_vote(vote, support=AGAINST, reason=REASON, actor=zhou_lan),
            lambda: services.withdraw_vote(vote, actor=zhou_lan, reason="No"),
        ):
            with pytest.raises(errors.SignedAlready):
                act()


def test_a_reason_is_asked_for_and_stays_in_the_bank(stage: Stage, vote: Proposal, zhou_lan: User) -> None:
    with stage.ledgers_time():
        with pytest.raises(ReasonRequired):
            services.propose_vote(vote, support=FOR, reason=" ", actor=zhou_lan)
        services.propose_vote(vote, support=AGAINST, reason=REASON, actor=zhou_lan)
    event = Event.objects.get(action="ballot.proposed")
    assert REASON not in str(event.data) + event.reason
    assert "support" not in event.data


def test_only_a_banks_officers_propose_and_only_while_it_can_count(
    stage: Stage, vote: Proposal, zhou_lan: User
) -> None:
    draft = stage.draft()
    with stage.ledgers_time():
        with pytest.raises(errors.AnotherMembersBallot):
            services.propose_vote(vote, support=FOR, reason=REASON, actor=stage.secretary)
        with pytest.raises(errors.VotingNotOpen):
            services.propose_vote(draft, support=FOR, reason=REASON, actor=zhou_lan)
        with pytest.raises(InvalidInput):
            services.propose_vote(vote, support=3, reason=REASON, actor=zhou_lan)
    stage.close(vote)
    with stage.ledgers_time(), pytest.raises(errors.VotingClosed):
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)


# --- Substitutes -------------------------------------------------------------------------------------------
@pytest.fixture
def sun_hui(bank: Institution, zhou_lan: User, li_jun: User) -> User:
    """Works on certificates, takes no part in votes."""
    officer = UserFactory(institution=bank, username="sun.hui")
    services.set_duty(officer, votes=False, actor=zhou_lan, reason="Certificates only")
    return User.objects.get(pk=officer.pk)


def cover(absent: User, substitute: User, named_by: User) -> mandates.Substitution:
    now = clock.now()
    return services.name_substitute(
        absent,
        substitute=substitute,
        starts=now + timedelta(days=1),
        ends=now + timedelta(days=8),
        actor=named_by,
        reason="On leave",
    )


def test_a_substitute_acts_in_its_time_only(zhou_lan: User, li_jun: User, sun_hui: User) -> None:
    now = clock.now()
    with pytest.raises(errors.NoVotingDuty):
        mandates.desk(sun_hui, now)
    cover(li_jun, sun_hui, li_jun)
    with pytest.raises(errors.SubstituteNotYet):
        mandates.desk(sun_hui, now)
    assert mandates.desk(sun_hui, now + timedelta(days=2)).place == li_jun
    with pytest.raises(errors.SubstituteTimeOver):
        mandates.desk(sun_hui, now + timedelta(days=9))


def test_a_substitute_hands_in_what_another_proposed_not_what_its_own_principal_did(
    stage: Stage, bank: Institution, vote: Proposal, zhou_lan: User, li_jun: User, sun_hui: User
) -> None:
    with stage.ledgers_time():
        now = clock.now()
        services.name_substitute(
            li_jun,
            substitute=sun_hui,
            starts=now,
            ends=now + timedelta(hours=1),
            actor=li_jun,
            reason="Ill",
        )
        services.propose_vote(vote, support=FOR, reason=REASON, actor=li_jun)
        with pytest.raises(errors.OwnProposal):
            hand_in(stage, bank, vote, sun_hui)
        services.propose_vote(vote, support=FOR, reason=REASON, actor=zhou_lan)
        assert hand_in(stage, bank, vote, sun_hui).received_from == "sun.hui"


def test_a_substitution_is_ended_early_and_nobody_makes_itself_one(
    zhou_lan: User, li_jun: User, sun_hui: User, stage: Stage
) -> None:
    with pytest.raises(NotAllowed):
        cover(li_jun, zhou_lan, zhou_lan)
    with pytest.raises(errors.NoVotingDuty):
        cover(li_jun, zhou_lan, sun_hui)
    with pytest.raises(NotFound):
        cover(stage.colleague(stage.banks[1]), sun_hui, zhou_lan)
    made = cover(li_jun, sun_hui, zhou_lan)
    services.end_substitution(made, actor=zhou_lan, reason="Back again")
    with pytest.raises(errors.NoVotingDuty):
        mandates.desk(sun_hui, clock.now() + timedelta(days=2))
    with pytest.raises(InvalidInput):
        services.name_substitute(
            li_jun,
            substitute=sun_hui,
            starts=clock.now(),
            ends=clock.now() - timedelta(days=1),
            actor=zhou_lan,
            reason="Backwards",
        )


def test_nobody_sets_their_own_duty(zhou_lan: User, li_jun: User, stage: Stage) -> None:
    with pytest.raises(NotAllowed):
        services.set_duty(zhou_lan, votes=False, actor=zhou_lan, reason="Mine")
    with pytest.raises(NotFound):
        services.set_duty(
            stage.colleague(stage.banks[1]), votes=False, actor=zhou_lan, reason="Another bank's"
        )
    services.set_duty(zhou_lan, votes=False, actor=li_jun, reason="Moved")
    able = mandates.officers_able(zhou_lan.institution, clock.now())  # type: ignore[arg-type]
    assert able == [li_jun]
