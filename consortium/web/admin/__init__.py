"""The secretariat's pages, one module a subject. Importing them registers them."""

from consortium.web.admin import (
    authorities,
    cert_life,
    certs,
    chain,
    convergence,
    ledgers,
    list_log,
    members,
    offices,
    permissions,
    proposals,
    record,
    removal,
    rollouts,
)

__all__ = [
    "authorities", "cert_life", "certs", "chain", "convergence", "ledgers", "list_log", "members", "offices",
    "permissions", "proposals", "record", "removal", "rollouts",
]  # fmt: skip
