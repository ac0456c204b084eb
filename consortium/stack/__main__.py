"""``python -m consortium.stack run``: the whole console on one machine; ``smoke`` proves it."""

from __future__ import annotations

import argparse
import sys

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
    arguments = parser.parse_args()
    return {"run": run, "smoke": smoke.run}[arguments.command]()


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
