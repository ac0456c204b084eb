"""A process that follows the ledger, or rebuilds all that is computed from it: ``follow`` or ``rebuild``.

It says how many events that were, how long it took, and how large it was.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    django.setup()
    from governance.chain import indexer, ledger

    followed = ledger.current()
    began = time.perf_counter()
    events = {"follow": indexer.follow, "rebuild": indexer.rebuild}[sys.argv[1]](followed)
    seconds = time.perf_counter() - began
    print(json.dumps({"events": events, "seconds": seconds, "mib": _peak_mib()}))


def _peak_mib() -> float:
    """The most memory that was in use at once; getrusage would begin with the parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
