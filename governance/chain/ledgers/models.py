"""Ledgers and how each is governed; what a committee decided, projected; what is wished and signed for it.

``LedgerBlock``, ``CommitteeCall``, ``CommitteeProposal``, ``CommitteeVote``, ``CommitteeGovernor``,
``LedgerNode`` and ``CommitteeState`` are computed from the chain and can be dropped and rebuilt
(``rebuild_committee``). Addresses in EIP-55 form, hashes as 0x-hex.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from consortium.members.models import Institution, Network
from governance.contracts import fisco


class GovernedLedger(models.Model):
    """A ledger: where it answers, and how it is governed."""

    class Kind(models.TextChoices):
        GOVERNOR = "governor", _("governor contract")
        COMMITTEE = "committee", _("FISCO BCOS committee")
        REGISTRY_ONLY = "registry_only", _("governed elsewhere, only read")

    slug = models.SlugField(_("name"), primary_key=True, max_length=32)
    kind = models.CharField(_("governed by"), max_length=16, choices=Kind)
    network = models.OneToOneField(
        Network, models.PROTECT, null=True, blank=True, related_name="governed_by", verbose_name=_("network")
    )  # whose nodes and accounts are decided on it
    rpc_addresses = models.JSONField(_("JSON-RPC addresses"), default=list)  # asked in this order
    native_addresses = models.JSONField(_("native RPC addresses"), default=list, blank=True)
    native_group = models.CharField(_("group"), max_length=40, default="group0", blank=True)
    registry = models.CharField(
        _("registry contract"), max_length=42, blank=True
    )  # registry only: if it has one
    chain_id = models.PositiveBigIntegerField(_("chain id"))
    genesis_hash = models.CharField(_("genesis"), max_length=66)
    start_block = models.PositiveBigIntegerField(_("first block"), default=0)
    log_range = models.PositiveIntegerField(_("blocks a call"), default=10)  # FISCO BCOS covers no more
    ticks_per_second = models.PositiveIntegerField(_("clock ticks a second"), default=1000)
    idle_after = models.PositiveIntegerField(_("idle after (seconds)"), default=600)

    class Meta:
        verbose_name = _("governed ledger")
        verbose_name_plural = _("governed ledgers")
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=Q(log_range__gte=1), name="ledger_log_range_positive"),
            models.CheckConstraint(condition=Q(ticks_per_second__in=[1, 1000]), name="ledger_clock_known"),
        ]

    def __str__(self) -> str:
        return self.slug


class LedgerBlock(models.Model):
    """An indexed block. The newest few hundred are kept, to notice reorganisations."""

    ledger = models.ForeignKey(
        GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="blocks"
    )
    number = models.PositiveBigIntegerField(_("block"))
    hash = models.CharField(_("hash"), max_length=66)
    time = models.DateTimeField(_("time"))

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["ledger", "number"], name="ledger_block_once")]

    def __str__(self) -> str:
        return f"{self.number}"


class LedgerReading(models.Model):
    """When a ledger was read last, how far that was, and what kept the console from it since."""

    ledger = models.OneToOneField(
        GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="reading"
    )
    tried_at = models.DateTimeField(_("tried"), null=True)
    read_at = models.DateTimeField(_("read"), null=True)  # to its end
    nodes_read_at = models.DateTimeField(_("node roles read"), null=True)
    head = models.PositiveBigIntegerField(_("newest block"), null=True)
    head_time = models.DateTimeField(_("time of the newest block"), null=True)
    trouble = models.CharField(_("trouble"), max_length=60, blank=True)  # an error's code; empty: none
    detail = models.CharField(_("in its own words"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("reading of a ledger")
        verbose_name_plural = _("readings of ledgers")

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.head}"


class CommitteeState(models.Model):
    """The committee as it was last read: rates and addresses."""

    ledger = models.OneToOneField(
        GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="committee_state"
    )
    committee = models.CharField(_("committee contract"), max_length=42)
    proposal_manager = models.CharField(_("proposals contract"), max_length=42)
    participation = models.PositiveSmallIntegerField(_("participation rate (%)"))
    win = models.PositiveSmallIntegerField(_("win rate (%)"))
    deploy_type = models.PositiveSmallIntegerField(_("right to deploy"), default=0)
    head = models.PositiveBigIntegerField(_("block"))
    head_time = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("committee")
        verbose_name_plural = _("committees")

    def __str__(self) -> str:
        return f"{self.ledger_id}: {self.participation} % / {self.win} %"


class CommitteeGovernor(models.Model):
    """A governor and its weight, as last read."""

    ledger = models.ForeignKey(
        GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="governors"
    )
    address = models.CharField(_("address"), max_length=42)
    weight = models.PositiveBigIntegerField(_("weight"))

    class Meta:
        verbose_name = _("governor")
        verbose_name_plural = _("governors")
        ordering = ["address"]
        constraints = [models.UniqueConstraint(fields=["ledger", "address"], name="committee_governor_once")]

    def __str__(self) -> str:
        return self.address


class CommitteeCall(models.Model):
    """A transaction to the committee, decoded from its input: the chain keeps nothing else of its content."""

    ledger = models.ForeignKey(GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="calls")
    block = models.PositiveBigIntegerField(_("block"))
    index = models.PositiveIntegerField(_("place in the block"))
    block_time = models.DateTimeField(_("time"))
    tx_hash = models.CharField(_("transaction"), max_length=66)
    sender = models.CharField(_("sender"), max_length=42)
    function = models.CharField(_("function"), max_length=60)  # empty: the committee was called by a contract
    type = models.PositiveSmallIntegerField(_("type"), default=0)  # of the proposal it creates
    arguments = models.JSONField(_("arguments"), default=dict)
    interval = models.DecimalField(_("blocks to vote"), max_digits=78, decimal_places=0, default=0)
    succeeded = models.BooleanField(_("succeeded"))
    exec_code = models.BigIntegerField(_("result of applying"), null=True)  # of execResult, where it said so

    class Meta:
        verbose_name = _("committee call")
        verbose_name_plural = _("committee calls")
        ordering = ["block", "index"]
        constraints = [models.UniqueConstraint(fields=["ledger", "tx_hash"], name="committee_call_once")]
        indexes = [models.Index(fields=["ledger", "block", "index"], name="committee_call_place")]

    def __str__(self) -> str:
        return f"{self.function} @{self.block}"


class CommitteeProposal(models.Model):
    """A proposal of the committee. What it does comes from the calldata that created it."""

    class Status(models.IntegerChoices):
        OPEN = fisco.OPEN, _("open")
        PASSED = fisco.PASSED, _("passed")
        DENIED = fisco.DENIED, _("denied")
        REVOKED = fisco.REVOKED, pgettext_lazy("proposal", "revoked")
        OUTDATED = fisco.OUTDATED, _("outdated")

    class Type(models.IntegerChoices):
        GOVERNOR = 11, _("governor's weight")
        RATES = 12, _("rates")
        VOTE_COMPUTER = 13, _("vote computer")
        DEPLOY_TYPE = 21, _("who may deploy contracts")
        DEPLOY_RIGHT = 22, _("an account's right to deploy")
        CONTRACT_ADMIN = 31, _("a contract's administrator")
        SYSTEM_CONFIG = 41, _("system configuration")
        NODE_WEIGHT = 51, _("a node's role or weight")
        NODE_REMOVAL = 52, _("removal of a node")

    ledger = models.ForeignKey(
        GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="proposals"
    )
    number = models.PositiveBigIntegerField(_("number"))
    type = models.PositiveSmallIntegerField(_("type"), choices=Type)
    proposer = models.CharField(_("proposer"), max_length=42)
    resource = models.CharField(_("about"), max_length=42)
    deadline = models.DecimalField(_("last block"), max_digits=78, decimal_places=0)  # absolute
    status = models.PositiveSmallIntegerField(_("status"), choices=Status)
    arguments = models.JSONField(_("content"), null=True)  # null: its creating transaction was not found
    created_block = models.PositiveBigIntegerField(_("created in block"), null=True)
    created_at = models.DateTimeField(_("created"), null=True)
    created_tx = models.CharField(max_length=66, blank=True)
    closed_block = models.PositiveBigIntegerField(_("closed in block"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)
    closed_tx = models.CharField(max_length=66, blank=True)
    exec_code = models.BigIntegerField(_("result of applying"), null=True)

    class Meta:
        verbose_name = _("committee proposal")
        verbose_name_plural = _("committee proposals")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["ledger", "number"], name="committee_proposal_once")]

    def __str__(self) -> str:
        return f"{self.ledger_id} #{self.number}"

    @property
    def applied(self) -> bool | None:
        """Whether what passed is in force; None where it did not pass, or nobody can tell."""
        if self.status != fisco.PASSED or self.exec_code is None:
            return None
        return self.exec_code >= 0

    @property
    def after_deadline(self) -> bool:
        """It was decided by a vote that came too late: the chain does not look."""
        return self.status in {fisco.PASSED, fisco.DENIED} and (self.closed_block or 0) > self.deadline


class CommitteeVote(models.Model):
    """Who voted how; block and transaction where it was found."""

    ledger = models.ForeignKey(GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="votes")
    number = models.PositiveBigIntegerField(_("proposal"))
    voter = models.CharField(_("voter"), max_length=42)
    agree = models.BooleanField(_("in favour"))
    block = models.PositiveBigIntegerField(_("block"), null=True)
    tx_hash = models.CharField(_("transaction"), max_length=66, blank=True)

    class Meta:
        verbose_name = _("committee vote")
        verbose_name_plural = _("committee votes")
        ordering = ["number", "block", "voter"]
        constraints = [
            models.UniqueConstraint(fields=["ledger", "number", "voter"], name="committee_vote_once")
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.voter}"


class LedgerNode(models.Model):
    """A node's part in consensus, as the ledger itself lists it: read, never guessed from block heights."""

    class Role(models.IntegerChoices):
        OBSERVER = 1, _("observer")
        SEALER = 2, _("sealer")

    ledger = models.ForeignKey(GovernedLedger, models.CASCADE, verbose_name=_("ledger"), related_name="nodes")
    consensus_id = models.CharField(_("node id"), max_length=128)
    role = models.PositiveSmallIntegerField(_("role"), choices=Role)
    weight = models.PositiveBigIntegerField(_("weight"), default=0)

    class Meta:
        verbose_name = _("node on the ledger")
        verbose_name_plural = _("nodes on the ledger")
        ordering = ["consensus_id"]
        constraints = [models.UniqueConstraint(fields=["ledger", "consensus_id"], name="ledger_node_once")]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.consensus_id[:12]}…"


