"""Prepared OCSP answers against the rows: by what is signed in them, not by what their files say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import ocsp as library

from certs import der
from certs.issuing import reading
from certs.issuing.families import family_of
from certs.models import Authority, Certificate, Profile
from certs.status import ocsp, prepared, responders, states
from certs.status.prepared import Prepared
from certs.status.responders import Responder
from consortium.core import clock
from consortium.core.errors import ConsoleError

Found = Iterator[tuple[str, str]]
UNREADABLE = (ConsoleError, ValueError, TypeError, IndexError, UnsupportedAlgorithm)
_Known = dict[bytes, tuple[Responder, bool]]  # responders by their certificates


class _About(NamedTuple):
    """Which response: of which file, for the CertID with which hash."""

    authority: Authority
    serial: str
    hash: str
    answer: Prepared


class _Signed(NamedTuple):
    """Of a response's octets: what is signed, how, by whom, and the one answer in it."""

    content: bytes
    algorithm: bytes
    signature: bytes
    responder: bytes
    id: bytes
    status: bytes


def check(authority: Authority) -> Iterator[tuple[str, str, str]]:
    """Serial number, code and text of every answer in force that says something else than the rows."""
    now = clock.now()
    serials = sorted(states.living(authority, now))
    wanted = states.statuses(authority, serials, now)
    known: _Known = {}
    for serial in serials:
        answer = prepared.read(authority.name, serial)
        if answer is None or answer.next_update <= now:
            continue  # the responder answers by itself
        if answer.status != wanted.get(serial):
            yield serial, "answer_differs", "the prepared OCSP answer says something else than the rows"
        for name in answer.responses:
            try:
                found = list(_response(_About(authority, serial, name, answer), wanted.get(serial), known))
            except UNREADABLE as error:
                found = [("answer_unreadable", f"{type(error).__name__}: {error}")]
            for code, text in found:
                yield serial, code, text


def _response(about: _About, wanted: bytes | None, known: _Known) -> Found:
    response, number = about.answer.responses[about.hash], int(about.serial, 16)
    signed, read = _signed(response), library.load_der_ocsp_response(response)
    if signed.responder not in known:
        known[signed.responder] = _responder(about.authority, signed.responder)
    responder, is_ours = known[signed.responder]
    if signed.id != ocsp.cert_id(about.hash, responder.issuer[about.hash], number):
        yield "answer_differs", "the prepared OCSP answer is another certificate's"
    if signed.status != wanted:
        yield "answer_differs", "what is signed in the prepared OCSP answer is not what the rows say"
    if (read.this_update_utc, read.next_update_utc) != (about.answer.this_update, about.answer.next_update):
        yield "answer_differs", "the prepared OCSP answer is in force at another time than its file says"
    family = family_of(signed.responder)
    if signed.algorithm != family.algorithm or not family.holds(signed.content, signed.signature):
        yield "answer_signature_wrong", "its responder's key did not sign the prepared OCSP answer"
    if not is_ours or read.produced_at_utc > responder.not_after:
        yield "answer_responder_wrong", "the prepared OCSP answer is from none of the authority's responders"


def _responder(authority: Authority, certificate: bytes) -> tuple[Responder, bool]:
    """Whom the response is from, and whether the authority certified that responder and did not revoke it."""
    rows = Certificate.objects.filter(
        authority=authority,
        profile=Profile.OCSP,
        fingerprint_sha256=hashlib.sha256(certificate).hexdigest(),
        revocation__isnull=True,
    )
    issuer = bytes(authority.der)
    parts, family = reading.parts(certificate), family_of(issuer)
    is_ours = rows.exists() and family.holds(parts.tbs, parts.signature)
    return responders.describe(authority.name, certificate, issuer), is_ours


def _signed(response: bytes) -> _Signed:
    """Taken apart by lengths (RFC 6960 section 4.2.1); raises what is UNREADABLE on another form."""
    success, answer = reading.elements(response)
    basic_oid, basic = reading.elements(_only(reading.content(answer)))
    if reading.content(success) != b"\0" or not basic_oid.startswith(b"\x06"):
        raise ValueError("no successful response")
    content, algorithm, signature, certificates = reading.elements(reading.content(basic))
    _responder_id, _produced_at, singles = reading.elements(content)
    asked, status, *_period = reading.elements(_only(reading.content(singles)))
    return _Signed(
        content,
        algorithm,
        reading.content(signature)[1:],
        _only(reading.content(_only(reading.content(certificates)))),
        asked,
        status,
    )


def _only(element: bytes) -> bytes:
    """One SEQUENCE and nothing behind it. Raises Malformed."""
    der.whole(element, 0, len(element), der.SEQUENCE)
    return element
