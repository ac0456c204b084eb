"""The node's next certificate, asked for before the present one ends, and the change over to it.

The new key is made here and never leaves the machine. Key and request are kept (0600) until the certificate
is there, so that the same request is repeated whenever the agent was stopped meanwhile; asking again for a
key brings the same certificate. The old pair is kept until the new one has worked once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import urllib3
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from governance.agent import est, files, identity
from governance.agent.config import Config
from governance.agent.errors import AgentError, ReloadFailed, RenewalFailed, Unreachable
from governance.agent.est import Later
from governance.agent.gateway import Gateway
from governance.agent.identity import CERTIFICATE, KEY, Identity

__all__ = ["Asking", "Later", "due", "is_failing", "prepared", "step", "worked"]

logger = logging.getLogger("agent")

_PENDING, _ASKING, _RELOAD = "pending", "asking.json", "reload-owed"
_LATEST = 0.95  # share of a certificate's life after which nothing is put off any more
_JITTER = 0.02  # of its life, so that certificates of one day are not renewed in one minute
_FIRST_WAIT, _LONGEST_WAIT, _DAY = 60.0, 3600.0, 86400.0  # seconds
_ANOTHER_KEY = frozenset({"request_rejected", "key_seen_before", "key_compromised", "weak_key"})


@dataclass(frozen=True)
class Asking:
    """How the asking stands: for the follower of which certificate (SHA-256), when next, failed how often."""

    of: str
    after: float = 0
    failures: int = 0


def due(certificate: x509.Certificate, share: float) -> float:
    """Seconds since 1970 from when on the next one is asked for; the same at every start of the agent."""
    begin, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    part = int(_fingerprint(certificate)[:8], 16) / 2**32
    return begin + (end - begin) * min(share + _JITTER * part, max(share, _LATEST))


def step(config: Config) -> bool:
    """Do what is due; True when the agent has changed over. Raises AgentError and OSError.

    A failure is noted, and not tried again before its time.
    """
    if not config.renew.at:
        return False
    _reload(config)
    old = identity.current(config)
    now = time.time()
    asking = _asking(config, old)
    if now < due(old.certificate, config.renew.at) or now < asking.after:
        return False
    try:
        _ask(config, old)
    except (AgentError, urllib3.exceptions.HTTPError) as error:
        _note_failure(config, old, asking, error)
        raise
    _reload(config)
    return True


def is_failing(config: Config) -> bool:
    """Has the last try to get the follower of the present certificate failed?"""
    return _asking(config, identity.current(config)).failures > 0


def worked(config: Config) -> None:
    """The present certificate was good for a round: what came before it is not needed any more."""
    home = identity.home(config)
    if not (home / "former").is_symlink():
        return
    (home / "former").unlink()
    needed = {_PENDING} if _begun(config) == _fingerprint(identity.current(config).certificate) else set()
    if (home / "current").is_symlink():  # or it was killed before the first change over
        needed.add(os.readlink(home / "current"))
    for folder in home.iterdir():
        if folder.is_dir() and not folder.is_symlink() and folder.name not in needed:
            shutil.rmtree(folder)


def _ask(config: Config, old: Identity) -> None:
    key, csr = prepared(config, old)
    gateway = Gateway(config, old)
    try:
        new = est.reenroll(gateway, csr)
        trusted = x509.load_pem_x509_certificates(config.ca_file.read_bytes())
        others = x509.load_pem_x509_certificates(old.certificate_file.read_bytes())[1:]
        others += est.authorities(gateway)
        issuers = est.check(new, old.certificate, key, trusted, others)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RenewalFailed(f"a certificate can't be read: {error}") from error
    finally:
        gateway.close()
    _change_over(config, new, issuers, key)
    logger.info("the next certificate is in use, until %s", new.not_valid_after_utc.isoformat())


def prepared(config: Config, old: Identity) -> tuple[est.Key, bytes]:
    """Key and request that were begun for this certificate's follower, or new ones."""
    folder = identity.home(config) / _PENDING
    begun = _fingerprint(old.certificate)
    if _begun(config) == begun:
        with contextlib.suppress(FileNotFoundError, RenewalFailed):  # damaged by a disk: begin anew
            return est.load_key((folder / KEY).read_bytes()), (folder / "node.csr").read_bytes()
    shutil.rmtree(folder, ignore_errors=True)
    key = est.load_key(old.key_file.read_bytes()) if _keeps_key(config, old) else est.new_key(old.certificate)
    csr = est.request(old.certificate, key)
    _folder(folder, {KEY: est.pem(key), "node.csr": csr, "of": begun.encode()})
    return key, csr


