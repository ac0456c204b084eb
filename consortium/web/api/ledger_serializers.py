"""What the API shows of ledgers and committees, and what of a signed transaction it takes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from governance.chain.ledgers import signed
from governance.chain.ledgers.base import State
from governance.chain.ledgers.models import CommitteeProposal, CommitteeTransaction, GovernedLedger
from governance.chain.ledgers.rules import Outcome
from governance.chain.ledgers.wishes import WishState

KINDS = GovernedLedger.Kind.values
HEALTH = ["good", "partly", "idle", "unread", "trouble", "stale"]
STATES = [state.value for state in State]
OUTCOMES = [outcome.value for outcome in Outcome]
WISH_STATES = [state.value for state in WishState]
DRIFT = ["", "unknown", "retired", "missing", "differs"]
CHOICES = ["agree", "against", "revoke"]


class LedgerHealthOut(serializers.Serializer[Any]):
    """How a ledger is read, and how many of its addresses may be asked."""

    state = serializers.ChoiceField(HEALTH, source="name")
    words = serializers.CharField()
    trusted = serializers.IntegerField()
    addresses = serializers.IntegerField()
    head = serializers.IntegerField(allow_null=True)
    head_time = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)


class LedgerOut(serializers.Serializer[Any]):
    """A ledger and its way of governing."""

    slug = serializers.SlugField()
    kind = serializers.ChoiceField(KINDS)
    chain_id = serializers.IntegerField()
    genesis_hash = serializers.CharField()
    network = serializers.SlugField(source="row.network_id", allow_null=True, default=None)
    open_proposals = serializers.IntegerField(help_text="of a committee")
    waiting_wishes = serializers.IntegerField(help_text="of a committee")
    health = LedgerHealthOut()


class GovernorOut(serializers.Serializer[Any]):
    address = serializers.CharField()
    weight = serializers.IntegerField(help_text="of this moment")
    institution = serializers.UUIDField(source="institution.pk", allow_null=True, default=None)


class CommitteeOut(serializers.Serializer[Any]):
    """Weights and rates as last read."""

    participation = serializers.IntegerField(source="state.participation", help_text="per cent of all")
    win = serializers.IntegerField(source="state.win", help_text="per cent of them that must agree")
    deploy_type = serializers.IntegerField(
        source="state.deploy_type", help_text="0 everybody, 1 white list, 2 black list"
    )
    weight = serializers.IntegerField(help_text="of all governors")
    governors = GovernorOut(many=True)


class LedgerNodeOut(serializers.Serializer[Any]):
    """A node as the ledger lists it, beside what the alliance decided."""

    consensus_id = serializers.CharField()
    role = serializers.IntegerField(help_text="0 none, 1 observer, 2 sealer")
    weight = serializers.IntegerField()
    node = serializers.UUIDField(source="node.pk", allow_null=True, default=None)
    decided = serializers.IntegerField(allow_null=True, help_text="by the alliance; null where it did not")
    drift = serializers.ChoiceField(DRIFT, help_text="empty where ledger and alliance agree")


class LedgerDetailOut(LedgerOut):
    committee = CommitteeOut(allow_null=True)
    registry = serializers.CharField(
        source="row.registry", default="", help_text="the contract that is read, of one governed elsewhere"
    )
    nodes_read_at = serializers.DateTimeField(allow_null=True)
    nodes = LedgerNodeOut(many=True)


class WeightsOut(serializers.Serializer[Any]):
    agree = serializers.IntegerField()
    against = serializers.IntegerField()
    all = serializers.IntegerField()
    participation_missing = serializers.IntegerField(help_text="weight that must still vote to decide")
    outstanding = serializers.IntegerField()


class CommitteeDeadlineOut(serializers.Serializer[Any]):
    """In blocks: an idle ledger makes none, and its deadline stands still."""

    block = serializers.IntegerField()
    blocks_left = serializers.IntegerField()
    idle_since = serializers.DateTimeField(allow_null=True)
    words = serializers.CharField()


class CommitteeProposalOut(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="proposal.number")
    ledger = serializers.SlugField(source="proposal.ledger_id")
    type = serializers.ChoiceField(CommitteeProposal.Type.choices, source="proposal.type")
    words = serializers.CharField(source="action_words", help_text="the decoded call, in a sentence")
    arguments = serializers.DictField(
        source="proposal.arguments", allow_null=True, help_text="null where its transaction was not found"
    )
    state = serializers.ChoiceField(STATES, source="state.value")
    state_words = serializers.CharField()
    proposer = serializers.CharField(source="proposal.proposer")
    weights = WeightsOut(source="tally")
    deadline_block = serializers.CharField(source="proposal.deadline")
    deadline = CommitteeDeadlineOut(allow_null=True, help_text="of an open one")
    result = serializers.IntegerField(
        source="proposal.exec_code", allow_null=True, help_text="of applying it; below 0: not applied"
    )
    created_block = serializers.IntegerField(source="proposal.created_block", allow_null=True)
    created_tx = serializers.CharField(source="proposal.created_tx")
    closed_block = serializers.IntegerField(source="proposal.closed_block", allow_null=True)
    closed_tx = serializers.CharField(source="proposal.closed_tx")


class CommitteeVoterOut(serializers.Serializer[Any]):
    address = serializers.CharField(source="line.address")
    weight = serializers.IntegerField(source="line.weight", help_text="of this moment")
    institution = serializers.UUIDField(source="line.institution.pk", allow_null=True, default=None)
    vote = serializers.ChoiceField(["", "for", "against"], source="choice")
    block = serializers.IntegerField(source="line.vote.block", allow_null=True, default=None)
    tx_hash = serializers.CharField(source="line.vote.tx_hash", default="")
    if_agree = serializers.ChoiceField(
        OUTCOMES, source="line.if_agree.value", default=None, allow_null=True, help_text="if it votes next"
    )
    if_against = serializers.ChoiceField(
        OUTCOMES, source="line.if_against.value", default=None, allow_null=True, help_text="if it votes next"
    )


class SigningCommandOut(serializers.Serializer[Any]):
    """What a governor runs on its own machine."""

    choice = serializers.ChoiceField(CHOICES)
    command = serializers.CharField()


class CommitteeProposalDetailOut(CommitteeProposalOut):
    needed = serializers.ListField(child=serializers.CharField(), help_text="what is still missing, in words")
    failure = serializers.CharField(help_text="why what passed was not applied, in words")
    warnings = serializers.ListField(child=serializers.CharField())
    voters = CommitteeVoterOut(many=True)
    commands = SigningCommandOut(many=True, help_text="for whoever may vote or revoke now")


class CommitteeWishOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="wish.pk")
    ledger = serializers.SlugField(source="wish.ledger_id")
    type = serializers.ChoiceField(CommitteeProposal.Type.choices, source="wish.type")
    words = serializers.CharField(source="action_words")
    arguments = serializers.DictField(source="wish.arguments")
    interval = serializers.IntegerField(source="wish.interval", help_text="blocks to vote")
    state = serializers.ChoiceField(WISH_STATES, source="state.value")
    state_words = serializers.CharField()
    reason = serializers.CharField(source="wish.reason")
    created_at = serializers.DateTimeField(source="wish.created_at")
    proposal = serializers.IntegerField(source="wish.number", allow_null=True, help_text="once it is one")
    command = serializers.CharField(help_text="what a governor runs to sign it")


class CommitteeTransactionOut(serializers.ModelSerializer[CommitteeTransaction]):
    ledger = serializers.SlugField(source="ledger_id", read_only=True)
    wish = serializers.IntegerField(source="wish_id", allow_null=True, read_only=True)
    proposal = serializers.IntegerField(source="number", allow_null=True, read_only=True)

    class Meta:
        model = CommitteeTransaction
        fields = [
            "ledger", "purpose", "wish", "proposal", "sender", "nonce", "function", "arguments", "tx_hash",
            "status", "block", "handed_in_by", "handed_in_at", "settled_at",
        ]  # fmt: skip
        read_only_fields = fields


class RawIn(serializers.Serializer[Any]):
    raw = serializers.CharField(
        max_length=2 * signed.LARGEST + 2, help_text="the signed transaction, 0x and hexadecimal digits"
    )


class SignedVoteIn(RawIn):
    choice = serializers.ChoiceField(CHOICES, help_text="what was signed; the bytes must say the same")
