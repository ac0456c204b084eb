"""While the ledger does not answer nothing is refused, nothing is stored, and nothing is given up."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from consortium.core.outbox import Later
from governance.chain.errors import LedgerUnreachable
from governance.proposals import services, tasks
from governance.proposals.models import Ballot
from governance.proposals.rules import State
from tests.proposals.stage import Stage

NOWHERE = "http://127.0.0.1:9"


def test_a_ballot_is_neither_taken_nor_refused(stage: Stage, settings: Settings) -> None:
    proposal, bank = stage.voting(), stage.banks[0]
    officer, ballot = stage.officer(bank), stage.ballot(bank, proposal)
    there, settings.LEDGER_URL = settings.LEDGER_URL, NOWHERE

    with pytest.raises(LedgerUnreachable):
        services.cast(proposal, actor=officer, **ballot)

    assert not Ballot.objects.exists()
    assert stage.events(proposal, "ballot.refused") == []
    settings.LEDGER_URL = there
    services.cast(proposal, actor=officer, **ballot)
    assert Ballot.objects.get().institution == bank


def test_an_execution_waits_without_counting_an_attempt(stage: Stage, settings: Settings) -> None:
    proposal = stage.passed()
    there, settings.LEDGER_URL = settings.LEDGER_URL, NOWHERE

    with pytest.raises(Later):
        tasks.handle_execute({"proposal": str(proposal.pk)})

    settings.LEDGER_URL = there
    tasks.handle_execute({"proposal": str(proposal.pk)})
    stage.work()
    assert stage.state(proposal) == State.EXECUTED
