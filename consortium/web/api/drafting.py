"""Drafting by program: what the secretariat hands in, and what it is shown before anyone votes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from consortium.members.models import Institution, Network, Node
from consortium.members.permissions import require_secretariat
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.api.serializers import ReasonIn, RuleOut
from governance.chain.models import ActionKind, RegistryEntry
from governance.permissions import preview as lists
from governance.proposals import charter, preview, rules, services
from governance.proposals.models import Kind, Permission, Proposal
from governance.proposals.services import Wish
from governance.proposals.simulation import Verdict


class RuleIn(serializers.Serializer[Any]):
    """Shares as numerator and denominator."""

    quorum = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    approval = serializers.ListField(child=serializers.IntegerField(), min_length=2, max_length=2)
    categories = serializers.IntegerField()


class ActionIn(serializers.Serializer[Any]):
    """One thing that the proposal is to do. Which fields go with which kind, the answer says."""

    kind = serializers.ChoiceField([choice for choice in Kind.choices if choice[0] != Kind.OTHER])
    institution = serializers.PrimaryKeyRelatedField(queryset=Institution.objects.all(), required=False)
    node = serializers.PrimaryKeyRelatedField(queryset=Node.objects.all(), required=False)
    node_role = serializers.ChoiceField(RegistryEntry.NodeRole.choices, required=False)
    network = serializers.PrimaryKeyRelatedField(queryset=Network.objects.all(), required=False)
    address = serializers.CharField(
        max_length=42, required=False, help_text="account, voting address or contract; all zeros for nobody"
    )
    permission = serializers.ChoiceField(Permission.choices, required=False)
    rule_of = serializers.ChoiceField(ActionKind.choices, required=False)
    rule = RuleIn(required=False)
    durations = serializers.DictField(
        child=serializers.IntegerField(),
        required=False,
        help_text=f"seconds, by name: {', '.join(charter.DURATIONS)}",
    )
    guardians = serializers.ListField(
        child=serializers.CharField(max_length=42), max_length=50, required=False, help_text="all of them"
    )
    threshold = serializers.IntegerField(min_value=0, max_value=255, required=False)
    break_glass = serializers.CharField(
        max_length=42, required=False, help_text="guardians' contract of the governor that takes over"
    )


class WordsIn(serializers.Serializer[Any]):
    title_zh = serializers.CharField(max_length=200)
    title_en = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=20_000)


class DraftIn(WordsIn):
    """Carried out together, in this order, or not at all."""

    actions = ActionIn(many=True, allow_empty=False)


class AmendmentIn(WordsIn):
    """The successor; without ``actions`` it does the same."""

    actions = ActionIn(many=True, required=False)
    reason = serializers.CharField(max_length=1000)


class DraftOut(serializers.ModelSerializer[Proposal]):
    """What opening it now would freeze."""

    amends = serializers.UUIDField(source="amends_id", allow_null=True, read_only=True)
    kinds = serializers.SerializerMethodField(help_text="of its actions, in order")

    class Meta:
        model = Proposal
        fields = [
            "id", "number", "kind", "title_zh", "title_en", "text", "text_sha256", "description", "targets",
            "calldatas", "chain_proposal_id", "kinds", "amends", "drafted_at", "opened_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_kinds(self, proposal: Proposal) -> list[str]:
        return list(proposal.actions.values_list("kind", flat=True))


class CallOut(serializers.Serializer[Any]):
    sentences = serializers.DictField(child=serializers.CharField(), help_text="by language")
    contract = serializers.CharField()
    function = serializers.CharField()
    target = serializers.CharField()
    calldata = serializers.CharField(source="data")


class SimulationOut(serializers.Serializer[Any]):
    """``together``: every call on what those before it left; ``untried`` are calls that can't be tried so."""

    verdict = serializers.ChoiceField([verdict.value for verdict in Verdict])
    step = serializers.IntegerField(allow_null=True)
    error_code = serializers.CharField()
    sentence = serializers.CharField()
    together = serializers.BooleanField()
    untried = serializers.ListField(child=serializers.IntegerField())


class CharterOut(serializers.Serializer[Any]):
    """A point of the voting itself, as it is and as it would be."""

    what = serializers.CharField()
    now = serializers.CharField()
    then = serializers.CharField()


class ListedOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    member = serializers.CharField()
    role = serializers.CharField()
    consensus_id = serializers.CharField()


class ListedAccountOut(serializers.Serializer[Any]):
    address = serializers.CharField()
    member = serializers.CharField()
    permission = serializers.ChoiceField(["transact", "deploy"])


class FrozenEndpointOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    member = serializers.CharField()
    consensus_id = serializers.CharField()


class ValidatorsOut(serializers.Serializer[Any]):
    registered = serializers.IntegerField()
    taking_part = serializers.IntegerField()
    needed = serializers.IntegerField()
    quorum_survives = serializers.BooleanField()


