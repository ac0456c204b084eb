"""While the ledger does not answer ballots are taken in as ever, and nothing is given up."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from consortium.core.errors import ConsoleError
from consortium.core.outbox import Later
from governance.chain.errors import LedgerUnreachable
from governance.proposals import services, tasks, view
from governance.proposals.errors import (
    AnotherMembersBallot,
    StaleNonce,
    UnknownVoter,
    VotingNotOpen,
    WrongLedger,
    WrongSigner,
)
from governance.proposals.models import Ballot, Proposal
from governance.proposals.rules import State
from tests.factories import voter_of
from tests.proposals.stage import Stage

NOWHERE = "http://127.0.0.1:9"


def test_a_ballot_is_checked_and_taken_without_a_word_to_the_ledger(stage: Stage, settings: Settings) -> None:
    """Whoever asked would be told that nobody answers, as the last line proves."""
    proposal, bank = stage.voting(), stage.banks[0]
    officer, ballot = stage.officer(bank), stage.ballot(bank, proposal)
    there, settings.LEDGER_URL = settings.LEDGER_URL, NOWHERE

    services.cast(proposal, actor=officer, **ballot)

    assert Ballot.objects.get().institution == bank
    with pytest.raises(LedgerUnreachable):
        view.look(stage.ledger, stage.ledger.governor)
    settings.LEDGER_URL = there
    stage.relay()
    assert stage.tally(proposal) == (0, 1, 0)


def test_a_refused_ballot_is_refused_for_the_same_reason_with_the_ledger_away(
    stage: Stage, settings: Settings
) -> None:
    proposal, bank, other = stage.voting(), *stage.banks[:2]
    early = stage.proposed("suspend", institution=other)
    officer = stage.officer(bank)
    papers: list[tuple[type[ConsoleError], Proposal, dict[str, Any]]] = [
        (WrongLedger, proposal, stage.ballot(bank, proposal, chain_id=1)),
        (WrongSigner, proposal, stage.ballot(bank, proposal, key=voter_of(other))),
        (VotingNotOpen, early, stage.ballot(bank, early)),
        (AnotherMembersBallot, proposal, stage.ballot(other, proposal)),
        (StaleNonce, proposal, stage.ballot(bank, proposal, nonce=0)),
        (UnknownVoter, proposal, stage.ballot(stage.applicant(), proposal)),
    ]
    settings.LEDGER_URL = NOWHERE

    for expected, about, paper in papers:
        with pytest.raises(ConsoleError) as caught:
            services.cast(about, actor=officer, **paper)
        assert type(caught.value) is expected
    assert not Ballot.objects.exists()


def test_an_execution_waits_without_counting_an_attempt(stage: Stage, settings: Settings) -> None:
    proposal = stage.due()
    there, settings.LEDGER_URL = settings.LEDGER_URL, NOWHERE

    with pytest.raises(Later):
        tasks.handle_execute({"proposal": str(proposal.pk)})

    settings.LEDGER_URL = there
    tasks.handle_execute({"proposal": str(proposal.pk)})
    stage.work()
    assert stage.state(proposal) == State.EXECUTED
