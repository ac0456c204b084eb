"""The base of the API's views: rows that the account may see, and what holds for every write."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import status, viewsets
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from consortium.core.errors import NotAllowed, NotFound
from consortium.members.models import User
from consortium.web import limits
from consortium.web.api.parsing import BoundedJSONParser
from consortium.web.api.serializers import Refusal
from consortium.web.portal import scope

ERRORS = dict.fromkeys((400, 401, 403, 404, 409), Refusal)


class Scoped(viewsets.GenericViewSet[Any]):
    """Rows of one kind that the account may see; anything else is a 404."""

    permission_classes = [IsAuthenticated]
    parser_classes = [BoundedJSONParser]
    filter_backends: list[Any] = []
    lookup_value_converter = "uuid"

    @property
    def account(self) -> User:
        return scope.signed_in(self.request.user)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE_METHODS and getattr(self, "throttle_scope", None) is None:
            limits.spend(self.account, limits.WRITES)

    def one(self, rows: QuerySet[Any], **key: Any) -> Any:
        found = rows.filter(**key).first()
        if found is None:
            raise NotFound
        return found

    def get_object(self) -> Any:
        return self.one(self.get_queryset(), pk=self.kwargs["pk"])

    def officer(self) -> User:
        """Whoever writes here is a member's officer. Raises NotAllowed."""
        if not self.account.is_member:
            raise NotAllowed
        return self.account

    def taken(self, serializer: type[Serializer[Any]]) -> Any:
        """The request's body, checked."""
        given = serializer(data=self.request.data)
        given.is_valid(raise_exception=True)
        return given

    def choice(self, name: str, known: list[str]) -> str | None:
        """A query parameter that must be one of ``known``. Raises a 400."""
        value = self.request.query_params.get(name)
        if value is not None and value not in known:
            raise _UnknownChoice(name)
        return value


class _UnknownChoice(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "invalid_input"

    def __init__(self, name: str) -> None:
        super().__init__({name: "unknown"})
