"""The processes of a stack, in the order in which they are started."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from consortium.stack.demo.collect import directory
from consortium.stack.demo.people import FOUNDING_NODES, DemoNode
from consortium.stack.plan import PROJECT, Context, Process, answers
from consortium.stack.steps import answering, relaying, signing


def processes(context: Context) -> list[Process]:
    """What `make run` keeps running. Each passphrase is told to the one process that needs it."""
    return [
        Process(
            "web",
            _python("gunicorn", "-c", "python:consortium.web.gunicorn_conf"),
            ready=answers(f"http://127.0.0.1:{context.console_port}/healthz"),
        ),
        Process("gateway", _python("gunicorn", "-c", "python:consortium.gateway_conf")),
        _worker("worker", "default,push", concurrency=2),
        _worker("chain", "chain", concurrency=1, env=relaying(context)),
        _worker("signing", "signing", concurrency=2, env=signing(context)),
        Process("status", (sys.executable, str(PROJECT / "manage.py"), "answer_status"), answering(context)),
        Process("beat", _python("celery", "--app", "consortium", "beat", "--loglevel", "WARNING")),
        *(_agent(context, node) for node in FOUNDING_NODES),
    ]


def _worker(name: str, queues: str, *, concurrency: int, env: Mapping[str, str] | None = None) -> Process:
    argv = _python(
        *("celery", "--app", "consortium", "worker"),
        *("--queues", queues, "--concurrency", str(concurrency), "--hostname", f"{name}@console"),
        *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
    )
    return Process(name, argv, env or {})


def _agent(context: Context, node: DemoNode) -> Process:
    config = directory(context, node) / "agent.toml"
    argv = _python("governance.agent", "--config", str(config))
    return Process(f"agent-{node.label}", argv, outside=True)


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)
