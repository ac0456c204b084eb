"""What the API shows and takes. Input is checked for shape here; what it means, the services decide."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from consortium.core.models import Event
from consortium.members.models import Institution, Network, Node, NodeAddress
from consortium.members.states import NodeSoftware
from consortium.web.api.errors import AnotherProposal
from consortium.web.api.rollout_serializers import RolloutOut
from consortium.web.portal import listing
from governance.chain.models import Seat
from governance.permissions import holding
from governance.permissions.models import Epoch, EpochFile, EpochFinding, EpochOverride
from governance.proposals import selectors
from governance.proposals.mandates import Mandate, Substitution
from governance.proposals.models import Attachment, Ballot, Comment, Proposal, State

LIST_STATES = list(listing.LIST_STATES)
EFFECTS = [status.value for status in selectors.EffectStatus]
VOTE_STATES = [status.value for status in selectors.BallotStatus]


class Refusal(serializers.Serializer[Any]):
    """Every answer of status 400 and above."""

    code = serializers.CharField(help_text="stable; for programs")
    detail = serializers.CharField(help_text="a sentence in the language asked for")
    params = serializers.DictField(child=serializers.CharField())
    fields_ = serializers.DictField(required=False, help_text="named “fields”: what is wrong with each")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["fields"] = fields.pop("fields_")
        return fields


class SeatOut(serializers.ModelSerializer[Seat]):
    class Meta:
        model = Seat
        fields = ["status", "voting_address", "category_number", "block", "block_time", "tx_hash"]


class InstitutionOut(serializers.ModelSerializer[Institution]):
    category = serializers.SlugField(source="category_id", read_only=True)
    seat = serializers.SerializerMethodField()

    class Meta:
        model = Institution
        fields = [
            "id", "short_name", "legal_name_zh", "legal_name_en", "category", "uscc", "lei", "joined_on",
            "contact_name", "contact_email", "contact_phone", "founding_member", "status", "status_since",
            "voting_address", "seat",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(SeatOut(allow_null=True))
    def get_seat(self, institution: Institution) -> dict[str, Any] | None:
        seats = self.context.get("seats")
        if seats is None:
            seats = {seat.member_id: seat for seat in Seat.objects.filter(member_id=institution.uscc)}
        seat = seats.get(institution.uscc)
        return dict(SeatOut(seat).data) if seat else None


class ContactIn(serializers.Serializer[Any]):
    contact_name = serializers.CharField(max_length=120)
    contact_email = serializers.CharField(max_length=254)
    contact_phone = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=1000)


class VotingAddressIn(serializers.Serializer[Any]):
    address = serializers.CharField(max_length=42)
    proof = serializers.CharField(max_length=200, help_text="EIP-191 signature, 0x-hex, by that address")


class AddressOut(serializers.ModelSerializer[NodeAddress]):
    class Meta:
        model = NodeAddress
        fields = ["host", "port"]
        read_only_fields = fields


class NodeOut(serializers.ModelSerializer[Node]):
    institution = serializers.UUIDField(source="institution_id", read_only=True)
    network = serializers.SlugField(source="network_id", read_only=True)
    addresses = AddressOut(many=True, read_only=True, help_text="besides host and port")

    class Meta:
        model = Node
        fields = [
            "id", "institution", "network", "name", "software", "software_version", "consensus_id", "host",
            "port", "addresses", "discovery_port", "raft_port", "is_bootnode", "push_url", "created_at",
            "retired_at",
        ]  # fmt: skip
        read_only_fields = fields


class AddressIn(serializers.Serializer[Any]):
    host = serializers.IPAddressField()
    port = serializers.IntegerField(min_value=1, max_value=65535)


class FurtherIn(serializers.Serializer[Any]):
    """What a change may leave out: it stays as it is then."""

    addresses = AddressIn(many=True, required=False, help_text="besides host and port")
    discovery_port = serializers.IntegerField(
        min_value=1, max_value=65535, required=False, allow_null=True, help_text="null: the port"
    )
    raft_port = serializers.IntegerField(min_value=1, max_value=65535, required=False, allow_null=True)
    is_bootnode = serializers.BooleanField(required=False)

    def validate_addresses(self, value: list[dict[str, Any]]) -> list[tuple[str, int]]:
        return [(one["host"], one["port"]) for one in value]


class EndpointChange(FurtherIn):
    """Whatever is left out stays as it is; an empty text empties a field."""

    software = serializers.ChoiceField(NodeSoftware.choices, required=False)
    host = serializers.IPAddressField(required=False)
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False)
    push_url = serializers.CharField(max_length=200, required=False, allow_blank=True)
    software_version = serializers.CharField(max_length=20, required=False, allow_blank=True)
    reason = serializers.CharField(max_length=1000)


class EndpointIn(EndpointChange):
    """Where the node is; all else that is left out stays as it is, too."""

    host = serializers.IPAddressField()
    port = serializers.IntegerField(min_value=1, max_value=65535)


class BySlug(serializers.SlugRelatedField[Any]):
    """A row by its slug. A NUL, which no column holds, is one that does not exist."""

    def to_internal_value(self, data: Any) -> Any:
        if "\0" in str(data):
            self.fail("does_not_exist", slug_name=self.slug_field, value="")
        return super().to_internal_value(data)


class NodeIn(FurtherIn):
    network = BySlug(slug_field="slug", queryset=Network.objects.all())
    name = serializers.SlugField(max_length=40)
    software = serializers.ChoiceField(NodeSoftware.choices)
    software_version = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    consensus_id = serializers.CharField(max_length=132)
    host = serializers.IPAddressField()
    port = serializers.IntegerField(min_value=1, max_value=65535)
    push_url = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=1000)


class TallyOut(serializers.Serializer[Any]):
    in_favour = serializers.IntegerField()
    against = serializers.IntegerField()
    abstain = serializers.IntegerField()


class OwnVoteOut(serializers.Serializer[Any]):
    status = serializers.ChoiceField(VOTE_STATES)
    support = serializers.IntegerField()
    tx_hash = serializers.CharField()
    error_code = serializers.CharField()


class VoterOut(serializers.Serializer[Any]):
    uscc = serializers.CharField()
    address = serializers.CharField()
    support = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    tx_hash = serializers.CharField()


class RuleOut(serializers.Serializer[Any]):
    """What the proposal needs, frozen when it opened: shares as numerator and denominator."""

    quorum = serializers.ListField(child=serializers.IntegerField(), help_text="for and abstained, of seats")
    approval = serializers.ListField(child=serializers.IntegerField(), help_text="for, of for and against")
    categories = serializers.IntegerField(help_text="in so many a majority is needed besides")


class OutlookOut(serializers.Serializer[Any]):
    """What is missing and whether it can still come; 4294967295 where no number of votes would do."""

    passes = serializers.BooleanField()
    possible = serializers.BooleanField()
    decided = serializers.BooleanField()
    quorum_missing = serializers.IntegerField()
    approval_missing = serializers.IntegerField()
    categories_missing = serializers.IntegerField()


class CategoryOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    electorate = serializers.IntegerField(source="votes.electorate")
    tally = TallyOut(source="votes.tally")


class EffectOut(serializers.Serializer[Any]):
    status = serializers.ChoiceField(EFFECTS)
    tx_hash = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    error_code = serializers.CharField()
    effective_at = serializers.DateTimeField(allow_null=True)
    retryable = serializers.BooleanField(source="is_retryable")


class AppliedOut(serializers.Serializer[Any]):
    network = serializers.SlugField()
    epoch = serializers.IntegerField(allow_null=True)
    applied = serializers.IntegerField()
    nodes = serializers.IntegerField()


class RemarkOut(serializers.ModelSerializer[Comment]):
    author = serializers.CharField(source="author.username", read_only=True)
    institution = serializers.UUIDField(source="institution_id", allow_null=True, read_only=True)

    class Meta:
        model = Comment
        fields = ["id", "author", "institution", "text", "written_at"]
        read_only_fields = fields


class RemarkIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=5000)


class AttachmentOut(serializers.ModelSerializer[Attachment]):
    class Meta:
        model = Attachment
        fields = ["name", "sha256", "size", "added_at"]
        read_only_fields = fields


class ProposalOut(serializers.Serializer[Any]):
    """An overview and the viewer's own vote, as ``views.proposals`` pairs them."""

    id = serializers.UUIDField(source="proposal.pk")
    number = serializers.IntegerField(source="proposal.number")
    chain_proposal_id = serializers.CharField(source="proposal.chain_proposal_id")
    kind = serializers.CharField(source="proposal.kind")
    title_zh = serializers.CharField(source="proposal.title_zh")
    title_en = serializers.CharField(source="proposal.title_en")
    institution = serializers.UUIDField(source="proposal.institution_id", allow_null=True)
    node = serializers.UUIDField(source="proposal.node_id", allow_null=True)
    network = serializers.SlugField(source="proposal.network_id", allow_null=True)
    node_role = serializers.IntegerField(source="proposal.node_role", allow_null=True)
    opened_at = serializers.DateTimeField(source="proposal.opened_at", allow_null=True)
    state = serializers.ChoiceField(State.choices, source="overview.state")
    tally = TallyOut(source="overview.tally")
    quorum = serializers.IntegerField(source="overview.quorum", allow_null=True)
    electorate = serializers.IntegerField(source="overview.electorate", allow_null=True)
    starts_at = serializers.DateTimeField(source="overview.starts_at", allow_null=True)
    ends_at = serializers.DateTimeField(source="overview.ends_at", allow_null=True)
    seconds_left = serializers.IntegerField(source="overview.seconds_left", allow_null=True)
    weight = serializers.IntegerField(
        source="overview.kind", allow_null=True, help_text="0 routine, 1 membership, 2 constitutional"
    )
    rule = RuleOut(source="overview.rule", allow_null=True)
    outlook = OutlookOut(source="overview.outlook", allow_null=True)
    by_category = CategoryOut(source="overview.by_category", many=True)
    effect = EffectOut(source="overview.effect")
    amends = serializers.UUIDField(source="proposal.amends_id", allow_null=True)
    own_vote = OwnVoteOut(source="own", allow_null=True)


