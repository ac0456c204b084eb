"""Break-glass in the API: who the guardians are, what they have begun; and handing in what one signed."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from consortium.core import clock
from consortium.core.errors import NotAllowed, NotFound
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.portal import guarding, scope
from governance.chain import confirmations
from governance.chain import ledger as gateway
from governance.chain.models import RelayTransaction


class FrozenOut(serializers.Serializer[Any]):
    """A frozen node. ``until`` is null where members ratified it; ``vote`` is the proposal's number."""

    network = serializers.CharField(source="entry.network")
    consensus_id = serializers.CharField(source="entry.consensus_id")
    institution = serializers.CharField(source="entry.member_id", help_text="USCC")
    ratified = serializers.BooleanField(source="entry.freeze_ratified")
    until = serializers.SerializerMethodField()
    vote = serializers.IntegerField(source="vote.number", default=None, allow_null=True)

    def get_until(self, row: guarding.FrozenRow) -> str | None:
        ends = None if row.seconds_left is None else row.entry.frozen_until
        return None if ends is None else ends.isoformat()


class RoundOut(serializers.Serializer[Any]):
    """What some have confirmed and not enough of them yet: a freeze, or the cancellation of a proposal."""

    network = serializers.CharField(source="round.network")
    consensus_id = serializers.CharField(source="round.consensus_id")
    proposal_id = serializers.CharField(source="round.proposal_id", help_text="on chain")
    reason_hash = serializers.CharField(source="round.reason_hash", help_text="SHA-256 of the reason's text")
    confirmed_by = serializers.ListField(source="round.guardians", child=serializers.CharField())
    needed = serializers.IntegerField(source="round.needed")
    ends_at = serializers.DateTimeField(source="round.ends_at")


class GuardiansOut(serializers.Serializer[Any]):
    contract = serializers.CharField(source="guardians.contract")
    guardians = serializers.ListField(source="guardians.addresses", child=serializers.CharField())
    threshold = serializers.IntegerField(source="guardians.threshold")
    frozen = FrozenOut(many=True)
    begun = RoundOut(source="rounds", many=True)


class RelayedOut(serializers.ModelSerializer[RelayTransaction]):
    """A confirmation that was taken in, and how far it is."""

    class Meta:
        model = RelayTransaction
        fields = ["id", "status", "error_code", "tx_hash", "created_at"]
        read_only_fields = fields


class Guardians(Scoped):
    """Who may freeze a node or cancel a proposal, and what they have begun."""

    serializer_class = GuardiansOut
    pagination_class = None
    queryset: QuerySet[RelayTransaction] = RelayTransaction.objects.none()

    @extend_schema(responses={200: GuardiansOut, **ERRORS})
    def list(self, request: Request) -> Response:
        """Guardians and threshold, what is frozen now, and rounds that are not complete."""
        self._check_reader()
        return Response(GuardiansOut(guarding.overview(gateway.current(), clock.now())).data)

    @extend_schema(responses={200: RelayedOut(many=True), **ERRORS}, filters=False)
    @action(detail=False, methods=["get"])
    def confirmations(self, request: Request) -> Response:
        """What was handed in here last, and how far it is."""
        self._check_reader()
        return Response(RelayedOut(guarding.handed_in(), many=True).data)

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: RelayedOut, **ERRORS})
    @confirmations.mapping.post
    def hand_in(self, request: Request) -> Response:
        """Hand in what ``governance.guardian`` wrote with ``--out``; the console relays it to the ledger."""
        self._check_reader()
        if not guarding.may_hand_in(self.account):
            raise NotAllowed
        row = confirmations.accept(gateway.current(), request.data, actor=self.account)
        return Response(RelayedOut(row).data, status=status.HTTP_201_CREATED)

    def _check_reader(self) -> None:
        """Whoever reads no proposals reads nothing here."""
        if not self.account.is_member and not scope.oversees(self.account):
            raise NotFound
