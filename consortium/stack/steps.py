"""The steps that set a stack up, in order, at every start: each is harmless when it was done before."""

from __future__ import annotations

import sys

from consortium.stack.plan import Context, Step
from consortium.stack.secret_files import path_of


def steps(context: Context) -> list[Step]:
    """What `make run` does between starting the services and starting the processes."""
    handover = context.data_dir / "demo-handover"
    kit = _python("demonstration members' keys", "consortium.stack.demo.kit")
    collect = _python("demonstration agents", "consortium.stack.demo.collect")
    return [
        _python("secrets", "consortium.stack.secret_files"),
        *([] if (handover / "nodes.json").exists() else [kit]),
        _python("set-up", "consortium.stack.setup", env=ceremony(context)),
        collect,
    ]


def signing(context: Context) -> dict[str, str]:
    """What lets a process open the CA's and the lists' keys; for the signing worker alone.

    It makes the status responders' keys as well, and prepares answers with them.
    """
    return {"SIGNING_PASSPHRASE_FILE": str(path_of(context, "signing-passphrase")), **answering(context)}


def answering(context: Context) -> dict[str, str]:
    """What lets a process open the status responders' keys, and no others."""
    return {"OCSP_PASSPHRASE_FILE": str(path_of(context, "ocsp-passphrase"))}


def relaying(context: Context) -> dict[str, str]:
    """What lets a process open the relay account's key; for the chain worker alone."""
    return {"RELAY_PASSPHRASE_FILE": str(path_of(context, "relay-passphrase"))}


def ceremony(context: Context) -> dict[str, str]:
    """Set-up makes all keys, so it has both."""
    return {**signing(context), **relaying(context)}


def _python(name: str, module: str, env: dict[str, str] | None = None) -> Step:
    return Step(name, (sys.executable, "-m", module), env or {})