class ProposedVoteIn(serializers.Serializer[Any]):
    support = serializers.IntegerField(min_value=0, max_value=2, help_text="0 against, 1 for, 2 abstain")
    reason = serializers.CharField(max_length=1000, help_text="stays inside the institution")


class ProposedVoteOut(serializers.ModelSerializer[Mandate]):
    """How an institution's officer proposes that it votes; shown to that institution only."""

    proposal = serializers.UUIDField(source="proposal_id", read_only=True)
    proposed_by = serializers.CharField(source="proposed_by.username", read_only=True)
    proposed_for = serializers.CharField(source="proposed_for.username", read_only=True)
    ballot = serializers.UUIDField(source="ballot_id", allow_null=True, read_only=True)

    class Meta:
        model = Mandate
        fields = [
            "id", "proposal", "support", "reason", "proposed_by", "proposed_for", "proposed_at", "ballot",
        ]  # fmt: skip
        read_only_fields = fields


class StepOut(serializers.Serializer[Any]):
    """One of a proposal's calls, told from its bytes; contract and function empty for an unknown one."""

    zh = serializers.CharField(source="sentences.zh-hans")
    en = serializers.CharField(source="sentences.en")
    contract = serializers.CharField()
    function = serializers.CharField()
    target = serializers.CharField()
    data = serializers.CharField()  # type: ignore[assignment]


