"""The API's shapes of how lists spread."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from consortium.web import alarms
from consortium.web.api.serializers import LIST_STATES
from governance.permissions import drift
from governance.permissions.models import Alarm


class LatencyOut(serializers.Serializer[Any]):
    """Seconds from publication to a node's report of that very epoch."""

    count = serializers.IntegerField(help_text="nodes that reported it")
    first_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)
    p50 = serializers.FloatField(allow_null=True, help_text="half of them had by then")
    p99 = serializers.FloatField(allow_null=True)


class ConvergenceCellOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    institution = serializers.CharField()
    state = serializers.ChoiceField(LIST_STATES)
    alarms = serializers.IntegerField()


class ConvergenceGroupOut(serializers.Serializer[Any]):
    institution = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="nodes by state")


class PictureOut(serializers.Serializer[Any]):
    """``cells`` up to 600 nodes, ``groups`` above."""

    network = serializers.SlugField()
    at = serializers.DateTimeField()
    epoch = serializers.IntegerField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    listed = serializers.IntegerField()
    done = serializers.IntegerField(help_text="nodes that have applied the newest list")
    alarms = serializers.IntegerField(help_text="nodes with an open alarm")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="nodes by state")
    cells = ConvergenceCellOut(many=True)
    groups = ConvergenceGroupOut(many=True)
    groups_left_out = serializers.IntegerField()
    curve = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="seconds since publication, nodes that had reported by then",
    )
    latency = LatencyOut()


class ChapterOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="epoch.pk")
    number = serializers.IntegerField(source="epoch.number")
    cause = serializers.CharField(source="epoch.cause")
    node_count = serializers.IntegerField(source="epoch.node_count")
    compiled_at = serializers.DateTimeField(source="epoch.compiled_at")
    published_at = serializers.DateTimeField(source="epoch.published_at", allow_null=True)
    latency = LatencyOut()


class ListFieldOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class ListEntryOut(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()


class ListEntryChangedOut(ListEntryOut):
    changes = ListFieldOut(many=True, source="fields")


class ListSectionOut(serializers.Serializer[Any]):
    """A part of the list ("nodes", "accounts", "frozen") that differs."""

    name = serializers.CharField()
    entering = ListEntryOut(many=True)
    leaving = ListEntryOut(many=True)
    changed = ListEntryChangedOut(many=True)


class DifferenceOut(serializers.Serializer[Any]):
    network = serializers.SlugField()
    before = serializers.IntegerField(allow_null=True, help_text="null: compared with no list")
    after = serializers.IntegerField()
    sections = ListSectionOut(many=True)


class AlarmOut(serializers.ModelSerializer[Alarm]):
    network = serializers.SlugField(source="node.network_id", read_only=True)
    kind = serializers.ChoiceField(drift.KINDS, read_only=True)
    params = serializers.DictField(read_only=True)
    detail = serializers.SerializerMethodField(help_text="a sentence in the language asked for")

    class Meta:
        model = Alarm
        fields = ["id", "node", "network", "kind", "params", "detail", "since", "cleared_at"]
        read_only_fields = fields

    def get_detail(self, row: Alarm) -> str:
        return alarms.sentence(row)
