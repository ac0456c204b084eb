"""Keys of new issuing CAs, and the folder of requests that goes to the root's ceremony.

What is asked for is remembered in ``KEY_DIR/<name>.request.json``: what comes back is held against it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.db import transaction

from certs import building, keys
from certs.authorities.plans import ISSUING_KEY, KeyPlan, Plans, Purpose, secret_for
from certs.ceremony import policy
from certs.ceremony.composing import alliance_of
from certs.ceremony.requests import Request, write_folder
from certs.keystores.kinds import AuthorityKey
from certs.models import Authority
from consortium.core import events, files
from consortium.core.events import Outsider


@dataclass(frozen=True)
class Pending:
    """An authority that was asked for and is not certified yet."""

    name: str
    key_name: str
    csr: bytes  # PEM
    hosts: tuple[str, ...]

    @property
    def request(self) -> Request:
        """As the ceremony reads it."""
        return Request(self.name, self.csr, self.hosts)


def request(
    folder: Path,
    purposes: Sequence[Purpose],
    *,
    passphrase: bytes,
    plans: Plans | None = None,
    hosts: Sequence[str] = (),
) -> list[Pending]:
    """Make the keys of the next generation of ``purposes`` and write the folder for the ceremony.

    Harmless when repeated: what was asked for and not answered yet is written again. ``hosts``: names and
    networks that the access CA's certificates are confined to. Raises WrongPassphrase, KeysNotAvailable.
    """
    made = [prepare(p, passphrase=passphrase, plans=plans, hosts=hosts) for p in purposes]
    root = Authority.objects.filter(purpose=Purpose.ROOT).order_by("-created_at").first()
    alliance = alliance_of(x509.load_der_x509_certificate(bytes(root.der))) if root else ""
    write_folder(folder, [pending.request for pending in made], alliance)
    return made


def prepare(
    purpose: Purpose, *, passphrase: bytes, plans: Plans | None = None, hosts: Sequence[str] = ()
) -> Pending:
    """Key and request of the next authority of that purpose; the same again until it is certified."""
    name = next_name(purpose)
    known = pending(name)
    if known is not None:
        return known
    plan = (plans or {}).get(purpose, ISSUING_KEY)
    key_name = plan.place or name
    key = own_key(key_name, plan, passphrase)
    confined = tuple(hosts) if policy.PURPOSES[purpose].hosts else ()
    return _remember(Pending(name, key_name, _csr(name, key), confined))


def next_name(purpose: Purpose) -> str:
    """``nodes``, then ``nodes-2`` and so on."""
    taken = set(Authority.objects.filter(purpose=purpose).values_list("name", flat=True))
    number = 1
    while (name := purpose.value if number == 1 else f"{purpose.value}-{number}") in taken:
        number += 1
    return name


def pending(name: str) -> Pending | None:
    """What was asked for under that name."""
    try:
        record = json.loads(_path(name).read_bytes())
    except FileNotFoundError:
        return None
    return Pending(record["name"], record["key_name"], record["csr"].encode(), tuple(record["hosts"]))


def forget(name: str) -> None:
    """It was answered."""
    _path(name).unlink(missing_ok=True)


def own_key(key_name: str, plan: KeyPlan, passphrase: bytes) -> AuthorityKey:
    """Sealed before it is used: a crash leaves a key without a certificate, never the other way round."""
    secret = secret_for(key_name, passphrase)
    if not keys.exists(key_name):
        keys.make(key_name, plan.kind, secret)
    key = keys.open_key(key_name, secret)
    if not isinstance(key, AuthorityKey):
        raise TypeError(f"{key_name} is not an authority's key")
    return key


@transaction.atomic
def _remember(made: Pending) -> Pending:
    record = {
        "name": made.name,
        "key_name": made.key_name,
        "csr": made.csr.decode(),
        "hosts": list(made.hosts),
    }
    subject = Outsider("certs.authority", made.name)
    fingerprint = made.request.spki_sha256
    events.record("authority.requested", subject, actor=events.COMMAND, spki_sha256=fingerprint)
    files.replace(_path(made.name), json.dumps(record, indent=1).encode(), mode=0o600)
    return made


def _csr(name: str, key: AuthorityKey) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])  # the ceremony decides the real one
    made = x509.CertificateSigningRequestBuilder(subject).sign(key, building.hash_for(key))
    return made.public_bytes(Encoding.PEM)


def _path(name: str) -> Path:
    return Path(settings.KEY_DIR) / f"{name}.request.json"
