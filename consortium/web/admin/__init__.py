"""The secretariat's pages, one module a subject. Importing them registers them."""

from consortium.web.admin import certs, chain, members, permissions, proposals, record

__all__ = ["certs", "chain", "members", "permissions", "proposals", "record"]
