"""Where an authority's certificate, its lists and its status answers are: part of every certificate it signs.

Plain HTTP, also where PUBLIC_URL is https: see :func:`certs.ceremony.composing.files_url`.
"""

from __future__ import annotations

from django.conf import settings

from certs.ceremony.composing import files_url
from certs.models import Authority


def issuer_url(authority: Authority) -> str:
    """Where the CA's files are, without the ending."""
    return f"{_base()}/{authority.name}"


def authority_url(authority: Authority) -> str:
    """The CA's own certificate, DER: AIA caIssuers of what it signs."""
    return f"{issuer_url(authority)}.crt"


def full_crl_url(authority: Authority) -> str:
    """The list with everything that the CA revoked."""
    return f"{issuer_url(authority)}.crl"


def crl_url(authority: Authority, shard: int) -> str:
    """The CRL distribution point of a certificate in ``shard``: a root has the full list alone."""
    if authority.kind == Authority.Kind.ROOT:
        return full_crl_url(authority)
    return f"{issuer_url(authority)}/{shard}.crl"


def crl_names(authority: Authority, shard: int) -> list[str]:
    """What a part calls itself: :func:`crl_url`, and its address in certificates of before it was plain HTTP.

    A relying party takes a part only where one of its names is in the certificate (RFC 5280 section 6.3.3).
    """
    before = f"{settings.PUBLIC_URL.rstrip('/')}/pki/{authority.name}/{shard}.crl"
    return list(dict.fromkeys([crl_url(authority, shard), before]))


def ocsp_url() -> str:
    """AIA OCSP of every certificate that an issuing CA signs; a root's answers come by list alone."""
    return f"{_base()}/ocsp"


def _base() -> str:
    return files_url(settings.PUBLIC_URL)
