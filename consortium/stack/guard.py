"""Ends what a killed supervisor leaves behind.

``python -m consortium.stack.guard MARK`` is a process of its own that reads lines ``+SESSION`` and
``-SESSION`` from its supervisor. When the pipe closes, because the supervisor is done or because it was
killed, every session still on the list is ended, and every process that carries the stack's mark in its
environment: TERM first, KILL for those left after ten seconds. It holds the supervisor's lock open all the
while, so that the next stack starts when the last process of this one is gone.
"""

from __future__ import annotations

import signal
import sys
import time

from consortium.stack.child import GRACE, marked, members, send, wait_until


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sessions: set[int] = set()
    for line in sys.stdin:
        (sessions.add if line[0] == "+" else sessions.discard)(int(line[1:]))
    end(sessions, sys.argv[1])


def end(sessions: set[int], mark: str) -> None:
    """End every process of these sessions, and those that left them."""

    def left() -> set[int]:
        return {pid for session in sessions for pid in members(session)} | set(marked(mark))

    for number, seconds in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 5.0)):
        for pid in left():
            send(pid, number)
        if wait_until(lambda: not left(), time.monotonic() + seconds, pause=0.05):
            return


if __name__ == "__main__":
    main()
