"""The API's shapes of nodes on their way out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from consortium.members.models import Institution, Node
from governance.permissions import removal, removals


class RemovalIn(serializers.Serializer[Any]):
    """One node, or an institution: all its nodes in service."""

    node = serializers.PrimaryKeyRelatedField(queryset=Node.objects.all(), required=False)
    institution = serializers.PrimaryKeyRelatedField(queryset=Institution.objects.all(), required=False)
    revocation_reason = serializers.ChoiceField([each.value for each in removals.REASONS])
    reason = serializers.CharField(max_length=2000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("node" in attrs) == ("institution" in attrs):
            raise serializers.ValidationError("Name a node or an institution, one of the two.")
        return attrs


class RemovalStepOut(serializers.Serializer[Any]):
    name = serializers.ChoiceField([each.value for each in removal.Name])
    state = serializers.ChoiceField([each.value for each in removal.State])
    at = serializers.DateTimeField(allow_null=True)
    is_early = serializers.BooleanField(help_text="done though a step before it is not")
    waits_for = serializers.ChoiceField([each.value for each in removal.Wait], help_text="of the step due")
    waited = serializers.IntegerField(help_text="nodes that have not applied the list yet")
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="their names; a member reads its own"
    )


class RemovalOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="row.pk")
    node = serializers.UUIDField(source="row.node_id")
    name = serializers.CharField(source="row.node")
    network = serializers.SlugField(source="row.node.network_id")
    state = serializers.ChoiceField(["under_way", "completed", "withdrawn"])
    revocation_reason = serializers.CharField(source="row.revocation_reason")
    reason = serializers.CharField(source="row.reason")
    ordered_by = serializers.CharField(source="row.ordered_by_label")
    ordered_at = serializers.DateTimeField(source="row.ordered_at")
    completed_at = serializers.DateTimeField(source="row.completed_at", allow_null=True)
    withdrawn_at = serializers.DateTimeField(source="row.withdrawn_at", allow_null=True)
    steps = RemovalStepOut(many=True, help_text="in their order; in lists of those under way alone")
