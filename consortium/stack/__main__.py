"""``python -m consortium.stack run``: the whole console on one machine; ``smoke`` proves it.

``manage`` runs a command of manage.py against the stack that runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from consortium.stack import endpoints, plan
from consortium.stack.child import StackError
from consortium.stack.plan import Context
from consortium.stack.processes import processes
from consortium.stack.smoke import run as smoke
from consortium.stack.steps import steps
from consortium.stack.supervisor import Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m consortium.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything and keep it running until Ctrl-C")
    commands.add_parser("smoke", help="run the main job on a fresh stack, with evidence for each step")
    commands.add_parser("manage", help="manage.py against the running stack", add_help=False)
    arguments, rest = parser.parse_known_args()
    if arguments.command == "manage":
        return manage(rest)
    if rest:
        parser.error(f"unknown: {' '.join(rest)}")
    return {"run": run, "smoke": smoke.run}[arguments.command]()


def manage(arguments: list[str]) -> int:
    """A command of manage.py with the running stack's settings, without any passphrase."""
    try:
        context = Context.from_environment()
        endpoints.resolve({**os.environ, "DATA_DIR": str(context.data_dir)})
    except (StackError, endpoints.StackNotRunning) as error:
        print(error, file=sys.stderr)
        return 2
    step = plan.manage("manage", *arguments)
    return subprocess.run(step.argv, env=plan.child_environment(context, {}), check=False).returncode


def run() -> int:
    """Run the stack; the exit code says how it ended."""
    try:
        context = Context.from_environment()
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    return Supervisor(context, steps(context), processes(context)).run()


if __name__ == "__main__":
    sys.exit(main())
