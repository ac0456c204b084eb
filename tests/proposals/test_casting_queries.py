"""Taking in a ballot asks the database a fixed number of questions, whoever has voted before."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.proposals import services
from tests.proposals.stage import FOR, Stage

# The poll; BEGIN, the bank's lock, its desk; relay, outbox, ballot and mandate, event, COMMIT.
QUESTIONS = 9


def test_a_ballot_takes_as_many_questions_after_others_as_the_first(stage: Stage) -> None:
    proposal = stage.voting()
    counts = []
    for bank in stage.banks[:2]:
        officer, ballot = stage.officer(bank), stage.ballot(bank, proposal, FOR)
        with CaptureQueriesContext(connection) as asked:
            services.cast(proposal, actor=officer, **ballot)
        counts.append(len(asked))
        stage.work()
    assert counts == [QUESTIONS, QUESTIONS]
