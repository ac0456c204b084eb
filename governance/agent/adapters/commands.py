"""Running an operator's command: as it stands, without a shell, within its time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from governance.agent.errors import ReloadFailed

_LONGEST = 64 * 1024  # bytes of what it prints that anybody looks at


def run(
    words: tuple[str, ...], seconds: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Its output and exit code. Raises ReloadFailed when it can't be run or takes too long."""
    try:
        done = subprocess.run(
            words,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, **(environment or {})},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ReloadFailed(str(error)) from error
    done.stdout, done.stderr = done.stdout[:_LONGEST], done.stderr[:_LONGEST]
    return done


def last_line(output: bytes) -> str:
    """What a person reads of it."""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""
