"""EST's operations (RFC 7030): whom each admits, and what it answers.

| operation | whom |
| --- | --- |
| cacerts | everybody: trust begins with the root that the operator compares by another way |
| csrattrs | everybody; without a profile in the address, who says by secret or certificate which it is |
| simpleenroll | a node's id with its one-time secret |
| simplereenroll | a node with its own valid certificate, by mutual TLS |

Each also under ``/.well-known/est/<profile>/`` (section 3.2.2), for clients that are configured so.
"""

from __future__ import annotations

import base64
import binascii
import math
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from certs import rules, selectors, services
from certs.errors import (
    CredentialsRequired,
    RenewalNotOpen,
    RequestRejected,
    UnknownOperation,
    WrongSecret,
)
from certs.est import attempts, wire
from certs.models import Authority, Certificate, CertificateRequest, CrossCertificate, Enrolment
from certs.profiles import NODE, PROFILES
from consortium.core import clock, surface
from consortium.core.errors import ConsoleError

_PATIENCE = 4.0  # seconds that an approved request may take to be signed before the client is sent away
_LOOK_AGAIN = 0.2  # seconds
_SIGNING = 5  # seconds after which it is worth asking again when all that is missing is the signature
_waiting = threading.BoundedSemaphore(8)  # who waits holds a thread of the gateway's: lists need some, too
_Status = CertificateRequest.Status
_View = Callable[..., HttpResponse]


def operation(*methods: str) -> Callable[[_View], _View]:
    """An EST view: it admits for itself, takes these methods, and says with each refusal what helps."""

    def decorate(view: _View) -> _View:
        @wraps(view)
        def answer(request: HttpRequest, profile: str | None = None) -> HttpResponse:
            try:
                surface.only(request, *methods)
                _check_address(profile)
                response = view(request, profile)
            except ConsoleError as error:
                response = surface.refusal(error, **_helpful(error, methods))
            # Said, lest it be sent in chunks: strongSwan's client knows no other way to find the end.
            response.headers["Content-Length"] = str(len(response.content))
            if request.method == "HEAD":
                response.content = b""
            return response

        return surface.admits_for_itself(answer)

    return decorate


def _check_address(profile: str | None) -> None:
    """Profiles that nodes can have are addresses here, others are not. Raises UnknownOperation."""
    if profile is not None and (profile not in PROFILES or PROFILES[profile].needs != NODE):
        raise UnknownOperation


def _helpful(error: ConsoleError, methods: tuple[str, ...]) -> dict[str, str]:
    """The headers that HTTP wants beside a status."""
    if error.status == 401:
        return {"WWW-Authenticate": 'Basic realm="EST", charset="UTF-8"'}
    if error.status == 405:
        return {"Allow": ", ".join(methods)}
    if error.status == 429:
        return {"Retry-After": str(error.params.get("seconds", attempts.WINDOW))}
    if isinstance(error, RenewalNotOpen):
        return _until(datetime.fromisoformat(error.params["opens"]))
    return {}


def _until(opens: datetime) -> dict[str, str]:
    """A node that comes early need not look for a reason: it is only early."""
    seconds = math.ceil((opens - clock.now()).total_seconds())
    return {"Retry-After": str(seconds)} if seconds > 0 else {}


@operation("GET", "HEAD")
def cacerts(request: HttpRequest, profile: str | None) -> HttpResponse:
    """Every authority's certificate, roots and cross-certificates included, that has not run out."""
    now = clock.now()
    own = Authority.objects.filter(not_after__gt=now).values_list("der", flat=True)
    bridges = CrossCertificate.objects.filter(not_after__gt=now).values_list("der", flat=True)
    return wire.certificates(bytes(der) for der in [*own, *bridges])


@operation("GET", "HEAD")
def csrattrs(request: HttpRequest, profile: str | None) -> HttpResponse:
    """What the request should hold; 204 where nobody has said for which profile."""
    wanted = profile or _profile_of(request)
    return wire.attributes(rules.profile(wanted)) if wanted else HttpResponse(status=204)


