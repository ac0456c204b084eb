"""The agent as it runs: rounds as often as asked for, told to, or needed; renewals; the listener."""

from __future__ import annotations

import logging
import random
import ssl
import threading
from typing import Any

import urllib3

from governance.agent import identity, listener, locking, renewal, rounds, status, waiting
from governance.agent.config import Config
from governance.agent.errors import AgentError, NotTrusted, Unreachable
from governance.agent.gateway import Gateway
from governance.agent.identity import Identity
from governance.agent.repository import HIGHEST_EPOCH
from governance.agent.state import State

logger = logging.getLogger("agent")

_BREATH = 0.2  # seconds after a round that brought something
_CALM = 1.0  # seconds after one that did not: anybody can say that there is something new


class Agent:
    """One node's. ``retry``: a list that the node refused is tried again in the first round."""

    def __init__(self, config: Config, *, retry: bool = False) -> None:
        self.config = config
        self.adapter = rounds.adapter_of(config)
        self.in_force = 0
        self.failures = 0
        self.asked_for = 0.0
        self._retry = retry
        self._listener: listener.Listener | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()

    def stop(self, *args: Any) -> None:
        """End after the round under way."""
        self._stop.set()
        self._wake.set()

    def wake(self, epoch: int) -> None:
        """Somebody says that there is ``epoch``."""
        if self.in_force < epoch < HIGHEST_EPOCH:
            self._wake.set()

    def once(self) -> bool:
        """One round, and a step of a renewal; False when the round failed, with a line that says why."""
        try:
            with locking.alone(self.config.state_dir):
                error, renewal_error = self._round(), self._renew()
                status.note(self.config.state_dir, error=error, renewal_error=renewal_error)
        except OSError as unkept:  # a full disk: the round itself has done what it could
            logger.error("%s: %s", type(unkept).__name__, unkept)  # noqa: TRY400 - one line is enough
            error = str(unkept)
        except Exception as unforeseen:  # the last resort: whoever makes one round fail must not end them all
            logger.exception("the round failed in a way that nobody foresaw")
            error = f"{type(unforeseen).__name__}: {unforeseen}"
            self._note_unforeseen(error)
        self.failures = self.failures + 1 if error else 0
        return not error

    def _note_unforeseen(self, error: str) -> None:
        try:
            status.note(self.config.state_dir, error=error, renewal_error="")
        except OSError as unkept:
            logger.error("%s: %s", type(unkept).__name__, unkept)  # noqa: TRY400 - one line is enough

    def run(self) -> None:
        """Until :meth:`stop`."""
        if self.config.listen:
            self._listener = listener.start(
                self.config, self.config.listen, identity.current(self.config), self.wake
            )
        while not self._stop.is_set():
            self._wake.clear()
            before = self.in_force
            self.once()
            dice = random.random()  # noqa: S311 - no secret
            pause = waiting.pause(self.config.poll_seconds, self.failures, self.asked_for, dice)
            # A push cuts the pause short, but not what the server asked for.
            least = max(self.asked_for, _BREATH if self.in_force > before else _CALM)
            self._stop.wait(least)
            self._wake.wait(max(pause - least, 0))
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()

    def _round(self) -> str:
        """What went wrong, in a line; empty for nothing."""
        self.asked_for = 0.0
        try:
            self.in_force = self._by_any_certificate().epoch
            self._retry = False
            renewal.worked(self.config)
        except NotTrusted as error:  # an alarm: what is in force stays, and somebody must look
            logger.error("%s: %s", type(error).__name__, error)  # noqa: TRY400
            return f"NotTrusted: {error}"
        except AgentError as error:
            logger.warning("%s: %s", type(error).__name__, error)
            asked_for = error.retry_after if isinstance(error, Unreachable) else 0.0
            self.asked_for = min(asked_for, waiting.LONGEST)
            return f"{type(error).__name__}: {error}"
        except (OSError, ssl.SSLError) as error:  # a file that is missing, full, or no key
            logger.error("%s: %s", type(error).__name__, error)  # noqa: TRY400
            return f"{type(error).__name__}: {error}"
        return ""

    def _by_any_certificate(self) -> State:
        """A renewed certificate that does not work yet must not cut the node off: the one before is kept."""
        present = identity.current(self.config)
        former = identity.former(self.config)
        try:
            return self._with(present)
        except (Unreachable, ssl.SSLError) as error:
            if former is None or former.certificate == present.certificate:
                raise
            logger.warning("with the renewed certificate: %s; the former one is used", error)
            return self._with(former)

    def _with(self, node: Identity) -> State:
        gateway = Gateway(self.config, node)
        try:
            parts = rounds.Parts(self.config, self.adapter, node, gateway)
            return rounds.run(parts, retry=self._retry)
        finally:
            gateway.close()

    def _renew(self) -> str:
        """What went wrong with the renewal, in a line; the round does not depend on it."""
        try:
            renewal.step(self.config)
            self._present()
        except renewal.Later as error:
            logger.info("the next certificate: %s", error)
            return ""
        except (AgentError, OSError, urllib3.exceptions.HTTPError) as error:
            logger.warning("the certificate is not renewed: %s: %s", type(error).__name__, error)
            return f"{type(error).__name__}: {error}"
        before = status.last(self.config.state_dir)
        return self._still(before.renewal_error if before else "")

    def _still(self, error: str) -> str:
        """A failure stands until the next try, which may be days away."""
        return error if error and renewal.is_failing(self.config) else ""

    def _present(self) -> None:
        """The listener shows the certificate that is in use now."""
        node = identity.current(self.config)
        if self._listener is not None and self._listener.node.certificate != node.certificate:
            self._listener.use(node)
            logger.info("the listener has the new certificate")