class CommitteeWish(models.Model):
    """What somebody wants the committee to decide; it waits here while the chain has no room for it.

    The chain has one open proposal a type and resource (of type 51: one at all). ``after``: the step that
    must be applied first, as an observer must be one before it seals.
    """

    ledger = models.ForeignKey(
        GovernedLedger, models.PROTECT, verbose_name=_("ledger"), related_name="wishes"
    )
    type = models.PositiveSmallIntegerField(_("type"), choices=CommitteeProposal.Type)
    arguments = models.JSONField(_("content"))
    resource = models.CharField(_("about"), max_length=42)
    interval = models.PositiveBigIntegerField(_("blocks to vote"), default=fisco.DEFAULT_INTERVAL)
    after = models.ForeignKey(
        "self",
        models.PROTECT,
        verbose_name=pgettext_lazy("step", "after"),
        null=True,
        blank=True,
        related_name="followed_by",
    )
    reason = models.TextField(_("reason"))
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, verbose_name=_("about")
    )
    node_id = models.UUIDField(_("node"), null=True, blank=True)
    created_at = models.DateTimeField(_("wished"))
    created_by = models.CharField(_("wished by"), max_length=200)
    cancelled_at = models.DateTimeField(_("cancelled"), null=True)
    offered_at = models.DateTimeField(_("its turn since"), null=True)
    number = models.PositiveBigIntegerField(_("proposal"), null=True)  # once it is on the ledger

    class Meta:
        verbose_name = _("wish to the committee")
        verbose_name_plural = _("wishes to the committee")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["ledger", "number"], name="wish_one_proposal")]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.get_type_display()} {self.pk}"

    @property
    def record_label(self) -> str:
        """What events call it, the same in every language."""
        return f"{self.ledger_id} {self.type}/{self.pk}"