class ProposalDetailOut(ProposalOut):
    opened_elsewhere = serializers.BooleanField(
        source="proposal.is_adopted", help_text="on the ledger, without the console"
    )
    steps = StepOut(many=True)
    text = serializers.CharField(source="proposal.text")
    text_sha256 = serializers.CharField(source="proposal.text_sha256")
    description = serializers.CharField(source="proposal.description")
    targets = serializers.ListField(child=serializers.CharField(), source="proposal.targets")
    calldatas = serializers.ListField(child=serializers.CharField(), source="proposal.calldatas")
    chain_id = serializers.IntegerField(source="proposal.ledger.chain_id")
    governor = serializers.CharField()
    attachments = AttachmentOut(many=True)
    comments = RemarkOut(many=True, help_text="the latest 50; all are at comments/")
    applied = AppliedOut(many=True)
    proposed_vote = ProposedVoteOut(allow_null=True)
    voted = VoterOut(many=True, source="overview.voted")
    not_voted = VoterOut(many=True, source="overview.not_voted")
    executed_tx = serializers.CharField(source="overview.effect.tx_hash")


class SubstitutionIn(serializers.Serializer[Any]):
    absent = serializers.CharField(max_length=150, help_text="user name")
    substitute = serializers.CharField(max_length=150, help_text="user name")
    starts = serializers.DateTimeField()
    ends = serializers.DateTimeField()
    reason = serializers.CharField(max_length=1000)


