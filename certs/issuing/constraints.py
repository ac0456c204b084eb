"""An authority's name constraints (RFC 5280 section 4.2.1.10): relying parties refuse what is beyond them.

Of names that are written here, hosts and addresses can be constrained; a urn has no host. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cryptography import x509

_Constrained = x509.DNSName | x509.IPAddress


def within(names: Iterable[x509.GeneralName], issuer_der: bytes) -> bool:
    """May the authority whose certificate this is (DER) certify all of ``names``?"""
    constrained = [name for name in names if isinstance(name, _Constrained)]
    bounds = _bounds(issuer_der) if constrained else None
    return bounds is None or all(_allowed(name, bounds) for name in constrained)


@lru_cache(maxsize=64)
def _bounds(issuer_der: bytes) -> x509.NameConstraints | None:
    extensions = x509.load_der_x509_certificate(issuer_der).extensions
    return next((one.value for one in extensions if isinstance(one.value, x509.NameConstraints)), None)


def _allowed(name: _Constrained, bounds: x509.NameConstraints) -> bool:
    """Within one of the permitted subtrees of its kind, if there are any, and within none of the excluded."""
    permitted = [tree for tree in bounds.permitted_subtrees or () if isinstance(tree, type(name))]
    if any(_covers(tree, name) for tree in bounds.excluded_subtrees or ()):
        return False
    return not permitted or any(_covers(tree, name) for tree in permitted)


def _covers(tree: x509.GeneralName, name: _Constrained) -> bool:
    if isinstance(tree, x509.DNSName) and isinstance(name, x509.DNSName):
        domain, host = tree.value.lower(), name.value.lower()
        return not domain or host == domain or host.endswith(f".{domain}")
    if isinstance(tree, x509.IPAddress) and isinstance(name, x509.IPAddress):
        return name.value.version == tree.value.version and name.value in tree.value  # type: ignore[operator]
    return False
