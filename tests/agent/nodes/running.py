"""Starting a node's program, and looking inside it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


class Running:
    """A node as a process; ``control`` is the test's own way in."""

    def __init__(self, program: str, *arguments: str) -> None:
        self._words = [sys.executable, "-m", f"tests.agent.nodes.{program}", *arguments]
        self._port = 0
        self.start()

    def start(self) -> None:
        words = [*self._words, "--port", str(self._port)]
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, said = self.process.communicate()
            raise DoesNotStart(said.strip())
        self._port = int(line)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    @property
    def pid(self) -> int:
        return self.process.pid

    def control(self, method: str, *params: Any) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url + "control", body)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)["result"]

    def calls(self, *methods: str) -> list[Any]:
        """The parameters of each call of ``methods`` so far."""
        return [params for method, params in self.control("calls") if not methods or method in methods]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def restart(self) -> None:
        self.stop()
        self.start()


class DoesNotStart(Exception):
    """What the program said before it ended."""
