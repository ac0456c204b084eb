"""CA certificates and lists as plain files in ``settings.PKI_DIR``, for any web server to hand out.

The rows are the truth; the files are written after the commit, and again when one is missing or not right.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import BinaryField, F, Func, QuerySet

from certs import selectors
from certs.models import Authority, RevocationList
from consortium.core import files
from consortium.core.errors import NotFound


def crl_path(authority_name: str, shard: int | None = None) -> Path:
    """``<ca>.crl``, or ``<ca>/<shard>.crl`` for a part."""
    name = f"{authority_name}.crl" if shard is None else f"{authority_name}/{shard}.crl"
    return Path(settings.PKI_DIR) / name


def current_crl(authority_name: str, shard: int | None = None) -> bytes:
    """The authority's latest list, DER. Raises NotFound."""
    authority = _authority(authority_name)
    try:
        return crl_path(authority.name, shard).read_bytes()
    except FileNotFoundError:
        newest = newest_lists(authority).filter(shard=shard).first()
        if newest is None:
            raise NotFound from None
        return bytes(newest.der)


def newest_lists(authority: Authority) -> QuerySet[RevocationList]:
    """The latest list of each part, and the latest full one (``shard`` null)."""
    newest = authority.crls.order_by("shard", "-number").distinct("shard")
    return RevocationList.objects.filter(pk__in=newest.values("pk"))


def authority_certificate(name: str) -> bytes:
    """The authority's certificate, DER. Raises NotFound."""
    return bytes(_authority(name).der)


def write_authority(authority: Authority) -> None:
    """Publish ``<ca>.crt`` (DER) and, for an issuing CA, ``<ca>-chain.pem``: itself and those above it.

    For a root its cross-certificates, ``<root>-by-<other>.crt``. ``chain.pem``, for the gateway and agents,
    has the CAs that nodes' certificates come from, the one that issues now first, and the roots.
    """
    _write(f"{authority.name}.crt", bytes(authority.der))
    if authority.kind == Authority.Kind.ISSUING:
        chain = selectors.authority_chain_pem(authority).encode()
        _write(f"{authority.name}-chain.pem", chain)
        if authority.purpose == Authority.Purpose.NODES:
            _write("chain.pem", selectors.trust_pem().encode())
    for cross in authority.cross_certificates.select_related("issuer"):
        _write(f"{authority.name}-by-{cross.issuer.name}.crt", bytes(cross.der))


@transaction.atomic
def write_crls(authority: Authority) -> None:
    """Publish the full list and its parts. Under the authority's lock, so that no older one comes last."""
    Authority.objects.select_for_update(of=("self",)).get(pk=authority.pk)
    digest = Func(F("der"), function="sha256", output_field=BinaryField())  # a list can have megabytes
    for pk, shard, wanted in newest_lists(authority).values_list("pk", "shard", digest):
        path = crl_path(authority.name, shard)
        if not path.exists() or sha256(path.read_bytes()).digest() != bytes(wanted):
            files.replace(path, bytes(RevocationList.objects.get(pk=pk).der))


def _authority(name: str) -> Authority:
    try:
        return Authority.objects.get(name=name)
    except Authority.DoesNotExist:
        raise NotFound from None


def _write(name: str, data: bytes) -> None:
    """Only where it differs: a refresh that changes nothing touches nothing."""
    path = Path(settings.PKI_DIR) / name
    if not path.exists() or path.read_bytes() != data:
        files.replace(path, data)
