"""Starts a stack, keeps it running, and takes all of it down again.

Order: ports, lock, services, steps, processes; down in the reverse. Everything happens in one thread: the
kernel ties a child's life to the thread that made it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from consortium.stack import child, endpoints, plan
from consortium.stack.child import StackError
from consortium.stack.embedded import EmbeddedLedger, EmbeddedPostgres, EmbeddedRedis, Service
from consortium.stack.lock import Lock
from consortium.stack.plan import Context, Process, Step

DEATHS, WITHIN = 5, 60.0  # more deaths of one process than this, within so many seconds, stop the stack
READY_LIMIT = 90.0  # seconds until every process must answer
PAUSE = 0.5  # seconds before a dead process is started again
COPY_EVERY = 5.0  # seconds between copies of the ledger's state


class Stopped(BaseException):  # not Exception: nothing on the way may take it for an error of its own
    """Somebody asked the stack to stop."""


class Supervisor:
    """A stack and everything that it consists of. ``run`` gives the exit code."""

    def __init__(self, context: Context, steps: Sequence[Step], processes: Sequence[Process]) -> None:
        self.context = context
        self._steps = steps
        self._processes = processes
        self._began = time.monotonic()
        self._services: dict[str, Service] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, deque[float]] = {}
        self._guard: subprocess.Popen[str] | None = None
        self._copied = self._began

    def run(self) -> int:
        """Run the stack until it is told to stop (0), can't go on (1) or can't begin (2)."""
        os.umask(0o077)
        try:
            lock = self._prepare()
        except StackError as error:
            self.say(str(error))
            return 2
        code = 0
        try:
            _listen(_on_signal)
            self._bring_up()
            self._supervise()
        except Stopped as reason:
            self.say(f"{reason}: stopping")
        except StackError as error:
            self.say(str(error))
            code = 1
        finally:
            _listen(signal.SIG_IGN)
            self._take_down()
            lock.release()
        self.say("stopped")
        return code

    def say(self, text: str) -> None:
        """One line for one event."""
        with contextlib.suppress(OSError):  # the terminal is gone; the stack need not fall for that
            print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)

    # --- up ---

    def _prepare(self) -> Lock:
        for name in ("run", "log"):
            (self.context.data_dir / name).mkdir(parents=True, exist_ok=True)
        lock = Lock(self.context.data_dir)
        lock.take(say=self.say)
        try:
            self._check_ports()
        except StackError:
            lock.release()
            raise
        for log in self._log("").parent.glob("*.log"):
            log.replace(log.with_suffix(".log.1"))  # what the last run said, should it have died
        child.adopt_orphans()
        self._lock = lock
        self._guard = self._start_guard()
        return lock

    def _check_ports(self) -> None:
        plan.check_port(self.context.console_port, "CONSOLE_PORT")
        plan.check_port(self.context.gateway_port, "GATEWAY_PORT")
        if not os.environ.get("LEDGER_URL"):
            plan.check_port(self.context.ledger_port, "LEDGER_PORT")

    def _bring_up(self) -> None:
        self._start_services()
        for step in self._steps:
            self._do(step)
        for process in self._processes:
            self._start(process)
        self._wait_ready()
        self._greet()

    def _start_services(self) -> None:
        home, given = self.context.data_dir, endpoints.from_environment()
        embedded: dict[str, Service] = {
            "database_url": EmbeddedPostgres(home / "postgres", log=self._log("postgres")),
            "redis_url": EmbeddedRedis(home / "redis", log=self._log("redis")),
            "ledger_url": EmbeddedLedger(
                home / "ledger", port=self.context.ledger_port, log=self._log("ledger")
            ),
        }
        for variable, service in embedded.items():
            if variable in given:
                self.say(f"{service.name}: the one that {variable.upper()} names")
                continue
            self._services[service.name] = service
            self._start_service(service)
            given[variable] = service.url
        endpoints.publish(home, endpoints.Endpoints(**given))

    def _start_service(self, service: Service) -> None:
        began = time.monotonic()
        service.start()
        self._track(service.name, service.popen)
        self.say(f"{service.name} started in {time.monotonic() - began:.1f} s")

    def _do(self, step: Step) -> None:
        began, log = time.monotonic(), self._log("setup")
        environment = plan.child_environment(self.context, step.env)
        popen = child.spawn(step.argv, log=log, env=environment, cwd=plan.PROJECT)
        self._track(step.name, popen)
        code = popen.wait()
        self._forget(step.name)
        if code:
            tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
            raise StackError("\n".join([f"{step.name} failed ({child.describe(code)}); see {log}", *tail]))
        self.say(f"{step.name}: done in {time.monotonic() - began:.1f} s")

    def _start(self, process: Process) -> None:
        environment = plan.child_environment(self.context, process.env, outside=process.outside)
        popen = child.spawn(process.argv, log=self._log(process.name), env=environment, cwd=plan.PROJECT)
        self._track(process.name, popen)

    def _wait_ready(self) -> None:
        waiting = {process.name: process.ready for process in self._processes if process.ready}
        deadline = time.monotonic() + READY_LIMIT
        while waiting:
            self._tick()
            waiting = {name: ready for name, ready in waiting.items() if not ready()}
            if time.monotonic() > deadline:
                raise StackError(
                    f"no answer from {', '.join(waiting)} within {READY_LIMIT:.0f} s; see the logs"
                )
            time.sleep(0.05)

    def _greet(self) -> None:
        self.say(f"{len(self._processes)} processes run; logs are in {self._log('').parent}")
        logins = self.context.data_dir / "demo" / "logins.txt"
        if logins.exists():
            with contextlib.suppress(OSError):  # as in say
                print(logins.read_text(encoding="utf-8"), flush=True)
        self.say("ready; Ctrl-C stops everything")

    # --- staying up ---

    def _supervise(self) -> None:
        while True:
            self._tick()
            time.sleep(0.1)

    def _tick(self) -> None:
        """Look after everything once."""
        for name, popen in list(self._running.items()):
            code = popen.poll()
            if code is not None:
                self._bury(name, popen, code)
        if self._guard is not None and self._guard.poll() is not None:
            self._replace_guard(self._guard.returncode)
        child.reap_orphans({popen.pid for popen in self._running.values()} | self._guard_pid())
        ledger = self._services.get("ledger")
        if isinstance(ledger, EmbeddedLedger) and time.monotonic() - self._copied > COPY_EVERY:
            self._copied = time.monotonic()
            ledger.keep_copy()

    def _bury(self, name: str, popen: subprocess.Popen[bytes], code: int) -> None:
        """A process died: start it again, unless that happens too often or is not wanted."""
        child.stop(popen)  # what it started would go on without it
        self._forget(name)
        word = f"{name} died ({child.describe(code)})"
        deaths = self._deaths.setdefault(name, deque())
        deaths.append(time.monotonic())
        while deaths[0] < time.monotonic() - WITHIN:
            deaths.popleft()
        if len(deaths) > DEATHS:
            raise StackError(f"{word}, {len(deaths)} times within {WITHIN:.0f} s; see {self._log(name)}")
        process = next((process for process in self._processes if process.name == name), None)
        if process is not None and not process.restart:
            raise StackError(f"{word}; see {self._log(name)}")
        self.say(f"{word}; starting it again")
        time.sleep(PAUSE)
        if process is not None:
            self._start(process)
        else:
            self._start_service(self._services[name])

    def _start_guard(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "consortium.stack.guard", f"{plan.MARK}={self.context.data_dir}"],
            stdin=subprocess.PIPE,
            cwd=plan.PROJECT,
            pass_fds=[self._lock.fd],
            start_new_session=True,
            text=True,
        )

    def _replace_guard(self, code: int) -> None:
        self.say(f"guard died ({child.describe(code)}); starting it again")
        time.sleep(PAUSE)
        self._guard = self._start_guard()
        for popen in self._running.values():
            self._tell_guard(f"+{popen.pid}")

    # --- down ---

    def _take_down(self) -> None:
        """Processes first, all at once; then the services that they stand on; then whoever is left."""
        endpoints.withdraw(self.context.data_dir)
        services = [popen for name, popen in self._running.items() if name in self._services]
        child.stop_all([popen for popen in self._running.values() if popen not in services])
        for service in reversed(self._services.values()):
            service.stop()
        child.wait_until(self._kill_descendants, time.monotonic() + child.GRACE)
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died: there was nothing left for it to do
                self._guard.stdin.close()
            self._guard.wait()

    def _kill_descendants(self) -> bool:
        """Kill whoever left its session; True when nobody is left."""
        left = child.descendants(os.getpid()) - self._guard_pid()
        for pid in left:
            child.send(pid, signal.SIGKILL)
        return not left

    # --- helpers ---

    def _track(self, name: str, popen: subprocess.Popen[bytes] | None) -> None:
        if popen is not None:
            self._running[name] = popen
            self._tell_guard(f"+{popen.pid}")

    def _forget(self, name: str) -> None:
        self._tell_guard(f"-{self._running.pop(name).pid}")

    def _tell_guard(self, line: str) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died; the next tick starts another, and tells it
                self._guard.stdin.write(line + "\n")
                self._guard.stdin.flush()

    def _guard_pid(self) -> set[int]:
        return set() if self._guard is None else {self._guard.pid}

    def _log(self, name: str) -> Path:
        return self.context.data_dir / "log" / f"{name}.log"


def _listen(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    _listen(signal.SIG_IGN)  # once is enough
    raise Stopped(signal.Signals(number).name)
