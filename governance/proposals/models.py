"""Drafts and their texts, and the ballots that the console relayed. Votes and outcome are on chain."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from consortium.core.models import new_id
from consortium.members.models import Institution, Network, Node, User, by_language
from governance.chain.models import ActionKind, CastVote, Ledger, RegistryEntry, RelayTransaction


class Kind(models.TextChoices):
    ADMIT_INSTITUTION = "admit_institution", _("admit an institution")
    ADMIT_NODE = "admit_node", _("admit a node")
    CHANGE_ROLE = "change_role", _("change a node's role")
    REMOVE_NODE = "remove_node", _("remove a node")
    SUSPEND = "suspend", _("suspend an institution")
    REINSTATE = "reinstate", _("reinstate an institution")
    EXPEL = "expel", _("expel an institution")
    CHANGE_VOTER = "change_voter", _("change a voting address")
    SET_ACCOUNT = "set_account", _("change an account's permission")
    THAW_NODE = "thaw_node", _("thaw a node")
    RATIFY_FREEZE = "ratify_freeze", _("ratify the freeze of a node")
    CHANGE_RULE = "change_rule", _("change a voting rule")
    CHANGE_TERMS = "change_terms", _("change durations")
    CHANGE_GUARDIANS = "change_guardians", _("change the guardians")
    NAME_GUARDIAN = "name_guardian", _("name the guardians' contract")
    SET_CONVENER = "set_convener", _("change who proposes for the secretariat")
    SET_PUBLISHER = "set_publisher", _("change who anchors the lists' logs")
    HAND_OVER = "hand_over", _("hand over to another governor")
    OTHER = "other", _("something else")  # opened on the ledger without the console; never drafted here


class State(models.TextChoices):
    """Derived from the chain and the clock by ``rules.state``; nowhere stored."""

    DRAFT = "draft", _("draft")
    DISCARDED = "discarded", _("discarded")
    SUBMITTING = "submitting", _("on its way to the ledger")
    REFUSED = "refused", _("refused by the ledger")
    PENDING = "pending", _("voting not yet open")
    VOTING = "voting", _("voting")
    SUCCEEDED = "succeeded", _("passed, not yet executed")
    QUEUED = "queued", _("passed, waits for its effective time")
    EXECUTED = "executed", _("executed")
    DEFEATED = "defeated", _("defeated")
    CANCELED = "canceled", _("cancelled")


class Permission(models.IntegerChoices):
    """What an account may do on a network."""

    NONE = 0, _("none")
    TRANSACT = 1, _("may transact")
    DEPLOY = 2, _("may transact and deploy contracts")


class Proposal(models.Model):
    """What members vote on. Once opened, everything but the projections is frozen."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.PositiveIntegerField(_("number"), unique=True)
    ledger = models.ForeignKey(Ledger, models.PROTECT)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    title_zh = models.CharField(_("title (Chinese)"), max_length=200)
    title_en = models.CharField(_("title (English)"), max_length=200)
    text = models.TextField(_("text"))
    text_sha256 = models.CharField(_("hash of the text"), max_length=64)
    # What the first of its actions is about; ``actions`` has all of them.
    institution = models.ForeignKey(
        Institution,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="proposals",
        verbose_name=_("institution concerned"),
    )
    node = models.ForeignKey(
        Node, models.PROTECT, null=True, blank=True, related_name="proposals", verbose_name=_("node")
    )
    network = models.ForeignKey(Network, models.PROTECT, null=True, blank=True, verbose_name=_("network"))
    node_role = models.PositiveSmallIntegerField(
        _("role"), choices=RegistryEntry.NodeRole, null=True, blank=True
    )
    targets = models.JSONField(default=list)
    values = models.JSONField(default=list)
    calldatas = models.JSONField(default=list)
    description = models.TextField()  # what goes on chain, with the text's hash in it
    chain_proposal_id = models.CharField(_("id on chain"), max_length=78, unique=True)
    # Nobody's of ours where it was opened on the ledger without the console.
    drafted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("drafted by")
    )
    drafted_at = models.DateTimeField(_("drafted"))
    opened_by = models.ForeignKey(
        User, models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("opened by")
    )
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    discarded_at = models.DateTimeField(_("discarded"), null=True, blank=True)
    propose_tx = models.OneToOneField(
        RelayTransaction, models.PROTECT, null=True, blank=True, related_name="+"
    )
    queue_tx = models.OneToOneField(RelayTransaction, models.PROTECT, null=True, blank=True, related_name="+")
    execute_tx = models.OneToOneField(
        RelayTransaction, models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdraw_tx = models.OneToOneField(
        RelayTransaction, models.PROTECT, null=True, blank=True, related_name="+"
    )
    amends = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="successors", verbose_name=_("amends")
    )

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["amends"],
                condition=models.Q(discarded_at__isnull=True),
                name="proposal_one_successor",
            )
        ]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"

    @property
    def record_label(self) -> str:
        """What events call it: the same in every language."""
        return f"#{self.number}"

    @property
    def is_adopted(self) -> bool:
        """Opened on the ledger without the console: by a member itself, or by the guardians."""
        return self.opened_at is not None and self.opened_by_id is None and self.propose_tx_id is None

    @property
    def title(self) -> str:
        return by_language(self.title_zh, self.title_en)


