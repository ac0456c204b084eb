"""What the signing worker does to keep lists and answers true and fresh. All of it is harmless twice."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.conf import settings
from django.db.models import QuerySet

from certs.models import Authority
from certs.status import crl, delegation, files, responders, store
from certs.status.keyring import Opened
from consortium.core import clock


def publish(authority_id: uuid.UUID | str) -> None:
    """A status changed: the answers first, which takes milliseconds, then the lists.

    Raises KeysNotAvailable; one of the two failing does not hold up the other.
    """
    authority = Authority.objects.get(pk=authority_id)
    try:
        with_responder(authority, store.follow)
    finally:
        crl.publish(authority.pk)


def refresh() -> None:
    """Sign lists again from half their life on, renew responders, put back files that are missing.

    A root's own list is signed where its key is, in a ceremony; only its file is put back. An authority that
    fails does not stop those after it: an ExceptionGroup names all that failed, at the end.
    """
    _for_each(refresh_authority, Authority.objects.filter(not_after__gt=clock.now()))
    if settings.OCSP_PASSPHRASE_FILE:
        delegation.tidy()


def refresh_authority(authority: Authority) -> None:
    """One authority's share of :func:`refresh`."""
    files.write_authority(authority)
    if authority.kind == Authority.Kind.ROOT:
        files.write_crls(authority)
        return
    try:
        with_responder(authority, store.follow)
    finally:
        crl.publish(authority.pk)


def renew_answers() -> None:
    """Prepare answers that are missing or past half their life, and take away those of ended certificates."""
    _for_each(lambda authority: with_responder(authority, store.renew), _issuing())


def welcome() -> None:
    """Prepare answers for what was issued lately: from then on the database is not asked for it."""
    _for_each(lambda authority: with_responder(authority, store.welcome), _issuing())


def with_responder(authority: Authority, work: Callable[[Authority, Opened], int]) -> int:
    """``work`` with the authority's responder; 0 where this installation or this authority has none."""
    if not responders.wanted(authority):
        return 0
    return work(authority, delegation.ensure(authority))


def _issuing() -> QuerySet[Authority]:
    return Authority.objects.filter(kind=Authority.Kind.ISSUING, not_after__gt=clock.now())


def _for_each(work: Callable[[Authority], object], authorities: QuerySet[Authority]) -> None:
    failures: list[Exception] = []
    for authority in authorities.select_related("parent"):
        try:
            work(authority)
        except Exception as error:  # noqa: BLE001  whatever it is: the others must not run out for it
            error.add_note(f"while refreshing the authority {authority.name}")
            failures.append(error)
    if failures:
        raise ExceptionGroup("what is published of certificates was not refreshed", failures)