class SubstitutionOut(serializers.ModelSerializer[Substitution]):
    absent = serializers.CharField(source="absent.username", read_only=True)
    substitute = serializers.CharField(source="substitute.username", read_only=True)
    named_by = serializers.CharField(source="named_by.username", read_only=True)

    class Meta:
        model = Substitution
        fields = [
            "id", "institution", "absent", "substitute", "starts", "ends", "ended_at", "reason", "named_by",
            "named_at",
        ]  # fmt: skip
        read_only_fields = fields


class BallotIn(serializers.Serializer[Any]):
    """A ballot signed by the member's own key (EIP-712), as the ``ballot`` command makes it."""

    proposal = serializers.RegexField(
        r"^[0-9]{1,78}$", required=False, help_text="the id on chain; if given, it must be this proposal's"
    )
    chain_id = serializers.IntegerField(min_value=0, max_value=2**63 - 1)
    governor = serializers.CharField(max_length=42)
    voter = serializers.CharField(max_length=42)
    support = serializers.IntegerField(min_value=0, max_value=255, help_text="0 against, 1 for, 2 abstain")
    nonce = serializers.RegexField(
        r"^[0-9]{1,78}$",
        required=False,
        help_text="decimal, as text: (id on chain mod 2^192) × 2^64; need not be said",
    )
    signature = serializers.CharField(max_length=200, help_text="0x-hex, 65 bytes")

    def for_service(self, proposal: Proposal) -> dict[str, Any]:
        """The checked fields as ``services.cast`` takes them. Raises AnotherProposal."""
        values = dict(self.validated_data)
        if "nonce" in values:
            values["nonce"] = int(values["nonce"])
        if values.pop("proposal", proposal.chain_proposal_id) != proposal.chain_proposal_id:
            raise AnotherProposal(number=proposal.number)
        return values


class BallotOut(serializers.ModelSerializer[Ballot]):
    proposal = serializers.UUIDField(source="proposal_id", read_only=True)

    class Meta:
        model = Ballot
        fields = ["id", "proposal", "voter", "support", "nonce", "received_at", "received_from"]
        read_only_fields = fields


class EventOut(serializers.ModelSerializer[Event]):
    class Meta:
        model = Event
        fields = [
            "id", "at", "action", "subject_type", "subject_id", "subject_label", "institution_id", "node_id",
            "actor_label", "reason", "data",
        ]  # fmt: skip
        read_only_fields = fields


class EpochFileOut(serializers.ModelSerializer[EpochFile]):
    class Meta:
        model = EpochFile
        fields = ["path", "format", "sha256"]
        read_only_fields = fields


class EpochFindingOut(serializers.ModelSerializer[EpochFinding]):
    sentence = serializers.SerializerMethodField()

    class Meta:
        model = EpochFinding
        fields = ["code", "params", "sentence"]
        read_only_fields = fields

    def get_sentence(self, row: EpochFinding) -> str:
        return holding.sentence(row.code, row.params)


class EpochOverrideOut(serializers.ModelSerializer[EpochOverride]):
    person = serializers.CharField(source="person_label", read_only=True)

    class Meta:
        model = EpochOverride
        fields = ["person", "reason", "at"]
        read_only_fields = fields


class EpochOut(serializers.ModelSerializer[Epoch]):
    """``findings``: what the guards found; ``overrides``: who wanted it published in spite of them."""

    network = serializers.SlugField(source="network_id", read_only=True)
    files = EpochFileOut(many=True, read_only=True)
    held = serializers.BooleanField(read_only=True)
    superseded = serializers.BooleanField(read_only=True)
    findings = EpochFindingOut(many=True, read_only=True)
    overrides = EpochOverrideOut(many=True, read_only=True)
    rollout = RolloutOut(read_only=True, allow_null=True)

    class Meta:
        model = Epoch
        fields = [
            "id", "network", "number", "block", "tx_hash", "effective_at", "content_sha256", "node_count",
            "cause", "compiled_at", "published_at", "held", "superseded", "findings", "overrides",
            "rollout", "files",
        ]  # fmt: skip
        read_only_fields = fields


class ConvergenceOut(serializers.Serializer[Any]):
    node = serializers.UUIDField(source="node.pk")
    network = serializers.SlugField(source="node.network_id")
    state = serializers.ChoiceField(LIST_STATES)
    wanted = serializers.IntegerField()
    told = serializers.IntegerField()
    applied = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    pulled_at = serializers.DateTimeField(allow_null=True)
