"""``python -m governance.agent --config agent.toml``: run beside a node, or one round with ``--once``."""

from __future__ import annotations

import argparse
import logging
import random
import signal
import ssl
import sys
import threading
from pathlib import Path
from typing import Any

from governance.agent import config as configuration
from governance.agent import identity, listener, rounds
from governance.agent.config import Config
from governance.agent.errors import AgentError, ConfigError
from governance.agent.gateway import Gateway

logger = logging.getLogger("agent")

_FIRST_WAIT = 1.0  # seconds after a first failure; doubles up to the polling interval
_BREATH = 0.2  # seconds after a round that brought something
_CALM = 1.0  # seconds after one that did not: anybody can say that there is something new
_HIGHEST = 2**31  # an epoch is below; whoever names another knows of none


class Agent:
    """Rounds, as often as asked for, told to, or needed."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.adapter = rounds.adapter_of(config)
        self.in_force = 0
        self.failures = 0
        self._wake = threading.Event()
        self._stop = threading.Event()

    def stop(self, *args: Any) -> None:
        """End after the round under way."""
        self._stop.set()
        self._wake.set()

    def wake(self, epoch: int) -> None:
        """Somebody says that there is ``epoch``."""
        if self.in_force < epoch < _HIGHEST:
            self._wake.set()

    def once(self) -> bool:
        """One round; False when it failed, with a line that says why."""
        try:
            node = identity.current(self.config)
            gateway = Gateway(self.config, node)
            try:
                parts = rounds.Parts(self.config, self.adapter, node, gateway)
                self.in_force = rounds.run(parts).epoch
            finally:
                gateway.close()
        except AgentError as error:
            logger.warning("%s: %s", type(error).__name__, error)
        except (OSError, ssl.SSLError) as error:  # a file that is missing, full, or no key
            logger.error("%s: %s", type(error).__name__, error)  # noqa: TRY400 - one line is enough
        else:
            self.failures = 0
            return True
        self.failures += 1
        return False

    def run(self) -> None:
        """Until :meth:`stop`."""
        while not self._stop.is_set():
            self._wake.clear()
            before = self.in_force
            self.once()
            self._stop.wait(_BREATH if self.in_force > before else _CALM)
            self._wake.wait(self._pause())

    def _pause(self) -> float:
        """Seconds to the next round, with jitter, so that agents do not come all at once."""
        longest = self.config.poll_seconds
        if self.failures:
            longest = min(longest, _FIRST_WAIT * 2.0 ** min(self.failures - 1, 16))
        return longest * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0; 1 when ``--once`` failed, 2 when the configuration can't be used."""
    parser = argparse.ArgumentParser(prog="agent", description=__doc__)
    parser.add_argument(
        "--config", required=True, type=Path, help="TOML file, see governance/agent/config.py"
    )
    parser.add_argument("--once", action="store_true", help="one round, then end")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    level = logging.DEBUG if options.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for noisy in ("tuf", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        agent = Agent(configuration.read(options.config))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return _run(agent, once=options.once)


def _run(agent: Agent, *, once: bool) -> int:
    if once:
        return 0 if agent.once() else 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, agent.stop)
    address = agent.config.listen
    server = listener.start(agent.config, address, agent.wake) if address else None
    agent.run()
    if server is not None:
        server.shutdown()
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
