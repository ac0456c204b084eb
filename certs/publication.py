"""Moved: :mod:`certs.status.files`."""

from certs.status.files import authority_certificate, current_crl, write_authority
from certs.status.files import write_crls as write_crl

__all__ = ["authority_certificate", "current_crl", "write_authority", "write_crl"]
