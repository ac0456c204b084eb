"""``consortium-agent --config agent.toml``: runs beside a node, or does one round with ``--once``.

Exit codes: 0 all is well; 1 the round of ``--once`` failed, or ``--status`` has an alarm; 2 the configuration
can't be used.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from pathlib import Path

from governance.agent import VERSION, status
from governance.agent import config as configuration
from governance.agent.agent import Agent
from governance.agent.errors import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module for the exit codes."""
    options = _options(arguments)
    level = logging.DEBUG if options.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for noisy in ("tuf", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        config = configuration.read(options.config)
        agent = Agent(config, retry=options.retry)
        if options.status:
            found = status.collect(config)
            print(json.dumps(found, indent=2))
            return 1 if found["alarms"] else 0
        return _run(agent, once=options.once)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="consortium-agent",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, type=Path, help="TOML file, see docs/node-operator.md")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="one round, then end")
    what.add_argument("--status", action="store_true", help="print as JSON what is in force, then end")
    parser.add_argument("--retry", action="store_true", help="try a list that the node refused again now")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--version", action="version", version=VERSION)
    return parser.parse_args(arguments)


def _run(agent: Agent, *, once: bool) -> int:
    if once:
        return 0 if agent.once() else 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, agent.stop)
    agent.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