class ProposalAction(models.Model):
    """One of the things that a proposal does. All are carried out together, in this order, or none is."""

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="actions")
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("institution")
    )
    node = models.ForeignKey(
        Node, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("node")
    )
    network = models.ForeignKey(
        Network, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("network")
    )
    node_role = models.PositiveSmallIntegerField(
        _("role"), choices=RegistryEntry.NodeRole, null=True, blank=True
    )
    # An account, a voting address, or who takes an office.
    address = models.CharField(_("address"), max_length=42, blank=True)
    permission = models.PositiveSmallIntegerField(_("permission"), choices=Permission, null=True, blank=True)
    rule_of = models.PositiveSmallIntegerField(_("kind of action"), choices=ActionKind, null=True, blank=True)
    rule = models.JSONField(_("rule"), null=True, blank=True)  # as ``rules.Rule.read`` takes it
    durations = models.JSONField(_("durations"), null=True, blank=True)  # seconds, by ``rules.DURATIONS``
    guardians = models.JSONField(_("guardians"), null=True, blank=True)  # addresses
    threshold = models.PositiveSmallIntegerField(_("guardians who must agree"), null=True, blank=True)
    # The guardians' contract that belongs to the governor that takes over.
    break_glass = models.CharField(_("guardians' contract"), max_length=42, blank=True)

    class Meta:
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["proposal", "position"], name="action_position_once")]

    def __str__(self) -> str:
        return f"{self.position}. {self.get_kind_display()}"


class Attachment(models.Model):
    """A file that the proposal's description names by its hash. The bytes lie under DATA_DIR."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="attachments")
    name = models.CharField(_("name"), max_length=120)
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.PositiveIntegerField(_("size"))  # bytes
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("added by"))
    added_at = models.DateTimeField(_("added"))

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["added_at", "id"]
        constraints = [models.UniqueConstraint(fields=["proposal", "sha256"], name="attachment_once")]

    def __str__(self) -> str:
        return self.name


COMMENT_LENGTH = 4000  # characters


class Comment(models.Model):
    """What somebody said of a proposal. It stays as it was said."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="comments")
    author = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("author"))
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("institution")
    )  # empty for the secretariat
    text = models.TextField(_("text"))
    written_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = pgettext_lazy("discussion", "comment")
        verbose_name_plural = _("comments")
        ordering = ["written_at", "id"]

    def __str__(self) -> str:
        return f"{self.author}: {self.text[:40]}"


class Ballot(models.Model):
    """A signed ballot taken in for relay. That it counted is known from the chain's ``CastVote`` alone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="ballots", verbose_name=_("proposal"))
    institution = models.ForeignKey(Institution, models.PROTECT, verbose_name=_("institution"))
    voter = models.CharField(_("voting address"), max_length=42)
    support = models.PositiveSmallIntegerField(_("vote"), choices=CastVote.Support)
    nonce = models.CharField(_("ballot nonce"), max_length=78)  # decimal; see rules.nonce
    signature = models.CharField(_("signature"), max_length=132)  # 0x-hex, 65 bytes
    received_at = models.DateTimeField(_("received"))
    received_from = models.CharField(_("received from"), max_length=200)  # the account that handed it in
    relay = models.OneToOneField(RelayTransaction, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("ballot")
        verbose_name_plural = _("ballots")
        ordering = ["received_at"]
        constraints = [models.UniqueConstraint(fields=["proposal", "signature"], name="ballot_once")]

    def __str__(self) -> str:
        return f"{self.institution.short_name} {self.get_support_display()}"