class NetworkChangeOut(serializers.Serializer[Any]):
    """A network's list: exactly what differs, and whether its validators still reach a quorum."""

    network = serializers.SlugField(source="network.pk")
    entering = ListedOut(many=True)
    leaving = ListedOut(many=True)
    changed = serializers.SerializerMethodField()
    accounts_entering = ListedAccountOut(many=True)
    accounts_leaving = ListedAccountOut(many=True)
    accounts_changed = serializers.SerializerMethodField()
    freezing = FrozenEndpointOut(many=True, help_text="kept out by name from then on")
    thawing = FrozenEndpointOut(many=True)
    before = ValidatorsOut()
    after = ValidatorsOut()
    stops = serializers.BooleanField(source="is_danger")

    def get_changed(self, change: lists.NetworkChange) -> list[list[dict[str, str]]]:
        """Pairs: as it is, as it would be."""
        return [[dict(ListedOut(one).data) for one in pair] for pair in change.changed]

    def get_accounts_changed(self, change: lists.NetworkChange) -> list[list[dict[str, str]]]:
        """Likewise."""
        return [[dict(ListedAccountOut(one).data) for one in pair] for pair in change.accounts_changed]


class MemberOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    short_name = serializers.CharField()
    uscc = serializers.CharField()


class PreviewOut(serializers.Serializer[Any]):
    """``simulation`` and ``charter`` are null while the ledger does not answer."""

    weight = serializers.IntegerField(
        source="seen.kind", help_text="0 routine, 1 membership, 2 constitutional"
    )
    rule = RuleOut(source="seen.terms.rule")
    voting_seconds = serializers.SerializerMethodField()
    quorum = serializers.IntegerField(source="seen.terms.quorum")
    electorate = serializers.IntegerField(source="seen.terms.electorate")
    steps = CallOut(source="seen.steps", many=True)
    simulation = SimulationOut(source="seen.simulation", allow_null=True)
    charter = CharterOut(source="seen.charter", many=True, allow_null=True)
    networks = NetworkChangeOut(many=True)
    members = MemberOut(source="seen.members", many=True)

    def get_voting_seconds(self, row: dict[str, Any]) -> int:
        return int(row["seen"].terms.period.total_seconds())


class Drafting(Scoped):
    """The secretariat's side of ``Proposals``: the services refuse anybody else."""

    @extend_schema(request=DraftIn, responses={201: DraftOut, **ERRORS})
    def create(self, request: Request) -> Response:
        """Draft a proposal, by the secretariat. Nobody else sees it until it is opened."""
        require_secretariat(self.account)  # before the body is read: it names rows of all members
        given = dict(self.taken(DraftIn).validated_data)
        first, *more = _wishes(given.pop("actions"))
        made = services.draft(**given, **vars(first), more=more, actor=self.account)
        return Response(DraftOut(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: PreviewOut, **ERRORS})
    @action(detail=True)
    def preview(self, request: Request, ref: str) -> Response:
        """What would come of it: calls in words, simulation, lists, validators, members."""
        seen = preview.preview(self.get_object())
        return Response(PreviewOut({"seen": seen, "networks": lists.changes(seen.calls)}).data)

    @extend_schema(request=ActionIn, responses={200: DraftOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def actions(self, request: Request, ref: str) -> Response:
        """Let a draft do one thing more."""
        proposal = self.get_object()
        require_secretariat(self.account)
        (wish,) = _wishes([self.taken(ActionIn).validated_data])
        return Response(DraftOut(services.extend(proposal, wish, actor=self.account)).data)

    @extend_schema(request=None, responses={200: DraftOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def opening(self, request: Request, ref: str) -> Response:
        """Freeze the draft and ask the members."""
        return Response(DraftOut(services.open(self.get_object(), actor=self.account)).data)

    @extend_schema(request=ReasonIn, responses={200: DraftOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def withdrawal(self, request: Request, ref: str) -> Response:
        """Take it back, as long as the vote has not begun."""
        proposal = self.get_object()
        require_secretariat(self.account)
        reason = self.taken(ReasonIn).validated_data["reason"]
        return Response(DraftOut(services.withdraw(proposal, actor=self.account, reason=reason)).data)

    @extend_schema(request=AmendmentIn, responses={201: DraftOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def amendment(self, request: Request, ref: str) -> Response:
        """Draft the successor that takes its place."""
        proposal = self.get_object()
        require_secretariat(self.account)
        given = dict(self.taken(AmendmentIn).validated_data)
        wishes = _wishes(given.pop("actions", []))
        made = services.amend(proposal, **given, wishes=wishes, actor=self.account)
        return Response(DraftOut(made).data, status=status.HTTP_201_CREATED)


def _wishes(given: list[dict[str, Any]]) -> list[Wish]:
    return [Wish(**{**one, **_rule(one)}) for one in given]


def _rule(given: dict[str, Any]) -> dict[str, rules.Rule]:
    return {"rule": rules.Rule.read(given["rule"])} if "rule" in given else {}
