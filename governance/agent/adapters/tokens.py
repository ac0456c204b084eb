"""The token that the node's RPC asks for. It is read or made anew for each call, and never logged.

``token_file``: a token as it stands, however it came there. ``jwt_key_file``: an RSA private key in PEM whose
public key the node knows, for tokens of RS256. ``jwt_secret_file``: a secret in hex that the node knows, too,
for tokens of HS256.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from governance.agent.adapters.tables import Table
from governance.agent.errors import ConfigError, ReloadFailed

_SECONDS = 60  # that a token is good for: one call
_PERMISSIONS = ("perm:*", "admin:*", "web3:*", "net:*")  # as Besu names them


def token_of(table: Table) -> Callable[[], str] | None:
    """What makes a token, by the one of the three entries that is there; None without any."""
    makers = {"token_file": kept, "jwt_secret_file": from_secret, "jwt_key_file": from_key}
    named = [name for name in makers if table.has(name)]
    if len(named) > 1:
        raise ConfigError(f"node.{named[1]}: beside node.{named[0]}; one of them")
    if not named:
        return None
    path, make = table.path(named[0]), makers[named[0]]
    return lambda: make(path)


def kept(path: Path) -> str:
    """The token in ``path``."""
    token = path.read_bytes().strip()
    if not token or not all(0x21 <= octet <= 0x7E for octet in token):
        raise ReloadFailed(f"{path}: no token")
    return token.decode("ascii")


def from_secret(path: Path) -> str:
    """HS256 by the secret in ``path``."""
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip().removeprefix("0x"))
    except ValueError:  # whose text would show the secret
        raise ReloadFailed(f"{path}: no secret in hex") from None
    if len(secret) < 32:
        raise ReloadFailed(f"{path}: a secret below 32 bytes")
    head = _head("HS256")
    return f"{head}.{_encoded(hmac.digest(secret, head.encode(), hashlib.sha256))}"


def from_key(path: Path) -> str:
    """RS256 by the private key in ``path``."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise ReloadFailed(f"{path}: no private key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ReloadFailed(f"{path}: not an RSA key")
    head = _head("RS256")
    return f"{head}.{_encoded(key.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _head(algorithm: str) -> str:
    now = int(time.time())
    claims = {"iat": now, "exp": now + _SECONDS, "permissions": list(_PERMISSIONS)}
    return ".".join(
        _encoded(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, claims)
    )


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