class CommitteeTransaction(models.Model):
    """A signed transaction: a governor's, relayed byte for byte, or the console's own refresh.

    Hash and bytes are stored before it is sent. ``held``: signed ahead, for a wish whose turn is not here.
    """

    class Status(models.TextChoices):
        HELD = "held", _("signed ahead, waiting for its turn")
        SIGNED = "signed", _("signed, not yet seen on the ledger")
        MINED = "mined", _("on the ledger")
        REVERTED = "reverted", _("refused by the contract")
        LOST = "lost", _("another transaction of the account took its place")
        WITHDRAWN = "withdrawn", _("withdrawn before it was sent")

    ledger = models.ForeignKey(
        GovernedLedger, models.PROTECT, verbose_name=_("ledger"), related_name="transactions"
    )
    purpose = models.CharField(_("purpose"), max_length=80)  # "wish:7", "vote:3", "revoke:3", "refresh:3"
    wish = models.ForeignKey(
        CommitteeWish,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="transactions",
        verbose_name=_("wish"),
    )
    number = models.PositiveBigIntegerField(_("proposal"), null=True)
    sender = models.CharField(_("sender"), max_length=42)
    nonce = models.PositiveBigIntegerField(_("nonce"))
    to = models.CharField(_("to"), max_length=42)
    function = models.CharField(_("function"), max_length=60)
    arguments = models.JSONField(_("arguments"))
    tx_hash = models.CharField(_("transaction"), max_length=66)
    raw = models.TextField()  # 0x-hex, signed
    status = models.CharField(_("status"), max_length=10, choices=Status)
    block = models.PositiveBigIntegerField(_("block"), null=True)
    handed_in_by = models.CharField(_("handed in by"), max_length=200)
    handed_in_at = models.DateTimeField(_("handed in"))
    settled_at = models.DateTimeField(_("settled"), null=True)

    class Meta:
        verbose_name = _("committee transaction")
        verbose_name_plural = _("committee transactions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["ledger", "tx_hash"], name="committee_transaction_once"),
            models.UniqueConstraint(
                fields=["ledger", "sender", "nonce"],
                condition=Q(status__in=["held", "signed", "mined", "reverted"]),
                name="committee_nonce_once",
            ),
        ]
        indexes = [models.Index(fields=["ledger", "status"], name="committee_transaction_status")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.tx_hash[:12]}…"
