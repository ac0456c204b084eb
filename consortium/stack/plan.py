"""What a stack consists of, as data: the steps that set it up and the processes that then run."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from consortium.stack import endpoints
from consortium.stack.child import StackError

PROJECT = endpoints.PROJECT
SERVICES = frozenset(endpoints.VARIABLES)
MARK = "CONSORTIUM_STACK"  # in the environment of all that a stack starts: its data directory


@dataclass(frozen=True, slots=True)
class Context:
    """Where this stack lives: its directory and its three ports."""

    data_dir: Path
    console_port: int = 8000
    gateway_port: int = 8443
    ledger_port: int = 8545

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Context:
        """From DATA_DIR and the port variables. Raises StackError on what is no port."""
        return cls(
            data_dir=endpoints.data_dir(environ),
            console_port=_port(environ, "CONSOLE_PORT", 8000),
            gateway_port=_port(environ, "GATEWAY_PORT", 8443),
            ledger_port=_port(environ, "LEDGER_PORT", 8545),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A command that prepares the stack, run at every start: it must be harmless the second time.

    ``name`` reads as what is done ("migrate"); ``env`` comes on top of the stack's.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs as long as the stack.

    ``restart``: start it again when it dies; without, its death stops the stack. ``ready`` says whether it
    answers; without, started is ready. ``outside``: it gets neither the services' addresses nor Django's
    settings (a node's agent stands for a machine of its own).
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    restart: bool = True
    ready: Callable[[], bool] | None = None
    outside: bool = False


def manage(name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Step:
    """A step that is a command of manage.py, called by its words."""
    return Step(name, (sys.executable, str(PROJECT / "manage.py"), *arguments), env or {})


def child_environment(context: Context, extra: Mapping[str, str], *, outside: bool = False) -> dict[str, str]:
    """The environment of a step or process: ours, where the stack is, and its own."""
    shown = {k: v for k, v in os.environ.items() if not (outside and k in SERVICES)}
    ours = {
        MARK: str(context.data_dir),
        "CONSOLE_PORT": str(context.console_port),
        "GATEWAY_PORT": str(context.gateway_port),
        "LEDGER_PORT": str(context.ledger_port),
        "CONSORTIUM_DEVELOPMENT": "1",
        "PYTHONUNBUFFERED": "1",
    }
    if not outside:
        ours["DATA_DIR"] = str(context.data_dir)
        secret_key = context.data_dir / "secrets" / "secret-key"
        if secret_key.exists():  # the step that makes it has none yet, and needs none
            ours["SECRET_KEY_FILE"] = str(secret_key)
    return {**shown, **ours, **extra}


def answers(url: str) -> Callable[[], bool]:
    """Does a GET of ``url`` give a 2xx? For ``Process.ready``."""

    def ask() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return ask


def check_port(port: int, variable: str) -> None:
    """Raise StackError with the line for the person at the terminal when a port is taken or not ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, or a connection that has just closed would look like somebody who listens.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except PermissionError:
            raise StackError(f"port {port} needs root: set {variable} to one above 1023") from None
        except OSError:
            raise StackError(f"port {port} is taken: stop what listens there, or set {variable}") from None


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    text = environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise StackError(f"{variable} must be a port from 1 to 65535, not {text!r}")
    return int(text)
