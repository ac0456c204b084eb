"""Drafts and their texts, and the ballots that the console relayed. Votes and outcome are on chain."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.core.models import new_id
from consortium.members.models import Institution, Network, Node, User, by_language
from governance.chain.models import CastVote, Ledger, RegistryEntry, RelayTransaction


class Kind(models.TextChoices):
    ADMIT_INSTITUTION = "admit_institution", _("admit an institution")
    ADMIT_NODE = "admit_node", _("admit a node")
    CHANGE_ROLE = "change_role", _("change a node's role")
    REMOVE_NODE = "remove_node", _("remove a node")
    SUSPEND = "suspend", _("suspend an institution")
    REINSTATE = "reinstate", _("reinstate an institution")
    EXPEL = "expel", _("expel an institution")


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
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="proposals", verbose_name=_("institution concerned")
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
    drafted_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("drafted by"))
    drafted_at = models.DateTimeField(_("drafted"))
    opened_by = models.ForeignKey(
        User, models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("opened by")
    )
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    discarded_at = models.DateTimeField(_("discarded"), null=True, blank=True)
    propose_tx = models.OneToOneField(
        RelayTransaction, models.PROTECT, null=True, blank=True, related_name="+"
    )
    execute_tx = models.OneToOneField(
        RelayTransaction, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"#{self.number} {self.title}"

    @property
    def record_label(self) -> str:
        """What events call it: the same in every language."""
        return f"#{self.number}"

    @property
    def title(self) -> str:
        return by_language(self.title_zh, self.title_en)


class Ballot(models.Model):
    """A signed ballot taken in for relay. That it counted is known from the chain's ``CastVote`` alone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="ballots", verbose_name=_("proposal"))
    institution = models.ForeignKey(Institution, models.PROTECT, verbose_name=_("institution"))
    voter = models.CharField(_("voting address"), max_length=42)
    support = models.PositiveSmallIntegerField(_("vote"), choices=CastVote.Support)
    nonce = models.PositiveBigIntegerField(_("ballot nonce"))
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
