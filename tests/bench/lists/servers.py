"""The processes that a measurement runs: nginx in front, the gateway behind it, a worker, agents."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings

from consortium.stack import child
from tests.bench.lists.town import Town
from tests.permissions.world import database_url

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60  # seconds until something that was started must be there

# nginx as in deploy/nginx: it ends TLS, serves the published files itself and hands on the rest. ``bare`` is
# the peer: nginx alone, which answers everything with what lies on its disk.
_NGINX = """
{user}
worker_processes auto;
worker_rlimit_nofile 8192;
pid {home}/nginx.pid;
error_log {home}/nginx.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {home}/nginx-body;
    proxy_temp_path {home}/nginx-proxy;
    fastcgi_temp_path {home}/nginx-1;
    uwsgi_temp_path {home}/nginx-2;
    scgi_temp_path {home}/nginx-3;
    default_type application/octet-stream;
    ssl_certificate {keys}/gateway.crt;
    ssl_certificate_key {keys}/gateway.key;
    ssl_client_certificate {pki}/chain.pem;
    ssl_verify_client optional;
    ssl_verify_depth 3;
    keepalive_requests 100000;
    upstream gateway {{ server unix:{home}/gateway.sock; keepalive 64; keepalive_timeout 10s; }}
    server {{
        listen 127.0.0.1:{front} ssl;
        location /tuf/ {{ alias {tuf}/; }}
        location / {{
            proxy_pass http://gateway;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Node-Certificate $ssl_client_escaped_cert;
        }}
    }}
    server {{
        listen 127.0.0.1:{bare} ssl;
        location /tuf/ {{ alias {tuf}/; }}
        location /v1/networks/ {{ root {home}/bare; }}
        location / {{ return 200; }}
    }}
}}
"""


class Servers:
    """Started in a ``with``; stopped at its end."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.front, self.bare, self.direct = child.free_port(), child.free_port(), child.free_port()
        self.agents = child.free_port()
        self._stack = ExitStack()

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def front_url(self) -> str:
        return f"https://localhost:{self.front}"

    def start(self, name: str, *argv: str, ready: bool = False, **more: str) -> subprocess.Popen[str]:
        """A process that ends when its input does; with ``ready`` it says so in a line."""
        popen = subprocess.Popen(
            argv, cwd=ROOT, env={**self._environment(), **more}, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=(self.town.home / f"{name}.log").open("w"),
        )  # fmt: skip
        self._stack.callback(_end, popen)
        if ready and popen.stdout is not None and popen.stdout.readline() != "ready\n":
            raise RuntimeError((self.town.home / f"{name}.log").read_text())
        return popen

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CONSORTIUM_DEVELOPMENT": "1",
            "DATABASE_URL": database_url(),
            **{
                name: str(getattr(settings, name)) for name in ("KEY_DIR", "PKI_DIR", "TUF_DIR", "LEDGER_URL")
            },
        }

    def nginx(self) -> None:
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        text = _NGINX.format(
            user="user root;" if os.geteuid() == 0 else "", home=self.town.home,
            keys=settings.KEY_DIR, pki=settings.PKI_DIR, tuf=settings.TUF_DIR,
            front=self.front, bare=self.bare,
        )  # fmt: skip
        (self.town.home / "nginx.conf").write_text(text)
        self.start("nginx", program, "-c", str(self.town.home / "nginx.conf"), "-g", "daemon off;")
        self._until(lambda: child.listening(self.front), "nginx")

    def gateway(self) -> None:
        """Twice: behind nginx, and with its own TLS."""
        conf = (sys.executable, "-m", "gunicorn", "-c", "python:consortium.gateway_conf")
        place = self.town.home / "gateway.sock"
        self.start("gateway", *conf, GATEWAY_SOCKET=str(place))
        self.start("direct", *conf, GATEWAY_PORT=str(self.direct))
        self._until(place.exists, "the gateway")
        self._until(lambda: child.listening(self.direct), "the gateway with its own TLS")

    def _until(self, condition: Any, what: str) -> None:
        if not child.wait_until(condition, time.monotonic() + PATIENCE):
            raise RuntimeError(f"{what} did not start: see {self.town.home}")

    @contextmanager
    def worker(self, *queues: str) -> Iterator[subprocess.Popen[str]]:
        """A worker on ``queues`` (see :mod:`tests.bench.draining`), until the ``with`` ends."""
        popen = self.start(
            f"worker-{queues[0]}", sys.executable, "-W", "ignore", "-m", "tests.bench.draining", *queues,
            ready=True, SIGNING_PASSPHRASE_FILE=str(settings.SIGNING_PASSPHRASE_FILE),
        )  # fmt: skip
        try:
            yield popen
        finally:
            _end(popen)

    def play(self, what: str, plan: dict[str, Any]) -> dict[str, Any]:
        """One of the agents' program's other works, to its end."""
        place = self._plan(what, plan)
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.lists.agents", what, str(place)],
            cwd=ROOT, stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    @contextmanager
    def listening(self, kits: list[dict[str, str]]) -> Iterator[subprocess.Popen[str]]:
        """The agents, until the ``with`` ends."""
        plan = {"agents": kits, "gateway": self.front_url, "port": self.agents, "root": self._root()}
        popen = self.start(
            "agents", sys.executable, "-m", "tests.bench.lists.agents", "listen",
            str(self._plan("listen", plan)), ready=True,
        )  # fmt: skip
        try:
            yield popen
        finally:
            _end(popen)

    def _root(self) -> dict[str, Any]:
        return json.loads((settings.TUF_DIR / "root.json").read_text())

    def _plan(self, name: str, plan: dict[str, Any]) -> Path:
        place = self.town.home / f"{name}.json"
        place.write_text(json.dumps({"ca": str(settings.PKI_DIR / "chain.pem"), **plan}))
        return place


def peak_mib(popen: subprocess.Popen[str]) -> float:
    """The most memory that the process has had at once."""
    for line in Path(f"/proc/{popen.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not say")


def _end(popen: subprocess.Popen[str]) -> None:
    if popen.poll() is None:
        for one in psutil.Process(popen.pid).children(recursive=True):
            one.send_signal(signal.SIGTERM)
        popen.terminate()
        popen.wait(timeout=PATIENCE)
    for pipe in (popen.stdin, popen.stdout):
        if pipe is not None:
            pipe.close()
