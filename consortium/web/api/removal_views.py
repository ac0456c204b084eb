"""Nodes on their way out, for programs: the secretariat orders, everybody concerned sees where they stand."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from consortium.members.permissions import require_secretariat
from consortium.web.api.removal_serializers import RemovalIn, RemovalOut
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.api.serializers import ReasonIn
from consortium.web.portal import scope
from governance.permissions import removals, services
from governance.permissions.models import Removal

_STATES = ["under_way", "completed", "withdrawn"]


class Removals(Scoped):
    """Of the nodes that the account may see. Ordering is the secretariat's."""

    serializer_class = RemovalOut
    queryset = Removal.objects.none()

    def get_queryset(self) -> QuerySet[Removal]:
        rows = Removal.objects.select_related("node__institution", "ordered_by").order_by("-ordered_at")
        return rows.filter(node__in=scope.nodes(self.account).values("pk"))

    @extend_schema(parameters=[OpenApiParameter("state", str, enum=_STATES)], responses=RemovalOut(many=True))
    def list(self, request: Request) -> Response:
        """The last ordered first."""
        rows = self.get_queryset()
        match self.choice("state", _STATES):
            case "under_way":
                rows = rows.filter(completed_at=None, withdrawn_at=None)
            case "completed":
                rows = rows.filter(completed_at__isnull=False)
            case "withdrawn":
                rows = rows.filter(withdrawn_at__isnull=False)
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(RemovalOut([self._shown(row) for row in page], many=True).data)

    @extend_schema(responses={200: RemovalOut, **ERRORS})
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """With each step: done and when, or what it waits for."""
        return Response(RemovalOut(self._shown(self.get_object(), whole=True)).data)

    @extend_schema(request=RemovalIn, responses={201: RemovalOut(many=True), **ERRORS})
    def create(self, request: Request) -> Response:
        """Have a node leave, or all nodes of an institution; answers with the removals that are ordered."""
        require_secretariat(self.account)  # before the body is read: it names rows of all members
        given = dict(self.taken(RemovalIn).validated_data)
        node, institution = given.pop("node", None), given.pop("institution", None)
        if node is not None:
            made = [services.order_removal(node, **given, actor=self.account)]
        else:
            made = services.order_removals(institution, **given, actor=self.account)
        body = RemovalOut([self._shown(row) for row in made], many=True).data
        return Response(body, status=status.HTTP_201_CREATED)

    @extend_schema(request=ReasonIn, responses={200: RemovalOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def withdrawal(self, request: Request, pk: UUID) -> Response:
        """The node stays; what has happened already is not undone."""
        row, reason = self.get_object(), self._reason()
        return Response(
            RemovalOut(
                self._shown(services.withdraw_removal(row, actor=self.account, reason=reason), whole=True)
            ).data
        )

    @extend_schema(request=ReasonIn, responses={200: RemovalOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def completion(self, request: Request, pk: UUID) -> Response:
        """Revoke now, without waiting for nodes that have not applied the list without it."""
        row, reason = self.get_object(), self._reason()
        done = services.finish_removal(row, actor=self.account, reason=reason)
        return Response(RemovalOut(self._shown(done, whole=True)).data)

    def _reason(self) -> str:
        require_secretariat(self.account)
        return str(self.taken(ReasonIn).validated_data["reason"])

    def _shown(self, row: Removal, *, whole: bool = False) -> dict[str, Any]:
        """How another bank's nodes fare is that bank's affair: a member reads how many, and its own."""
        state = "withdrawn" if row.withdrawn_at else "completed" if row.completed_at else "under_way"
        found = removals.steps(row) if whole or row.is_open else ()
        own = None if scope.oversees(self.account) else {str(node) for node in scope.nodes(self.account)}
        steps = [
            {
                **asdict(step),
                "waited": len(step.missing),
                "missing": [name for name in step.missing if own is None or name in own],
            }
            for step in found
        ]
        return {"row": row, "state": state, "steps": steps}
