"""The gateway's town, with its officers in the portal."""

from __future__ import annotations

from tests.certs.est.conftest import ceremony, town, transactional_db

__all__ = ["ceremony", "town", "transactional_db"]