@operation("POST")
def simpleenroll(request: HttpRequest, profile: str | None) -> HttpResponse:
    """The first certificate, or another for a node that has none to show."""
    enrolment = _enrolment(request)
    _check_profile(profile, enrolment.profile)
    csr = wire.request_body(request)
    return _outcome(lambda: services.redeem(enrolment, csr=csr), str(enrolment.pk))


@operation("POST")
def simplereenroll(request: HttpRequest, profile: str | None) -> HttpResponse:
    """The next certificate, for who has the one before."""
    certificate = _certificate(request)
    _check_profile(profile, certificate.profile)
    csr = wire.request_body(request)
    return _outcome(lambda: services.renew_by_proof(certificate, csr=csr), str(certificate.pk))


@operation("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
def unknown(request: HttpRequest, profile: str | None) -> HttpResponse:
    """Operations that EST has and this server does not, and those that nobody has."""
    raise UnknownOperation


def _enrolment(request: HttpRequest) -> Enrolment:
    """Raises CredentialsRequired, WrongSecret, SecretExpired, SecretWithdrawn, TooManyAttempts."""
    address = request.META.get("REMOTE_ADDR", "")
    attempts.check_address(address)
    node_id, secret = _credentials(request)
    try:
        return services.enrolment_of(node_id, secret)
    except WrongSecret:
        attempts.wrong_secret(address, node_id)
        raise


def _credentials(request: HttpRequest) -> tuple[str, str]:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise CredentialsRequired
    try:
        user, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise CredentialsRequired from None
    if not (user and colon and secret):
        raise CredentialsRequired
    return user, secret


def _certificate(request: HttpRequest) -> Certificate:
    """Raises NoCertificate, UnknownCertificate, RevokedCertificate, SuspendedCertificate, ExpiredCertificate,
    NotANode.
    """
    der = surface.peer_certificate(request)
    if not der:
        raise surface.NoCertificate
    certificate = selectors.authenticate(der, clock.now())
    _ = certificate.of_node
    return certificate


def _profile_of(request: HttpRequest) -> str:
    if request.headers.get("Authorization"):
        return _enrolment(request).profile
    return _certificate(request).profile if surface.peer_certificate(request) else ""


def _check_profile(named: str | None, actual: str) -> None:
    """Under a profile's own address there is that profile alone. Raises UnknownOperation."""
    if named is not None and named != actual:
        raise UnknownOperation


def _outcome(ask: Callable[[], CertificateRequest], subject: str) -> HttpResponse:
    """200 with the certificate, 202 while it is not there. Raises what ``ask`` refuses, and counts it."""
    attempts.check_refused(subject)
    try:
        request = ask()
        certificate = _awaited(request)
    except ConsoleError:
        attempts.refused(subject)
        raise
    if certificate is None:
        return _later(request)
    return wire.certificates([bytes(certificate.der)])


def _awaited(request: CertificateRequest) -> Certificate | None:
    """The certificate, after a moment if it is only the signature that is missing. Raises RequestRejected."""
    if _status(request) == _Status.APPROVED and _waiting.acquire(blocking=False):
        try:
            _wait(request)
        finally:
            _waiting.release()
    if request.status == _Status.REJECTED:
        raise RequestRejected(reason=request.decision_reason)
    return Certificate.objects.get(request=request) if request.status == _Status.ISSUED else None


def _wait(request: CertificateRequest) -> None:
    until = time.monotonic() + _PATIENCE
    while _status(request) == _Status.APPROVED and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN)


def _status(request: CertificateRequest) -> str:
    """As it is now."""
    request.refresh_from_db(fields=["status", "decision_reason"])
    return request.status


def _later(request: CertificateRequest) -> HttpResponse:
    """202: the same request again, after a while, brings the certificate (section 4.2.3)."""
    seconds = settings.EST_RETRY_AFTER
    if request.status == _Status.APPROVED:
        seconds = min(seconds, _SIGNING)
    answer = HttpResponse(status=202, headers={"Retry-After": str(seconds)})
    patch_cache_control(answer, no_store=True)
    return answer
