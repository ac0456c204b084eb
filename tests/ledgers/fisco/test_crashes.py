"""The worker dies between any two steps: no vote lost, none sent twice, nothing half indexed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as live_settings
from django.db import connection

from governance.chain.ledgers import handing_in, indexing, wishes
from governance.chain.ledgers.models import CommitteeTransaction
from governance.chain.ledgers.wishes import WishState
from governance.contracts import fisco
from tests.ledgers.fisco.front import Front
from tests.ledgers.fisco.world import NODES, Town, observe, vote_call

Status = CommitteeTransaction.Status
SEND = "governance.chain.ledgers.sending.broadcast"


@pytest.fixture
def town(transactional_db: None, front: Front, relay_key: str) -> Town:
    """As elsewhere, but committed: other processes see it."""
    made = Town(front, {"Wangchao": 1, "Dongli": 1, "Haitang": 1}, (60, 60))
    made.fund(relay_key)
    return made


@pytest.fixture
def dies(town: Town) -> Iterator[Callable[..., None]]:
    """Runs the worker up to a point and kills it there."""
    started: list[subprocess.Popen[str]] = []

    def run(job: str, hold: str, *, after: bool = False) -> None:
        words = [job, "--hold", hold, *(["--after"] if after else [])]
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.ledgers.fisco.process", *words],
            env={**os.environ, **_environment()},
            stdout=subprocess.PIPE,
            text=True,
            cwd=live_settings.BASE_DIR,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
        process.stdout.close()
        assert line == "holding", f"it ended without reaching the point: {line!r}"

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=20)


@pytest.mark.parametrize("after", [False, True], ids=["before sending", "before confirming"])
def test_a_vote_is_counted_once_though_its_sender_died(
    town: Town, dies: Callable[..., None], after: bool
) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    town.work()
    raw = town.sign("Dongli", vote_call(number))
    row = handing_in.vote(town.ledger, number, raw, agree=True, actor=town.officer("Dongli"))
    dies("drain", SEND, after=after)
    row.refresh_from_db()
    assert row.status == Status.SIGNED
    assert town.committee.info(number).status == (fisco.PASSED if after else fisco.OPEN)
    town.work()
    row.refresh_from_db()
    assert (row.status, town.proposal(number).status) == (Status.MINED, fisco.PASSED)
    assert town.web3.eth.get_transaction_count(town.people["Dongli"].address) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before sending", "before confirming"])
def test_a_deadline_is_closed_once_though_the_worker_died(
    town: Town, dies: Callable[..., None], relay_key: str, after: bool
) -> None:
    number = town.open("Wangchao", 52, node=NODES[1], interval=1)
    town.mine(2)
    dies("both", SEND, after=after)
    town.work()
    assert town.proposal(number).status == fisco.OUTDATED
    assert town.web3.eth.get_transaction_count(relay_key) == 1


def test_a_range_is_indexed_whole_or_not_at_all(town: Town, dies: Callable[..., None]) -> None:
    town.vote("Dongli", town.open("Wangchao", 51, node=NODES[4], weight=0, add=True))
    dies("attend", "governance.chain.ledgers.indexing._keep", after=True)
    assert town.ledger.blocks.count() == town.ledger.calls.count() == 0
    town.work()
    assert town.ledger.calls.exclude(function="").count() == 2
    assert town.proposal(1).applied is True


def test_what_was_signed_ahead_goes_out_once_though_the_worker_died_over_it(
    town: Town, dies: Callable[..., None]
) -> None:
    [first], [second] = town.wish(observe(NODES[4])), town.wish(observe(NODES[5]))
    for name, row in (("Wangchao", first), ("Haitang", second)):
        handing_in.propose(row, town.signed_wish(name, row), actor=town.officer(name))
    town.work()
    town.vote("Dongli", 1)
    indexing.follow(town.ledger)
    dies("attend", "governance.chain.ledgers.wishes.release", after=True)
    assert second.transactions.get().status == Status.HELD  # the step died whole
    town.work()
    assert town.committee.count() == 2
    assert wishes.state(type(second).objects.get(pk=second.pk)) is WishState.OPEN


def _environment() -> dict[str, str]:
    database = connection.settings_dict
    address = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    if database["PORT"]:
        address += f"&port={database['PORT']}"
    return {
        "DATABASE_URL": address,
        "KEY_DIR": str(live_settings.KEY_DIR),
        "RELAY_PASSPHRASE_FILE": str(live_settings.RELAY_PASSPHRASE_FILE),
    }
