"""What becomes of a proposal is told step by step, and its count is drawn against its rule."""

from __future__ import annotations

from consortium.web import effects, tally
from governance.proposals import selectors
from governance.proposals.models import Proposal
from tests.proposals.stage import Stage


def told(stage: Stage, proposal: Proposal) -> list[tuple[str, str]]:
    with stage.ledgers_time():
        found = selectors.overview(Proposal.objects.get(pk=proposal.pk))
        return [(stage_.label.split(":")[0], stage_.state) for stage_ in effects.stages(found)]


def test_each_step_from_the_vote_to_the_ledger_is_told(stage: Stage) -> None:
    proposal = stage.voting("admit_institution")
    assert [state for _label, state in told(stage, proposal)] == ["now", "open", "open"]
    queued = stage.queued("admit_institution")
    assert [state for _label, state in told(stage, queued)] == ["done", "now", "open"]


def test_the_picture_says_what_is_still_needed_and_by_which_rule(stage: Stage) -> None:
    proposal = stage.voting("admit_institution")
    with stage.ledgers_time():
        drawn = tally.picture(selectors.overview(proposal))
    assert drawn is not None
    assert [meter.met for meter in drawn.meters] == [False, False, False]
    assert [row.silent for row in drawn.rows] == [5]


def test_a_defeated_proposal_has_no_effect_to_tell(stage: Stage) -> None:
    proposal = stage.voting("admit_institution")
    stage.close(proposal)
    stage.index()
    assert told(stage, proposal) == []
