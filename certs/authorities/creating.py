"""All authorities in one go, for one machine: the ceremony's own code, with the root's key in KEY_DIR.

Each part that is there already is left as it is, so that a run that was killed is completed by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from django.conf import settings

from certs import gate, keys, rules, selectors
from certs.authorities import importing, requesting
from certs.authorities.plans import ISSUING, ROOT_KEY, KeyPlan, Plans, Purpose, secret_for
from certs.ceremony import runs
from certs.ceremony.errors import CeremonyError
from certs.ceremony.home import Home
from certs.ceremony.policy import ROOT
from certs.errors import CeremonyRefused, KeysNotAvailable
from certs.models import Authority
from consortium.core import clock

_WITNESS = "create_authorities (one machine, without witnesses)"


def create(
    alliance: str, *, passphrase: bytes, root_passphrase: bytes, plans: Plans | None = None
) -> dict[str, Authority]:
    """Make (or complete) root, issuing CAs, their first lists and published files; by name.

    Raises WrongPassphrase where a key that is there already does not open, KeysNotAvailable where the root
    must sign and its key is not on this machine, CeremonyRefused.
    """
    plans = plans or {}
    with _ceremony_errors():
        session = _session(plans, root_passphrase)
        if _work_for_the_root(session):
            root = _root(session, alliance, plans.get(Purpose.ROOT, ROOT_KEY))
            _certify_missing(session, passphrase, plans)
            _renew_list(session)
            importing.take_in(
                session.home.directory,
                passphrase=passphrase,
                root_fingerprint=gate.fingerprint(root.public_key()),
            )
    importing.publish(passphrase)
    return {row.name: row for row in Authority.objects.order_by("kind", "name")}


def _session(plans: Plans, root_passphrase: bytes) -> runs.Session:
    place = plans.get(Purpose.ROOT, ROOT_KEY).place
    home = Home(Path(settings.KEY_DIR), key_name=place, module=settings.PKCS11_MODULE if place else "")
    return runs.Session(home, secret_for(place, root_passphrase), [_WITNESS], clock.now())


def _work_for_the_root(session: runs.Session) -> bool:
    """With the root in the safe nothing is asked of it, as long as nothing is missing.

    Raises KeysNotAvailable where something is: a second root would not be the one that is trusted.
    """
    home = session.home
    if not Authority.objects.filter(purpose=Purpose.ROOT).exists():
        return True
    if home.protocol_path.exists() and home.key_exists():
        return True
    if _missing():
        raise KeysNotAvailable
    return False


def _root(session: runs.Session, alliance: str, plan: KeyPlan) -> x509.Certificate:
    """The root that is here keeps its name and addresses, whatever this run was told."""
    done = session.home.protocol()
    said = done.details if done.entries else {"alliance": alliance, "public_url": settings.PUBLIC_URL}
    return runs.make_root(session, alliance=said["alliance"], public_url=said["public_url"], kind=plan.kind)


def _missing() -> list[Purpose]:
    there = set(Authority.objects.values_list("purpose", flat=True))
    return [purpose for purpose in ISSUING if purpose not in there]


def _certify_missing(session: runs.Session, passphrase: bytes, plans: Plans) -> None:
    asked = [requesting.prepare(purpose, passphrase=passphrase, plans=plans) for purpose in _missing()]
    if asked:
        runs.sign(session, [pending.request for pending in asked], {p.name + ".csr": p.csr for p in asked})


def _renew_list(session: runs.Session) -> None:
    root = Authority.objects.filter(purpose=Purpose.ROOT, name=session.home.name).first()
    newest = selectors.newest_crl(root) if root else None
    if newest and rules.crl_due(clock.now(), newest.this_update, newest.next_update):
        runs.revocation_list(session)


@contextmanager
def _ceremony_errors() -> Iterator[None]:
    try:
        with keys.console_errors(ROOT):
            yield
    except CeremonyError as error:
        raise CeremonyRefused(what=str(error)) from error
