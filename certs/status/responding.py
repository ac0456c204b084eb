"""The responder's answers, signed on demand: nonces, several certificates, and what is not prepared.

A status comes from what is published, unless the database knows of a change that is not published yet: then
from there, and from what is published only while the database is away. Where neither can tell, the answer is
"try later": "unknown" is said only of serial numbers that the database does not have.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timedelta

from django.db.utils import Error as DatabaseError
from django.db.utils import InterfaceError

from certs.der import Malformed
from certs.errors import ContentMismatch, KeysNotAvailable, WrongPassphrase
from certs.status import answering, keyring, ocsp, prepared, responders, states
from certs.status.answering import Answer, refusal
from certs.status.keyring import Opened
from certs.status.prepared import Prepared
from consortium.core import clock

logger = logging.getLogger(__name__)

PERIOD = timedelta(hours=1)  # of what comes from the database: it will be prepared soon
UNKNOWN_PERIOD = timedelta(minutes=5)
_REST = 2.0  # seconds without a further try when the database was down
_LOOK_AGAIN = 1.0  # seconds for which what is published is taken to have every change, once it had


class CannotTell(Exception):
    """Neither files nor database say what the status is."""


class _Rest(threading.local):
    until = 0.0


_rest = _Rest()
_complete: dict[str, float] = {}  # by authority: until when what is published has every change


def respond(data: bytes) -> Answer:
    """The response to ``data``, whatever it is."""
    try:
        request = ocsp.parse(data)
    except Malformed:
        return refusal(ocsp.Failure.MALFORMED_REQUEST)
    responder = responders.responder_for(request)
    if responder is None:
        return refusal(ocsp.Failure.UNAUTHORIZED)
    try:
        return _signed(request, keyring.opened(responder))
    except CannotTell:
        return refusal(ocsp.Failure.TRY_LATER)
    except (KeysNotAvailable, WrongPassphrase, ContentMismatch) as error:
        logger.warning("the responder of %s can't sign: %s", responder.authority, error)
        return refusal(ocsp.Failure.TRY_LATER)


def _signed(request: ocsp.Request, opened: Opened) -> Answer:
    now = clock.now().replace(microsecond=0)
    if opened.responder.not_after <= now:
        raise CannotTell  # an answer can't outlive the certificate it is checked with
    singles = [_single(asked, opened, now) for asked in request.ids]
    response = opened.respond(singles, now, request.nonce)
    if request.nonce or any(single.status == ocsp.UNKNOWN for single in singles):
        return Answer(response)
    return Answer(
        response,
        max(single.this_update for single in singles),
        min(single.next_update for single in singles),
    )


def _single(asked: ocsp.CertId, opened: Opened, now: datetime) -> ocsp.Single:
    published = answering.current(opened.responder.authority, asked.serial)
    if published and _is_complete(opened.responder.authority):
        return _as_published(asked, published, opened)
    try:
        status = _from_database(opened.responder.authority, asked.serial)
    except CannotTell:
        if not published:
            raise
        return _as_published(asked, published, opened)
    period = UNKNOWN_PERIOD if status == ocsp.UNKNOWN else PERIOD
    return ocsp.Single(asked.der, status, now, min(now + period, opened.responder.not_after))


def _as_published(asked: ocsp.CertId, published: Prepared, opened: Opened) -> ocsp.Single:
    next_update = min(published.next_update, opened.responder.not_after)
    return ocsp.Single(asked.der, published.status, published.this_update, next_update)


def _is_complete(authority: str) -> bool:
    """Did the signing worker publish every change? Where it is away, what it prepared says "good" for a day.

    True while the database can't tell.
    """
    now = time.monotonic()
    if now < max(_complete.get(authority, 0.0), _rest.until):
        return True
    try:
        complete = states.revision_of(authority) <= prepared.revision(authority)
    except (DatabaseError, InterfaceError) as error:
        _leave_alone(error)
        return True
    if complete:
        _complete[authority] = now + _LOOK_AGAIN
    return complete


def _from_database(authority: str, serial: int) -> bytes:
    """Raises CannotTell when the database does not answer; it is then left alone for a moment."""
    if serial <= 0 or serial.bit_length() > 159:
        return ocsp.UNKNOWN
    if time.monotonic() < _rest.until:
        raise CannotTell
    text = f"{serial:x}"
    try:
        found = states.status_of(authority, text if len(text) % 2 == 0 else f"0{text}")
    except (DatabaseError, InterfaceError) as error:
        _leave_alone(error)
        raise CannotTell from error
    return found or ocsp.UNKNOWN


def _leave_alone(error: Exception) -> None:
    logger.warning("status not known, the database is away: %s", type(error).__name__)
    _rest.until = time.monotonic() + _REST
