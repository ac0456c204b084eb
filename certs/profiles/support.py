"""What a profile may ask of the machine, and who knows whether it is there."""

from __future__ import annotations

import importlib

# A function that says what is missing, and "" when nothing is. Looked up when first asked: profiles are read
# by processes that never come near the library.
PROBES = {"sm2": ("certs.sm2.library", "available")}


def lacking(requirement: str) -> str:
    """Why ``requirement`` is not met here; empty when it is, or when there is none."""
    if not requirement:
        return ""
    module, probe = PROBES[requirement]
    return str(getattr(importlib.import_module(module), probe)())
