"""What anybody may fetch: CA certificates and CRLs from plain files, and the state of this process.

Relying parties need ``/pki/`` when everything else is down, so it touches neither database nor session.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import time
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.http import http_date, parse_http_date_safe
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from certs.status import answering, ocsp
from certs.status.answering import Answer
from consortium.core import clock
from consortium.web import health, metering

_FORWARDED = re.compile(r"(x-forwarded-.*|forwarded|via|x-real-ip)$", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9-]{1,60}")  # of an authority
_SETTLED = 5  # seconds: longer than from a file's date to its being in place
_OCSP_TYPE = "application/ocsp-response"
_OCSP_KEPT = 300  # seconds that a cache may keep an answer: a revocation is not hidden for longer


@require_safe
def authority_certificate(request: HttpRequest, name: str) -> HttpResponse:
    """A CA's certificate, DER (RFC 5280 section 4.2.2.1)."""
    return _file(request, name, ".crt", "application/pkix-cert", max_age=86400)


@require_safe
def revocation_list(request: HttpRequest, name: str) -> HttpResponse:
    """A CA's newest CRL, DER (RFC 2585 section 4.2)."""
    return _file(request, name, ".crl", "application/pkix-crl", max_age=60)


@require_safe
def revocation_list_part(request: HttpRequest, name: str, shard: int) -> HttpResponse:
    """The part of a CA's CRL that a certificate names as its distribution point, DER."""
    return _file(request, name, f"/{shard}.crl", "application/pkix-crl", max_age=60)


@csrf_exempt
@require_POST
def status_answer(request: HttpRequest) -> HttpResponse:
    """OCSP by POST (RFC 6960 appendix A.1): always 200 and an OCSPResponse, whatever was sent."""
    # One octet more than is taken, so that what is too long is seen to be, without reading all of it.
    return _ocsp(request, answering.answer(request.read(ocsp.SIZE_LIMIT + 1)))


@require_safe
def status_answer_by_get(request: HttpRequest, encoded: str) -> HttpResponse:
    """OCSP by GET: the request in base64 as the address's last part, slashes in it escaped or not."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    return _ocsp(request, answering.answer(data))


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is claimed."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether PostgreSQL, Redis and the ledger answer, each within its time limit; 503 if one does not."""
    parts = health.check_all()
    return JsonResponse(parts, status=200 if all(state == "ok" for state in parts.values()) else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: with the token of METRICS_TOKEN_FILE, or from this machine when none is set."""
    if not _may_read_metrics(request):
        raise Http404
    body, content_type = metering.render()
    return HttpResponse(body, content_type=content_type)


def _ocsp(request: HttpRequest, answer: Answer) -> HttpResponse:
    """With the headers of RFC 5019 section 6.2 where the answer may be kept."""
    if answer.this_update is None or answer.next_update is None:
        return HttpResponse(answer.der, content_type=_OCSP_TYPE, headers={"Cache-Control": "no-store"})
    tag = f'"{hashlib.sha256(answer.der).hexdigest()}"'
    left = int((answer.next_update - clock.now()).total_seconds())
    headers = {
        "Last-Modified": http_date(answer.this_update.timestamp()),
        "Expires": http_date(answer.next_update.timestamp()),
        "ETag": tag,
        "Cache-Control": f"max-age={max(0, min(left, _OCSP_KEPT))}, public, no-transform, must-revalidate",
    }
    if request.method == "GET" and request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(answer.der, content_type=_OCSP_TYPE, headers=headers)


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN_FILE:
        token = Path(settings.METRICS_TOKEN_FILE).read_text(encoding="ascii").strip()
        given = request.headers.get("Authorization", "")
        return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    # A proxy on this machine speaks for others: its requests do not count as local.
    if settings.BEHIND_TLS_PROXY or any(_FORWARDED.match(name) for name in request.headers):
        return False
    return request.META.get("REMOTE_ADDR", "") in {"127.0.0.1", "::1"}


def _file(request: HttpRequest, name: str, suffix: str, content_type: str, *, max_age: int) -> HttpResponse:
    if not _NAME.fullmatch(name):
        raise Http404
    try:
        with (Path(settings.PKI_DIR) / f"{name}{suffix}").open("rb") as file:
            about, content = os.fstat(file.fileno()), file.read()  # of one file, though it may be replaced
    except OSError as missing:
        raise Http404 from missing
    tag, settled = f'"{about.st_mtime_ns:x}-{about.st_ino:x}"', int(about.st_mtime) + _SETTLED
    if _is_known(request, tag, settled):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(content, content_type=content_type)
    response["ETag"] = tag
    response["Last-Modified"] = http_date(settled if settled <= time.time() else int(about.st_mtime))
    response["Cache-Control"] = f"public, max-age={max_age}"
    return response


def _is_known(request: HttpRequest, tag: str, settled: int) -> bool:
    """Has who asks this very file? Dates have seconds, and two lists can come in one of them.

    So a file's date is given as a few seconds later, and only once they have passed: whoever got an earlier
    file then can't hold the date of a later one, and never misses what that one revokes.
    """
    known = request.headers.get("If-None-Match")
    if known is not None:  # then the date does not count (RFC 9110 section 13.1.3)
        return tag in {each.strip().removeprefix("W/") for each in known.split(",")}
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    return since is not None and settled <= since
