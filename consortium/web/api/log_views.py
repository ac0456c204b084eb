"""The log of digests, for programs: the head of each network's log, where it is anchored, and its entries."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from consortium.core.errors import NotFound
from consortium.members.models import Network
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.portal import scope
from governance.permissions import logbook
from governance.permissions.models import Anchor

_PAGE = OpenApiParameter("page", int, description="a full page, from 0; without it the newest part")


class AnchorOut(serializers.ModelSerializer[Anchor]):
    """A head that the ledger was to keep; ``block`` and ``at`` are null until it has it."""

    state = serializers.CharField(source="transaction.status")
    error_code = serializers.CharField(source="transaction.error_code")
    chain_id = serializers.IntegerField(source="transaction.ledger.chain_id")
    tx_hash = serializers.CharField()
    block = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Anchor
        fields = ("size", "head", "contract", "chain_id", "state", "error_code", "tx_hash", "block", "at")


class LogOut(serializers.Serializer[Network]):
    """Where a network's log stands. Two with the same size and head were given the same lists."""

    network = serializers.CharField(source="pk")
    size = serializers.SerializerMethodField()
    head = serializers.SerializerMethodField()
    anchors = serializers.SerializerMethodField()

    def get_size(self, row: Network) -> int:
        newest = logbook.newest(row.pk)
        return newest.position if newest else 0

    def get_head(self, row: Network) -> str:
        newest = logbook.newest(row.pk)
        return newest.head if newest else ""

    def get_anchors(self, row: Network) -> list[dict[str, Any]]:
        return list(AnchorOut(logbook.anchors(row.pk), many=True).data)


class Logs(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    """Networks by their slug."""

    serializer_class = LogOut
    queryset = Network.objects.none()
    pagination_class = None
    lookup_value_converter = "slug"

    def get_queryset(self) -> QuerySet[Network]:
        return scope.networks(self.account)

    @extend_schema(parameters=[_PAGE], responses={(200, "application/json"): OpenApiTypes.OBJECT, **ERRORS})
    @action(detail=True)
    def document(self, request: Request, pk: str) -> HttpResponse:
        """The log as the nodes get it, byte for byte: what ``governance.agent.compare`` reads."""
        network = self.get_object().pk
        number = request.query_params.get("page")
        if number is None:
            content = logbook.newest_document(network)
        else:
            content = logbook.page(network, int(number)) if _is_number(number) else None
        if content is None:
            raise NotFound
        return HttpResponse(content, content_type="application/json")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
