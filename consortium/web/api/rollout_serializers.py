"""How an epoch went out, as the API shows it: to read alone."""

from __future__ import annotations

from rest_framework import serializers

from governance.permissions.models import Rollout, RolloutStage


class RolloutStageOut(serializers.ModelSerializer[RolloutStage]):
    """``share`` in 1/10000 of the nodes, beside the canaries; ``nodes``: let in so far."""

    class Meta:
        model = RolloutStage
        fields = ["number", "share", "begun_at", "published_at", "nodes"]
        read_only_fields = fields


class RolloutOut(serializers.ModelSerializer[Rollout]):
    """``urgency``: why it went to everybody at once in spite of the policy; empty where it did not."""

    status = serializers.CharField(read_only=True)
    share = serializers.IntegerField(read_only=True)
    former = serializers.IntegerField(source="former.number", read_only=True, allow_null=True)
    stages = RolloutStageOut(many=True, read_only=True)

    class Meta:
        model = Rollout
        fields = [
            "status", "share", "former", "urgency", "begun_at", "halted_at", "resumed_at", "completed_at",
            "superseded_at", "rolled_back_at", "stages",
        ]  # fmt: skip
        read_only_fields = fields
