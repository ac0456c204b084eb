"""The steps of a rollout in two stages, each with the process that takes it, and where exactly that is."""

from __future__ import annotations

from dataclasses import dataclass

_SERVICES = "governance.permissions.services"
_TASKS = "governance.permissions.tasks"
_FILES = "consortium.core.files"


@dataclass(frozen=True)
class Step:
    """``process`` is about to do it, or has just done it (``when``).

    ``matching`` must be in what the function is given or gives. Where ``needs`` says so, the step counts only
    once another one was reached.
    """

    name: str
    process: str
    place: str
    when: str = "after"
    matching: str = ""
    needs: str = ""


STEPS = (
    # --- From the ledger's word to an epoch ---
    Step("the rows are read, nothing is written", "worker", f"{_SERVICES}.gathering:read"),
    Step("the epoch is written, not committed", "worker", f"{_SERVICES}.compiling:_create"),
    Step("it is committed, nobody is asked to publish", "worker", "consortium.core.outbox:nudge", "before",
         "'signing'"),
    Step("the compiler has no receipt", "worker", f"{_TASKS}:handle_compile"),
    # --- From the epoch to files, and to rows that say so ---
    Step("the log of digests has it", "signing", f"{_SERVICES}.publishing:_enter"),
    Step("a list is a file", "signing", f"{_FILES}:replace", matching=".permissions.json'"),
    Step("who goes first is a file", "signing", f"{_FILES}:replace", matching=".rollout.json'"),
    Step("the network's role is signed", "signing", f"{_FILES}:replace", matching=".settlement.json'"),
    Step("the snapshot is signed", "signing", f"{_FILES}:replace", matching=".snapshot.json'"),
    Step("the timestamp lies beside the former", "signing", f"{_FILES}:_written",
         matching="/timestamp.json'"),
    Step("nodes can see it, no row says so", "signing", f"{_FILES}:replace", matching="/timestamp.json'"),
    Step("rows say so, not committed", "signing", f"{_SERVICES}.rollouts:_want"),
    Step("the publisher has no receipt", "signing", f"{_TASKS}:handle_publish"),
    # --- To the nodes ---
    Step("nodes are taken to be told", "worker", f"{_SERVICES}.pushing:_claim", matching="Job("),
    Step("they are told, it is not noted", "worker", f"{_SERVICES}.pushing:_record", "before"),
    Step("a node pulls", "gateway", f"{_SERVICES}.pulling:record_pull",
         needs="nodes can see it, no row says so"),
    Step("the canary has verified and kept it", "agent 0", "governance.agent.store:keep", matching=", 2, {"),
    Step("its file is replaced, the node not told", "agent 0", "governance.agent.files:put",
         matching='"epoch": 2'),
    Step("it is in force, not reported", "agent 0", "governance.agent.reports:report", "before", "epoch=2"),
    # --- What they say ---
    Step("the word of the canary is checked", "gateway", f"{_SERVICES}.reporting:_take", "before", "epoch=2"),
    Step("it is written, not committed", "gateway", f"{_SERVICES}.reporting:_take", "after", "epoch=2"),
    Step("it is taken, not answered", "gateway", f"{_SERVICES}.reporting:acknowledge", "after", "epoch=2"),
    Step("it is answered, not remembered", "agent 0", "governance.agent.gateway:Gateway.report", "after",
         "'epoch': 2"),
    # --- The gate, and the second stage ---
    Step("the beat is about to ask the gate", "beat", "celery.beat:Scheduler.apply_async", "before",
         "advance_rollouts", needs="it is taken, not answered"),
    Step("the gate opens, not committed", "worker", f"{_SERVICES}.rollouts:begin_stage"),
    Step("the stage is a row, not a document", "worker", f"{_SERVICES}.rollouts:_advance", "after", "True"),
    Step("everybody can see it, no row says so", "signing", f"{_FILES}:replace", "after", "/timestamp.json'",
         needs="the gate opens, not committed"),
    Step("the stage is not committed", "signing", f"{_SERVICES}.rollouts:_reached",
         needs="the gate opens, not committed"),
    Step("the others are told, it is not noted", "worker", f"{_SERVICES}.pushing:_record", "before",
         needs="the stage is not committed"),
    Step("all have it, the end is not committed", "worker", f"{_SERVICES}.rollouts:_complete"),
)  # fmt: skip

PLACES = " ".join(sorted({step.place for step in STEPS}))
WORKERS = ("worker", "signing")
