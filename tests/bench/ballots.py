"""Ballots: accepted, checked, relayed and seen on the ledger, against a bare loop that sends the same.

BENCH_BALLOTS says how many (1,000). All abstain, so that no early decision cuts the vote short. Members sign
outside the measurement, as they do outside the console. As in production, ballots are handed in one by one
to the threads of a web worker, and the chain worker is a process of its own, which counts the votes besides.
It ends when the last receipt is on record, as the bare loop does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection
from eth_account import Account

from consortium.core import clock, outbox
from consortium.core.models import OutboxMessage
from consortium.members.models import Institution
from governance.ballot import typed_data
from governance.chain import calls, indexer
from governance.chain.models import CastVote, RelayTransaction
from governance.proposals import services
from governance.proposals.models import Proposal
from tests.bench import table
from tests.bench.indexing import ledger_of_its_own
from tests.bench.peer import Peer
from tests.chain.world import ABSTAIN, World
from tests.factories import InstitutionFactory, UserFactory, voter_of

BALLOTS = int(os.environ.get("BENCH_BALLOTS", "1000"))
HANDS = 4  # requests at once, in one process: a web worker's threads
PAUSE = 0.01  # seconds between two looks whether the last one is there


def measure(_peer: Peer) -> None:
    with ledger_of_its_own() as world:
        banks = [InstitutionFactory(admitted=True, voting=True) for _ in range(BALLOTS + 1)]
        world.found()
        other = world.opens(calls.suspend_seat(world.ledger, uscc=banks[-1].uscc), text="Beside it")
        papers = _papers(world, banks[:-1])
        bare = [world.ballot(bank, other, ABSTAIN) for bank in banks[:-1]]
        table.heading("bare loop")
        rate = table.rate(lambda: _bare(world, bare))
        with _worker():
            table.row(f"{BALLOTS:,} ballots relayed", table.rate(lambda: _ours(papers)), rate)
        _drained()
        assert CastVote.objects.count() == 2 * BALLOTS, "each ballot counts, and counts once"


def _papers(world: World, banks: list[Institution]) -> list[dict[str, Any]]:
    """What each bank hands in, on a proposal that is open; proposed by a colleague of who does it."""
    secretary = UserFactory(secretariat=True)
    proposal = services.draft(
        kind="admit_institution",
        institution=InstitutionFactory(voting=True),
        title_zh="接纳新成员",
        title_en="Admit a member",
        text="The papers are in order.",
        actor=secretary,
    )
    proposal = services.open(proposal, actor=secretary)
    _drained()
    world.pass_time(2)
    indexer.follow(world.ledger)
    return [_paper(world, proposal, bank) for bank in banks]


def _paper(world: World, proposal: Proposal, bank: Institution) -> dict[str, Any]:
    desk, officer = UserFactory(institution=bank), UserFactory(institution=bank)
    services.propose_vote(proposal, support=ABSTAIN, reason="As discussed.", actor=desk)
    number = int(proposal.chain_proposal_id)
    ballot = typed_data.Ballot(
        chain_id=world.ledger.chain_id,
        governor=world.ledger.governor,
        proposal_id=number,
        support=ABSTAIN,
        voter=voter_of(bank).address,
        nonce=(number % 2**192) << 64,
    )
    return {
        "proposal": proposal,
        "chain_id": ballot.chain_id,
        "governor": ballot.governor,
        "voter": ballot.voter,
        "support": ABSTAIN,
        "signature": typed_data.sign(ballot, voter_of(bank)),
        "actor": officer,
    }


def _ours(papers: list[dict[str, Any]]) -> int:
    with ThreadPoolExecutor(HANDS) as pool:
        list(pool.map(_handed_in, [papers[hand::HANDS] for hand in range(HANDS)]))
    relayed = RelayTransaction.objects.filter(key__startswith="ballot:")
    while relayed.exclude(status=RelayTransaction.Status.MINED).exists():
        time.sleep(PAUSE)
    assert relayed.count() == len(papers), "every ballot is on the ledger"
    return len(papers)


def _handed_in(papers: list[dict[str, Any]]) -> None:
    for paper in papers:
        services.cast(**paper)
    connection.close()


@contextmanager
def _worker() -> Iterator[None]:
    database = connection.settings_dict
    address = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    environment = {"DATABASE_URL": address, "LEDGER_URL": settings.LEDGER_URL, "CONSORTIUM_DEVELOPMENT": "1"}
    environment |= {"KEY_DIR": str(settings.KEY_DIR), "RELAY_PASSPHRASE_FILE": settings.RELAY_PASSPHRASE_FILE}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.draining"],
        env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018 - both are pipes
    assert process.stdout.readline() == "ready\n"
    yield
    process.stdin.close()
    process.wait(timeout=60)
    process.stdout.close()


def _drained() -> None:
    open_messages = OutboxMessage.objects.filter(outbox.OPEN, topic__startswith="chain.")
    while open_messages.exists():
        open_messages.filter(due_at__gt=clock.now()).update(due_at=clock.now())
        outbox.drain("chain")


def _bare(world: World, ballots: list[calls.Call]) -> int:
    """A key, a nonce counted by hand, one transaction after another; then the last receipt."""
    account, client = Account.create(), world.client
    sent = b""
    for nonce, call in enumerate(ballots):
        fields = {"to": call.target, "data": call.data, "gas": 500_000, "gasPrice": 0, "value": 0}
        fields |= {"nonce": nonce, "chainId": world.ledger.chain_id}
        sent = client.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)
    receipt = client.eth.wait_for_transaction_receipt(sent, timeout=120, poll_latency=0.01)
    assert receipt["status"] == 1
    return len(ballots)