def _begun(config: Config) -> str:
    """The certificate, by its SHA-256, for whose follower there is a key already; empty for none."""
    try:
        return (identity.home(config) / _PENDING / "of").read_text(encoding="ascii")
    except (FileNotFoundError, ValueError):
        return ""


def _keeps_key(config: Config, old: Identity) -> bool:
    """FISCO BCOS 2 knows a node by its TLS key, and no other profile has keys of secp256k1."""
    if config.renew.keep_key is not None:
        return config.renew.keep_key
    public = old.certificate.public_key()
    return isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256K1)


def _change_over(
    config: Config, new: x509.Certificate, issuers: Sequence[x509.Certificate], key: est.Key
) -> None:
    """Key and certificate in a folder of their own, then one rename of a link."""
    home = identity.home(config)
    name = f"{new.serial_number:x}"
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in [new, *issuers])
    if not (home / name / KEY).exists():
        _folder(home / name, {KEY: est.pem(key), CERTIFICATE: chain})
    present = home / "current"
    before = os.readlink(present) if present.is_symlink() else "configured"
    if before != name:
        _link(home / "former", before)
    if config.renew.reload:
        files.write(home / _RELOAD, b"", mode=0o600)
    _link(present, name)
    shutil.rmtree(home / _PENDING, ignore_errors=True)
    (home / _ASKING).unlink(missing_ok=True)


def _reload(config: Config) -> None:
    """The operator's command, until it has succeeded once for this change. Raises ReloadFailed."""
    owed = identity.home(config) / _RELOAD
    if not (config.renew.reload and owed.exists()):
        return
    try:
        subprocess.run(
            config.renew.reload,
            check=True,
            timeout=config.reload_seconds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ReloadFailed(f"renew: {error}") from error
    owed.unlink()


def _asking(config: Config, old: Identity) -> Asking:
    begun = Asking(_fingerprint(old.certificate))
    try:
        known = Asking(**json.loads((identity.home(config) / _ASKING).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return begun
    return known if known.of == begun.of else begun


def _note_failure(config: Config, old: Identity, asking: Asking, error: Exception) -> None:
    """When to ask again, noted so that a restart does not forget it."""
    code = error.code if isinstance(error, RenewalFailed) else ""
    wait = _wait(error, asking.failures, old.certificate.not_valid_after_utc.timestamp() - time.time())
    if code in _ANOTHER_KEY:
        shutil.rmtree(identity.home(config) / _PENDING, ignore_errors=True)
    failures = 0 if isinstance(error, Later) else asking.failures + 1
    noted = Asking(asking.of, time.time() + wait, failures)
    files.write(identity.home(config) / _ASKING, json.dumps(asdict(noted)).encode(), mode=0o600)


def _wait(error: Exception, failures: int, left: float) -> float:
    """Seconds. ``left``: to the certificate's end."""
    if isinstance(error, Later):  # no sooner, and those whose certificates are of one day not all at once
        return error.seconds * random.uniform(1, 1.05)  # noqa: S311 - no secret
    jitter = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    if isinstance(error, RenewalFailed):  # a person must do something
        return max(min(left / 10, _DAY), _FIRST_WAIT) * jitter
    asked = error.retry_after if isinstance(error, Unreachable) else 0
    return max(asked, min(_FIRST_WAIT * 2.0 ** min(failures, 16), _LONGEST_WAIT) * jitter)


def _folder(place: Path, contents: dict[str, bytes]) -> None:
    """A folder that appears whole, for its owner alone."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    try:
        for name, content in contents.items():
            files.write(made / name, content, mode=0o600)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(made, place)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _link(place: Path, to: str) -> None:
    """Point ``place`` at ``to``, before or after but never in between."""
    temporary = place.with_name(f".{place.name}.new")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    temporary.symlink_to(to)
    os.replace(temporary, place)
    handle = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()
