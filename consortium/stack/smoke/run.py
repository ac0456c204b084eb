"""Starts a fresh stack, tells the story on it, stops it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from consortium.stack.smoke import story as steps
from consortium.stack.smoke.anchoring import anchored
from consortium.stack.smoke.evidence import Evidence, NotTrue
from consortium.stack.smoke.stack import FreshStack

WHOLE_RUN = 120  # seconds, after set-up


def run() -> int:
    """0 when every line was true, 1 at the first that is not."""
    os.umask(0o077)
    home = Path(tempfile.mkdtemp(prefix="console-smoke-"))
    stack, evidence = FreshStack(home / "data"), Evidence()
    try:
        _tell(stack, evidence, home)
        _stopped(stack, evidence)
    except NotTrue as lie:
        print(f"smoke: not true: {lie}\nsmoke: logs are in {home / 'data' / 'log'}", file=sys.stderr)
        stack.stop()
        return 1
    except BaseException:
        stack.stop()
        raise
    shutil.rmtree(home)
    evidence.measure("the whole run", evidence.elapsed, "s", wanted=WHOLE_RUN)
    print("smoke: all true")
    return 0


def _tell(stack: FreshStack, evidence: Evidence, home: Path) -> None:
    stack.start()
    evidence.line("fresh stack is up: PostgreSQL, Redis, ledger, web, gateway, workers, four agents")
    steps.connect_django(stack)
    work = home / "bank"
    work.mkdir()
    story = steps.Story(stack, evidence, work)
    steps.members_and_seats(story)
    steps.agents_converged(story)
    steps.voters(story)
    steps.certificate(story)
    steps.vote(story)
    steps.executed(story)
    epoch = steps.listed(story)
    steps.revoked(story, epoch)
    anchored(story)
    steps.footprint(story)


def _stopped(stack: FreshStack, evidence: Evidence) -> None:
    code = stack.stop()
    evidence.line("stopped, and nothing left running", true=code == 0)
