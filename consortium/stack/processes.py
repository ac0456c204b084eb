"""The processes of a stack, in the order in which they are started."""

from __future__ import annotations

import sys

from consortium.stack.plan import Context, Process, answers


def processes(context: Context) -> list[Process]:
    """What `make run` keeps running."""
    return [
        Process(
            "web",
            _gunicorn("consortium.wsgi", context.console_port),
            ready=answers(f"http://127.0.0.1:{context.console_port}/healthz"),
        ),
        Process("worker", _celery("worker", "--queues", "default,chain,push", "--concurrency", "2")),
        Process("signing", _celery("worker", "--queues", "signing", "--concurrency", "1")),
        Process("beat", _celery("beat")),
    ]


def _gunicorn(application: str, port: int) -> tuple[str, ...]:
    bind = f"127.0.0.1:{port}"
    return (sys.executable, "-m", "gunicorn", application, "--bind", bind, "--workers", "1", "--threads", "4")


def _celery(*arguments: str) -> tuple[str, ...]:
    command, *rest = arguments
    names = ("--hostname", f"{rest[1].partition(',')[0]}@console") if command == "worker" else ()
    return (
        sys.executable,
        "-m",
        "celery",
        "--app",
        "consortium",
        command,
        *rest,
        *names,
        "--loglevel",
        "INFO",
    )
