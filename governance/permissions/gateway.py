"""The node gateway: a listener of its own, for nodes alone, known by their certificate alone.

Answers are plain files or JSON; an error is ``{"code", "detail"}``. There is never a redirect.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.utils.cache import patch_cache_control

from certs import selectors as certs
from certs.errors import ExpiredCertificate, RevokedCertificate
from certs.models import Certificate
from consortium.core import clock, surface
from consortium.core.errors import ConsoleError, NotFound
from consortium.members.models import Node
from governance.permissions import reports, rolling, rules, services
from governance.permissions.errors import (
    ForeignNetwork,
    InvalidReport,
    NodeRetired,
    NothingPublished,
)
from governance.permissions.repository.roles import network_of
from governance.permissions.unchanged import ADMITTED, Admitted

_METADATA = re.compile(r"(?:[1-9][0-9]{0,9}\.(?:root|targets|snapshot)|timestamp)\.json")
_LIST_METADATA = re.compile(r"[1-9][0-9]{0,9}\.([a-z0-9-]{1,32}_?)\.json")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")  # of a path in a network's folder; none begins with a dot
_DEEPEST = 4  # parts of such a path


class NodeRequest(HttpRequest):
    """A request whose peer is a node of ours."""

    node: Node
    certificate: Certificate


class NodeCertificateMiddleware:
    """Lets in who presents a valid, unrevoked certificate of a node in service, and words every refusal.

    Every address is for them alone, but for views that are marked as admitting for themselves. The
    certificate is looked up at each request that comes here: a connection kept open does not outlive a
    revocation. (What :mod:`unchanged` answers from memory does not come here.)
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not surface.is_admitted_elsewhere(request.path_info):
            try:
                self._admit(request)
            except ConsoleError as error:
                return surface.refusal(error)
        return self.get_response(request)

    def _admit(self, request: HttpRequest) -> None:
        der = surface.peer_certificate(request)
        if not der:
            raise surface.NoCertificate
        try:
            certificate = certs.authenticate(der, clock.now())
            if certificate.of_node.retired_at is not None:
                raise NodeRetired
        except (RevokedCertificate, ExpiredCertificate, NodeRetired) as error:
            services.record_refused_pull(_issued(der), error)
            raise
        request.certificate = certificate  # type: ignore[attr-defined]
        node = certificate.of_node
        if certificate.institution is not None and certificate.institution_id == node.institution_id:
            node.institution = certificate.institution  # it came along: whose node it is costs no query
        request.node = node  # type: ignore[attr-defined]
        permit = Path(settings.TUF_DIR, "nodes", node.network_id, certificate.serial_id.upper())
        request.META[ADMITTED] = Admitted(node.pk, permit, certificate.not_after)


def _issued(der: bytes) -> Certificate:
    fingerprint = hashlib.sha256(der).hexdigest()
    return Certificate.objects.select_related("node", "node__institution").get(fingerprint_sha256=fingerprint)


def metadata(request: NodeRequest, name: str) -> HttpResponse:
    """A file of the repository's metadata."""
    surface.only(request, "GET", "HEAD")
    if not _METADATA.fullmatch(name):
        listing = _LIST_METADATA.fullmatch(name)
        if listing is None:
            raise NotFound
        _own_network(request, network_of(listing[1]))
    if name == "timestamp.json":
        services.record_pull(request.node)
    return _file(request, Path(settings.TUF_DIR) / "metadata" / name, "application/json")


def target(request: NodeRequest, network: str, path: str) -> HttpResponse:
    """A list file, by the name the signed metadata give it: ``<folder>/<sha256>.<file>``."""
    surface.only(request, "GET", "HEAD")
    _own_network(request, network)
    *folders, file = path.split("/")
    value, _, name = file.partition(".")
    parts = [*folders, name]
    if len(parts) > _DEEPEST or not all(map(_PART.fullmatch, parts)) or not _SHA256.fullmatch(value):
        raise NotFound
    place = Path(settings.TUF_DIR, "targets", network, *folders, file)
    answer = _file(request, place, "application/octet-stream")
    services.record_pulled_file(request.node, "/".join(parts).removeprefix("previous/"), value)
    return answer


def current_list(request: NodeRequest, network: str, name: str) -> HttpResponse:
    """The newest list that is for the node, in one format; ``?file=`` names another than its first file.

    For nodes that fetch without an agent. The headers Epoch and ETag say what it is; what proves it
    is the signed metadata only.
    """
    surface.only(request, "GET", "HEAD")
    _own_network(request, network)
    if name not in rules.FILES:
        raise NotFound
    wanted = request.GET.get("file")
    matching = [p for p in rules.FILES[name] if wanted in {None, p.removeprefix(f"{name}/")}]
    if not matching:
        raise NotFound
    epoch = rolling.epoch_for(request.node)
    if epoch is None:
        raise NothingPublished
    services.record_pull(request.node)
    file = epoch.files.get(path=matching[0])
    answer = _content(request, bytes(file.content), file.sha256, "application/octet-stream")
    answer.headers["Epoch"] = str(epoch.number)
    return answer


def acknowledge(request: NodeRequest) -> HttpResponse:
    """POST: the node reports what it has in force. 200 when it is what was signed."""
    surface.only(request, "POST")
    report = _report(request)
    services.acknowledge(request.node, certificate=request.certificate, report=report)
    return JsonResponse({"network": report.network, "epoch": report.epoch})


def _own_network(request: NodeRequest, network: str) -> None:
    if request.node.network_id != network:
        error = ForeignNetwork(network=network)
        services.record_refused_pull(request.certificate, error)
        raise error


def _file(request: HttpRequest, place: Path, content_type: str) -> HttpResponse:
    try:
        content = place.read_bytes()
    except FileNotFoundError:
        raise NotFound from None
    return _content(request, content, rules.sha256(content), content_type)


def _content(request: HttpRequest, content: bytes, value: str, content_type: str) -> HttpResponse:
    etag = f'"{value}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    fresh = etag in known or "*" in known
    answer = HttpResponseNotModified() if fresh else HttpResponse(content, content_type=content_type)
    answer.headers["ETag"] = etag
    patch_cache_control(answer, no_cache=True)
    return answer


def _report(request: HttpRequest) -> services.Report:
    try:
        size = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        raise InvalidReport(reason="Content-Length") from None
    if not 0 < size <= reports.LARGEST:  # before it is read
        raise InvalidReport(reason=f"1 … {reports.LARGEST} bytes")
    return reports.read(request.body, clock.now())
