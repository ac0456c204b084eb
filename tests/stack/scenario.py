"""A stack with steps and processes from a JSON file: ``python -m tests.stack.scenario FILE``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from consortium.stack.plan import Context, Process, Step
from consortium.stack.supervisor import Supervisor


def main() -> int:
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    steps = [Step(name, tuple(argv)) for name, argv in wanted["steps"].items()]
    processes = [
        Process(name, tuple(argv), restart=name != "vital") for name, argv in wanted["processes"].items()
    ]
    return Supervisor(Context.from_environment(), steps, processes).run()


if __name__ == "__main__":
    sys.exit(main())
