"""Why a round of the agent failed. Each ends in one line of the log."""

from __future__ import annotations


class AgentError(Exception):
    """Base: the round ends, the list in force stays, the next round tries again."""


class ConfigError(AgentError):
    """The configuration can't be used; nothing is tried."""


class NotPublished(AgentError):
    """The verified metadata hold no list of this network yet."""


class NotTrusted(AgentError):
    """What was fetched is not what the trusted keys signed, or is too old, or older than what we have."""


class Unreachable(AgentError):
    """The gateway did not answer, or refused this certificate.

    ``retry_after``: the seconds that it asked for, or 0.
    """

    def __init__(self, text: str, *, retry_after: float = 0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Refused(AgentError):
    """The node, or a parser of its rules, says no to a list: the last good one is put in force again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ReloadFailed(AgentError):
    """The node's reload failed: the file is in place, the node may not have read it."""


class RestartNeeded(ReloadFailed):
    """The list is in its file, and this version of the node reads it only when it is started again."""


class ReportRefused(AgentError):
    """The gateway does not take the report; ``code`` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


class RenewalFailed(AgentError):
    """There is no next certificate yet; the one in use stays. ``code``: the gateway's, or empty."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.code = code
