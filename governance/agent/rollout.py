"""Whether a node takes the newest epoch already, or waits for its wave. Pure.

The document is the target ``<network>/rollout.json``::

    {"network": slug, "epoch": 12, "from": 11, "canaries": [node uuid…], "share": 0..10000,
     "salt": hex, "halted": false}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

WHOLE = 10_000  # share of everybody


def admits(document: Mapping[str, Any], node_uuid: str) -> bool:
    """Does the rollout reach the node? Whoever was reached once stays so: shares only grow.

    Raises ValueError for a document that is none.
    """
    share, salt, canaries = document.get("share"), document.get("salt"), document.get("canaries")
    if not isinstance(share, int) or isinstance(share, bool) or not isinstance(canaries, list):
        raise ValueError("share or canaries")  # noqa: TRY004 - it is the document that is wrong
    if not isinstance(salt, str) or not 0 <= share <= WHOLE:
        raise ValueError("salt or share")
    return node_uuid in canaries or place(salt, node_uuid) < share


def place(salt: str, node_uuid: str) -> int:
    """Where in the queue of 10,000 places the node stands; another one with each salt."""
    return int(hashlib.sha256((salt + node_uuid).encode()).hexdigest()[:8], 16) % WHOLE
