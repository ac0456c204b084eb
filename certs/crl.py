"""Moved: :mod:`certs.status.crl`."""

from certs.status.crl import publish

__all__ = ["publish"]
