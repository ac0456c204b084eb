"""What a person may see. Members see their own institution only; secretariat and regulator see all."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet

from consortium.core.errors import NotFound
from consortium.core.models import Event
from consortium.members.models import Category, Institution, Node, User
from consortium.members.states import Status

Reader = User | AnonymousUser


def sees_all(user: Reader) -> bool:
    return isinstance(user, User) and (user.is_secretariat or user.is_regulator)


def own_institution_id(user: Reader) -> uuid.UUID | None:
    """The institution a member's officer belongs to; None for everybody else."""
    return user.institution_id if isinstance(user, User) and user.is_member else None


def institutions_for(user: Reader) -> QuerySet[Institution]:
    return _limited(Institution.objects.select_related("category"), user, "pk")


def nodes_for(user: Reader) -> QuerySet[Node]:
    rows = Node.objects.select_related("institution", "institution__category", "network")
    return _limited(rows, user, "institution_id")


def accounts_for(user: Reader) -> QuerySet[User]:
    return _limited(User.objects.select_related("institution"), user, "institution_id")


def events_for(user: Reader) -> QuerySet[Event]:
    """The record, as far as it concerns the reader's institution."""
    return _limited(Event.objects.all(), user, "institution_id")


def _limited(rows: QuerySet[Any], user: Reader, field: str) -> QuerySet[Any]:
    if sees_all(user):
        return rows
    own = own_institution_id(user)
    return rows.none() if own is None else rows.filter(**{field: own})


def institution_for(user: Reader, pk: uuid.UUID | str) -> Institution:
    """One institution, or NotFound: for one that is not there as for one that the reader may not see."""
    return _one(institutions_for(user), pk)


def node_for(user: Reader, pk: uuid.UUID | str) -> Node:
    """One node, or NotFound."""
    return _one(nodes_for(user), pk)


def _one(rows: QuerySet[Any], pk: uuid.UUID | str) -> Any:
    try:
        found = rows.filter(pk=pk).first()
    except ValidationError:  # not a UUID at all
        found = None
    if found is None:
        raise NotFound
    return found


def applications_waiting() -> QuerySet[Institution]:
    """Applications that the secretariat has to take up or go on with, the longest waiting first."""
    waiting = [Status.APPLIED, Status.IN_REVIEW]
    return Institution.objects.filter(status__in=waiting).select_related("category").order_by("status_since")


def categories_with_counts() -> QuerySet[Category]:
    """The six categories, each with ``members`` (a seat that may vote) and ``institutions`` (all entries)."""
    return Category.objects.annotate(
        institutions=Count("institution"),
        members=Count("institution", filter=Q(institution__status=Status.ACTIVE)),
    )
