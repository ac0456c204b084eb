"""Extensions that were read back before: what is the same in every certificate need not be read in each.

Of a certificate's extensions only the names and the key's identifier are its own. All others are compared
octet by octet with ones that :mod:`inspection` read back by another hand and found right, in the same order
and under the same authority; those two with octets that are written here, again by another hand than the one
that wrote the certificate. Whatever looks different in any way is read as if it were the first.
"""

from __future__ import annotations

from cryptography import x509

from certs.issuing import reading
from certs.issuing.plans import Extension, Plan

_Sketch = tuple[bytes, ...]
_MOST = 4096  # one for each profile, kind of key, authority and part of its list
_SHORT = 100  # octets of a name, so that all lengths around it take one octet
_KEY_IDENTIFIER = bytes.fromhex("301d0603551d0e04160414")
_NAMES = bytes.fromhex("0603551d11")
_OWN_KEY, _OWN_NAME = b"the key's identifier", b"one URI"  # no extension's octets

_known: dict[_Sketch, tuple[Extension, ...]] = {}


def knows(extensions: bytes, plan: Plan) -> bool:
    """Are these, the TBSCertificate's field, the plan's to the octet, and of a kind that was read before?"""
    sketch = _sketch(plan)
    before = _known.get(sketch)
    if before is None:
        return False
    for now, then, part in zip(plan.extensions, before, sketch[2:], strict=True):
        if now is not then and part not in (_OWN_KEY, _OWN_NAME):
            return False
    content = reading.content(reading.content(extensions))
    return content == b"".join([extension.der for extension in plan.extensions])


def remember(plan: Plan) -> None:
    """A certificate with the plan's extensions was read, and everything in it was right."""
    if len(_known) >= _MOST:
        _known.clear()
    _known[_sketch(plan)] = plan.extensions


def _sketch(plan: Plan) -> _Sketch:
    """The authority, its key, and each extension: its octets, or of what kind it is where it differs."""
    above = plan.issuer.key_identifier.key_identifier or b""
    return (plan.issuer.der, above, *map(_part, plan.extensions))


def _part(extension: Extension) -> bytes:
    value, own, kind = extension.value, b"", b""
    if type(value) is x509.SubjectKeyIdentifier:  # isinstance asks abstract classes, at ten times the price
        own, kind = _KEY_IDENTIFIER + value.digest, _OWN_KEY
    elif type(value) is x509.SubjectAlternativeName:
        own, kind = _one_uri(list(value)), _OWN_NAME
    return kind if own and extension.der == own and not extension.critical else extension.der


def _one_uri(names: list[x509.GeneralName]) -> bytes:
    """The extension with that name, not critical; b"" for anything longer, of which no extension consists."""
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        return b""
    uri = names[0].value.encode("ascii")
    size = len(uri)
    if size > _SHORT:
        return b""
    inner = bytes((0x04, size + 4, 0x30, size + 2, 0x86, size)) + uri
    return bytes((0x30, len(_NAMES) + len(inner))) + _NAMES + inner
