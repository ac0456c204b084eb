"""The console as its operator starts it: set-up, web, workers and beat, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import httpx

from consortium.stack import child
from consortium.stack.demo.people import CANDIDATE
from consortium.stack.embedded import EmbeddedLedger, EmbeddedPostgres, EmbeddedRedis, Service
from consortium.stack.plan import PROJECT, Context, child_environment
from consortium.stack.processes import processes
from consortium.stack.steps import ceremony

VOTING_PERIOD = 60  # seconds; thirty members hand in their ballots well within
PASSWORD = "nine-lanterns-along-the-river"
STARTED = {"web", "gateway", "worker", "chain", "signing", "beat"}


class Console:
    """``with Console(directory) as console``: running, empty but for ke.lin, whose password is PASSWORD."""

    def __init__(self, home: Path) -> None:
        self.home = home / "data"
        self.logs = home / "logs"
        self.context = Context(
            self.home,
            console_port=child.free_port(),
            gateway_port=child.free_port(),
            ledger_port=child.free_port(),
        )
        self.url = f"http://localhost:{self.context.console_port}"
        self._services: list[Service] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Console:
        self.home.mkdir(mode=0o700)
        self.logs.mkdir()
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        child.stop_all(self._processes)
        while self._services:
            self._services.pop().stop()

    def _start(self) -> None:
        self.environment = {**self._serve(), "VOTING_PERIOD": str(VOTING_PERIOD), "PUBLIC_URL": self.url}
        (self.home / "run").mkdir()
        password = self.home / "run" / "ke.lin"
        password.write_text(PASSWORD)
        self.run("-m", "consortium.stack.secret_files")
        self.run("-m", "consortium.stack.demo.kit")
        self.run("-m", "consortium.stack.setup", "--without-demonstration", passphrases=True)
        self.manage("create_account", "ke.lin", "--role", "secretariat", "--password-file", str(password))
        for process in processes(self.context):
            if process.name in STARTED:
                self._spawn(process.name, process.argv, process.env)
        child.wait_ready("web", self._processes[0], self._answers, log=self.logs / "web.log")

    def _serve(self) -> dict[str, str]:
        urls = {}
        for variable, service in (
            ("DATABASE_URL", EmbeddedPostgres(self.home / "postgres", durable=False)),
            ("REDIS_URL", EmbeddedRedis(self.home / "redis", durable=False)),
            ("LEDGER_URL", EmbeddedLedger(self.home / "ledger", port=self.context.ledger_port)),
        ):
            self._services.append(service)
            urls[variable] = service.start()
        return urls

    def _environment(self, extra: Mapping[str, str], *, outside: bool = False) -> dict[str, str]:
        ours = {} if outside else self.environment
        return child_environment(self.context, {**ours, **extra}, outside=outside)

    def _spawn(
        self, name: str, argv: Sequence[str], env: Mapping[str, str], *, outside: bool = False
    ) -> None:
        environment = self._environment(env, outside=outside)
        popen = child.spawn(argv, log=self.logs / f"{name}.log", env=environment, cwd=PROJECT)
        self._processes.append(popen)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", timeout=2, trust_env=False).is_success
        return False

    def run(self, *arguments: str, passphrases: bool = False) -> str:
        """Run Python in the console's environment; a failure shows what it said."""
        extra = ceremony(self.context) if passphrases else {}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self._environment(extra),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def manage(self, *arguments: str) -> str:
        return self.run(os.fspath(PROJECT / "manage.py"), *arguments)

    # --- what members do on their own machines ---------------------------------------------------------
    def members_join(self) -> None:
        """After the roster: voting addresses, the founding act, officers, nodes and their agents."""
        self.run("-m", "consortium.stack.setup", passphrases=True)
        self.run("-m", "consortium.stack.demo.collect")
        for process in processes(self.context):
            if process.name.startswith("agent-"):
                self._spawn(process.name, process.argv, process.env, outside=True)

    def bank_asks_for_a_certificate(self) -> str:
        """Wangchao Bank's officer hands in the CSR of its second node by the API; gives the request's id."""
        member = self.home / "demo" / "members" / CANDIDATE.institution
        token = (member / "api-token").read_text().strip()
        with httpx.Client(
            base_url=self.url, headers={"Authorization": f"Token {token}"}, trust_env=False
        ) as api:
            nodes = api.get("/api/v1/nodes/").json()["results"]
            node = next(row["id"] for row in nodes if row["name"] == CANDIDATE.name)
            csr = (self.home / "demo-handover" / f"{CANDIDATE.label}.csr").read_text()
            answer = api.post("/api/v1/requests/", json={"node": node, "profile": "fisco-bcos-3", "csr": csr})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def members_vote(self, proposal: int, ballots: int) -> None:
        """Each with its own keystore, by the ``ballot`` command."""
        said = self.run(
            *("-m", "consortium.stack.demo.vote"),
            *("--proposal", str(proposal), "--members", str(ballots)),
        )
        assert f"{ballots} ballots handed in" in said
