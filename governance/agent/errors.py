"""Why a round of the agent failed. Each ends in one line of the log."""


class AgentError(Exception):
    """Base: the round ends, the list in force stays, the next round tries again."""


class ConfigError(AgentError):
    """The configuration can't be used; nothing is tried."""


class NotPublished(AgentError):
    """The verified metadata hold no list of this network yet."""


class NotTrusted(AgentError):
    """What was fetched is not what the trusted keys signed, or is too old, or older than what we have."""


class Unreachable(AgentError):
    """The gateway did not answer, or refused this certificate."""


class ReloadFailed(AgentError):
    """The node's reload command failed: the file is in place, the node may not have read it."""


class ReportRefused(AgentError):
    """The gateway does not take the report; ``code`` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
