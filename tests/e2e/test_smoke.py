"""The whole main job, on a stack of its own, by the command that a newcomer runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from consortium.stack.endpoints import PROJECT, VARIABLES

STATEMENTS = (
    "80 members imported and active",
    "80 seats read back from the chain",
    "60 ballots signed by as many keys",
    "tally read from the contract: 36 for, 20 against, 4 abstaining",
    "forged ballot refused: 400 wrong_signer",
    "ballot that no second officer proposed refused: 409 not_proposed",
    "doubled ballot refused: 409 already_voted",
    "late ballot refused: 409 voting_closed",
    "openssl verify accepts leaf and chain",
    "the registry has the node as an observer",
    "as json: 200, lists the node",
    "as besu: 200, lists the node",
    "as goquorum: 200, lists the node",
    "as fisco-bcos: 200, lists the node",
    "is in the CRL",
    "its pull is refused: 403",
    "nothing left running",
)


@pytest.fixture(scope="module")
def printed() -> str:
    """What `make smoke` printed; it must have ended with 0."""
    outside = {name: value for name, value in os.environ.items() if name not in {*VARIABLES, "DATA_DIR"}}
    run = subprocess.run(
        [sys.executable, "-m", "consortium.stack", "smoke"],
        cwd=PROJECT,
        env=outside,
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_main_job_runs_from_roster_to_node(printed: str, statement: str) -> None:
    lines = [line for line in printed.splitlines() if statement in line]
    assert len(lines) == 1, printed
    assert " ok " in lines[0]
