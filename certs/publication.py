"""CA certificates and CRLs as plain files in ``settings.PKI_DIR``, for any web server to hand out.

The rows are the truth; the files are written after the commit, and again when one is missing.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import transaction

from certs import selectors
from certs.models import Authority
from consortium.core import files
from consortium.core.errors import NotFound


def current_crl(authority_name: str) -> bytes:
    """The authority's latest CRL, DER. Raises NotFound."""
    authority = _authority(authority_name)
    try:
        return _path(f"{authority.name}.crl").read_bytes()
    except FileNotFoundError:
        newest = selectors.newest_crl(authority)
        if newest is None:
            raise NotFound from None
        return bytes(newest.der)


def authority_certificate(name: str) -> bytes:
    """The authority's certificate, DER. Raises NotFound."""
    return bytes(_authority(name).der)


def write_authority(authority: Authority) -> None:
    """Publish ``<ca>.crt`` (DER) and, for an issuing CA, ``chain.pem`` (issuing and root)."""
    _write(f"{authority.name}.crt", bytes(authority.der))
    if authority.kind == Authority.Kind.ISSUING:
        _write("chain.pem", selectors.authority_chain_pem(authority).encode())


@transaction.atomic
def write_crl(authority: Authority) -> None:
    """Publish ``<ca>.crl`` (DER). Under the authority's lock, so that an older one never comes last."""
    Authority.objects.select_for_update(of=("self",)).get(pk=authority.pk)
    newest = selectors.newest_crl(authority)
    if newest is not None:
        _write(f"{authority.name}.crl", bytes(newest.der))


def _authority(name: str) -> Authority:
    try:
        return Authority.objects.get(name=name)
    except Authority.DoesNotExist:
        raise NotFound from None


def _path(name: str) -> Path:
    return Path(settings.PKI_DIR) / name


def _write(name: str, data: bytes) -> None:
    """Only where it differs: a refresh that changes nothing touches nothing."""
    path = _path(name)
    if not path.exists() or path.read_bytes() != data:
        files.replace(path, data)
