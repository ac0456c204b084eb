"""The steps that set a stack up, in order, at every start: each is harmless when it was done before."""

from __future__ import annotations

from consortium.stack.plan import Context, Step, manage


def steps(context: Context) -> list[Step]:
    """What `make run` does between starting the services and starting the processes."""
    return [
        manage("migrate", "migrate", "--noinput", "--verbosity", "0"),
    ]
