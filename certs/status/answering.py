"""Answering OCSP requests where no key is: from prepared files, or by asking the responder process.

Needs no database: what was published is answered as long as its files are there.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from certs.der import Malformed
from certs.status import line, ocsp, prepared, responders
from certs.status.prepared import Prepared
from consortium.core import clock

# Who waits for the responder holds a thread of the web process's: if it hangs, anybody could take them all.
_waiting = threading.BoundedSemaphore(4)
_TURN = 0.25  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """An OCSPResponse, DER; with its period where the same answer is everybody's and may be kept."""

    der: bytes
    this_update: datetime | None = None
    next_update: datetime | None = None


def answer(data: bytes) -> Answer:
    """What is to be said to ``data``: always a response, whatever it is."""
    try:
        request = ocsp.parse(data)
    except Malformed:
        return refusal(ocsp.Failure.MALFORMED_REQUEST)
    responder = responders.responder_for(request)
    if responder is None:
        return refusal(ocsp.Failure.UNAUTHORIZED)
    stored = _stored(request, responder)
    if stored and not request.nonce and _as_usual(request, responder):
        return stored
    # Who asks for a nonce gets one, if at all possible; RFC 8954 lets a responder leave it out.
    return _asked(data) or stored or refusal(ocsp.Failure.TRY_LATER)


def refusal(status: ocsp.Failure) -> Answer:
    """An unsigned response that says why."""
    return Answer(ocsp.failure(status))


def current(authority: str, serial: int) -> Prepared | None:
    """What is published for the serial number and still in force."""
    if serial <= 0 or serial.bit_length() > 159:
        return None
    text = f"{serial:x}"
    found = prepared.read(authority, text if len(text) % 2 == 0 else f"0{text}")
    return found if found and found.next_update > clock.now() else None


def _stored(request: ocsp.Request, responder: responders.Responder) -> Answer | None:
    if len(request.ids) != 1:
        return None
    (asked,) = request.ids
    found = current(responder.authority, asked.serial)
    if found is None or asked.hash not in found.responses:
        return None
    return Answer(found.responses[asked.hash], found.this_update, found.next_update)


def _as_usual(request: ocsp.Request, responder: responders.Responder) -> bool:
    """Is the CertID written as in the prepared answer? Some clients compare it octet by octet."""
    (asked,) = request.ids
    return asked.der == ocsp.cert_id(asked.hash, responder.issuer[asked.hash], asked.serial)


def _asked(data: bytes) -> Answer | None:
    """What the responder process says; None where it does not, or too many wait for it already."""
    if not _waiting.acquire(timeout=_TURN):
        return None
    try:
        reply = line.ask(data)
    finally:
        _waiting.release()
    return Answer(reply.der, reply.this_update, reply.next_update) if reply else None
