"""Why a ceremony stops. One line each, for those who sit around the table."""

from __future__ import annotations


class CeremonyError(Exception):
    """Base of all refusals of a ceremony."""


class Refused(CeremonyError):
    """What was asked for is not signed."""


class ProtocolBroken(CeremonyError):
    """The protocol is not as it was written."""
