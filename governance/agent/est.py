"""EST (RFC 7030) as the agent speaks it: a key, a request for the same names, the certificate for them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from governance.agent import identity
from governance.agent.errors import RenewalFailed, Unreachable
from governance.agent.gateway import Gateway, refusal, retry_after

_PREFIX = "/.well-known/est"
_DEFAULT_WAIT = 60.0  # seconds, where a 202 names none
_LONGEST_PATH = 6  # certificates

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Later(RenewalFailed):
    """Not yet, or not now: the same request again after ``seconds``."""

    def __init__(self, seconds: float, text: str = "not issued yet") -> None:
        super().__init__(text)
        self.seconds = seconds


def new_key(certificate: x509.Certificate) -> Key:
    """A fresh key of the kind that the certificate has. Raises RenewalFailed for other kinds."""
    public = certificate.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        return ec.generate_private_key(public.curve)
    if isinstance(public, rsa.RSAPublicKey):
        return rsa.generate_private_key(public_exponent=65537, key_size=public.key_size)
    raise RenewalFailed("a key of this kind is renewed in the portal")


def pem(key: Key) -> bytes:
    """PKCS #8, not encrypted: the file's permissions guard it, as those of the first one."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(data: bytes) -> Key:
    """Raises RenewalFailed."""
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise RenewalFailed(f"the key can't be read: {type(error).__name__}") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise RenewalFailed("a key of this kind is renewed in the portal")
    return key


def request(certificate: x509.Certificate, key: Key) -> bytes:
    """DER of a PKCS #10 request for the names that the certificate has, signed by ``key``."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(certificate.subject)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        builder = builder.add_extension(names.value, names.critical)
    except x509.ExtensionNotFound:
        pass
    return builder.sign(key, _hash(key)).public_bytes(serialization.Encoding.DER)


def reenroll(gateway: Gateway, csr: bytes) -> x509.Certificate:
    """The certificate for the request. Raises Later, RenewalFailed with the gateway's code, Unreachable."""
    answer = gateway.post(f"{_PREFIX}/simplereenroll", base64.b64encode(csr), "application/pkcs10")
    if answer.status == 202:
        raise Later(retry_after(answer.headers) or _DEFAULT_WAIT)
    if answer.status in (429, 503):
        raise Later(retry_after(answer.headers) or _DEFAULT_WAIT, f"HTTP {answer.status}")
    if answer.status >= 500:
        raise Unreachable(f"{gateway.address}: HTTP {answer.status}")
    if answer.status != 200:
        code, detail = refusal(answer)
        if code == "renewal_not_open" and (early := retry_after(answer.headers)):
            raise Later(early, f"the console takes no renewal of it yet ({detail})")
        raise RenewalFailed(f"{code}: {detail}", code=code)
    found = _certificates(answer.data)
    if len(found) != 1:
        raise RenewalFailed(f"{len(found)} certificates in the answer")
    return found[0]


def authorities(gateway: Gateway) -> list[x509.Certificate]:
    """Every CA that the gateway names; none is trusted for that. Raises RenewalFailed, urllib3's errors."""
    answer = gateway.get(f"{gateway.address}{_PREFIX}/cacerts")
    return _certificates(answer.read(1024 * 1024)) if answer.status == 200 else []


def check(
    new: x509.Certificate,
    old: x509.Certificate,
    key: Key,
    trusted: Sequence[x509.Certificate],
    others: Sequence[x509.Certificate],
) -> list[x509.Certificate]:
    """The issuers to present with ``new``, once it is the next one of the same node. Raises RenewalFailed."""
    if new.public_key() != key.public_key():
        raise RenewalFailed("the certificate is of another key")
    if identity.uris(new) != identity.uris(old) or (not identity.uris(old) and new.subject != old.subject):
        raise RenewalFailed("the certificate names another node")
    now = datetime.now(UTC)
    if new.not_valid_after_utc <= max(now, old.not_valid_after_utc):
        raise RenewalFailed("the certificate ends no later than the one before")
    return _path(new, trusted, others, now)


def _path(
    leaf: x509.Certificate,
    trusted: Sequence[x509.Certificate],
    others: Sequence[x509.Certificate],
    now: datetime,
) -> list[x509.Certificate]:
    """From the leaf's issuer up to a trusted one; a self-signed end is left out."""
    path: list[x509.Certificate] = []
    at = leaf
    while len(path) < _LONGEST_PATH:
        issuer = next((each for each in [*trusted, *others] if _issued(each, at, now)), None)
        if issuer is None:
            break
        if issuer in trusted:
            return path if issuer.subject == issuer.issuer else [*path, issuer]
        path.append(issuer)
        at = issuer
    raise RenewalFailed("no authority that is trusted here has issued the certificate")


def _issued(issuer: x509.Certificate, certificate: x509.Certificate, now: datetime) -> bool:
    if not issuer.not_valid_before_utc <= now < issuer.not_valid_after_utc:
        return False
    try:
        basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature):
        return False
    return basic.ca


def _certificates(body: bytes) -> list[x509.Certificate]:
    try:
        return pkcs7.load_der_pkcs7_certificates(base64.b64decode(b"".join(body.split()), validate=True))
    except (binascii.Error, ValueError) as error:
        raise RenewalFailed("the answer is no PKCS #7") from error


def _hash(key: Key) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    size = key.curve.key_size if isinstance(key, ec.EllipticCurvePrivateKey) else 0
    return hashes.SHA512() if size > 384 else hashes.SHA384() if size > 256 else hashes.SHA256()
