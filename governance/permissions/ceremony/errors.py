"""What a ceremony refuses."""

from __future__ import annotations


class Refused(Exception):
    """Nothing was signed, or nothing counts; the message says why."""
