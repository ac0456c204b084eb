"""One stack to a directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from consortium.stack.child import StackError, alive


class Lock:
    """Held by a supervisor, and by its guard until the last process of the stack is gone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.fd = os.open(directory / "run" / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, *, say: Callable[[str], None]) -> None:
        """Take it, waiting for the remains of a killed supervisor's stack.

        Raises StackError when a supervisor that lives has it.
        """
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = int(os.pread(self.fd, 20, 0) or b"0")
            if alive(holder):
                os.close(self.fd)
                raise StackError(
                    f"a stack runs in {self._directory} already (process {holder}): stop it, or set DATA_DIR"
                ) from None
            say("the last stack was killed; waiting for its processes to end")
            fcntl.flock(self.fd, fcntl.LOCK_EX)
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self.fd)
