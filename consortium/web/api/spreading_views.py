"""How lists spread, for programs: convergence, history, differences, files, alarms. To read only."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from consortium.core.errors import NotFound
from consortium.members.models import Network
from consortium.web import spreading
from consortium.web.api import spreading_serializers as s
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.portal import scope
from governance.permissions import convergence, differences
from governance.permissions import selectors as lists
from governance.permissions.models import Alarm, Epoch
from governance.permissions.rules import JSON_PATH

LENGTH = 100  # epochs in an answer
_FROM = OpenApiParameter("from", int, description="an epoch's number; without it the one before")
_TO = OpenApiParameter("to", int, description="an epoch's number; without it the newest")
_BEFORE = OpenApiParameter("before", int, description="epochs below this number; without it the newest")
_OPEN = OpenApiParameter("open", bool, description="false: also those that are over")


class Networks(Scoped):
    """Networks whose lists the account may read, by their slug."""

    queryset = Network.objects.none()
    serializer_class = s.PictureOut
    pagination_class = None
    lookup_value_converter = "slug"

    def get_queryset(self) -> QuerySet[Network]:
        return scope.networks(self.account)

    @extend_schema(responses={200: s.PictureOut, **ERRORS})
    @action(detail=True)
    def convergence(self, request: Request, pk: str) -> Response:
        """Every listed node's way to the newest list; for secretariat and regulator."""
        if not scope.oversees(self.account):
            raise NotFound
        return Response(spreading.as_json(convergence.picture(self.get_object())))

    @extend_schema(parameters=[_BEFORE], responses={200: s.ChapterOut(many=True), **ERRORS})
    @action(detail=True)
    def epochs(self, request: Request, pk: str) -> Response:
        """At most 100 epochs, newest first, and how long each took."""
        found = convergence.history(self.get_object(), before=_number(request, "before"), length=LENGTH)
        return Response(s.ChapterOut(found, many=True).data)

    @extend_schema(parameters=[_FROM, _TO], responses={200: s.DifferenceOut, **ERRORS})
    @action(detail=True)
    def changes(self, request: Request, pk: str) -> Response:
        """What differs between two epochs, read from the files that were signed."""
        network = self.get_object()
        after = self._epoch(network, _number(request, "to"))
        since = _number(request, "from")
        number = after.number - 1 if since is None else since
        before = self._epoch(network, number) if number else None
        found = differences.sections(_content(before) if before else None, _content(after))
        body = {
            "network": network.pk,
            "before": before.number if before else None,
            "after": after.number,
            "sections": [_section(part) for part in found],
        }
        return Response(body)

    @extend_schema(
        parameters=[
            OpenApiParameter("epoch", int, description="its number; without it the newest"),
            OpenApiParameter("path", str, description="as in the epoch's list of files", default=JSON_PATH),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **ERRORS},
    )
    @action(detail=True)
    def file(self, request: Request, pk: str) -> HttpResponse:
        """A file of an epoch, byte for byte as it was signed; its SHA-256 is the ETag."""
        epoch = self._epoch(self.get_object(), _number(request, "epoch"))
        file = self.one(epoch.files.all(), path=request.query_params.get("path", JSON_PATH).replace("\0", ""))
        headers = {"ETag": f'"{file.sha256}"'}
        return HttpResponse(bytes(file.content), content_type="application/octet-stream", headers=headers)

    def _epoch(self, network: Network, number: int | None) -> Epoch:
        rows = lists.epochs(network)
        found: Epoch = self.one(rows if number is None else rows.filter(number=number))
        return found


class Alarms(mixins.ListModelMixin, Scoped):
    """What drifts of the nodes that the account may see, those that began last first."""

    serializer_class = s.AlarmOut
    queryset = Alarm.objects.none()

    @extend_schema(parameters=[_OPEN])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Alarm]:
        only_open = self.request.query_params.get("open", "true").lower() != "false"
        return lists.alarms(open_only=only_open).filter(node__in=scope.nodes(self.account).values("pk"))


def _content(epoch: Epoch) -> bytes:
    return bytes(epoch.files.get(path=JSON_PATH).content)


def _section(part: differences.Section) -> dict[str, Any]:
    return {
        "name": part.name,
        "entering": [{"key": key, "name": name} for key, name in part.entering],
        "leaving": [{"key": key, "name": name} for key, name in part.leaving],
        "changed": s.ListEntryChangedOut(part.changed, many=True).data,
    }


def _number(request: Request, name: str) -> int | None:
    """Raises NotFound where it is no epoch's number."""
    value = request.query_params.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise NotFound
    return int(value)
