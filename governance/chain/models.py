"""What the ledger said: blocks, events, and the projections computed from them.

Everything here but ``Ledger`` and ``RelayTransaction`` can be dropped and rebuilt from block 0
(``manage.py rebuild_projection``) and comes out the same. Ids on chain are kept as 0x-hex in lower case;
addresses in EIP-55 form; uint256 as decimal text.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from governance.chain.nonce_rows import AccountNonce as AccountNonce
from governance.chain.rpc_nodes import RpcNode as RpcNode  # one table, in a file of its own

# What changes who is in a network's list: the index below serves them, so a new one needs a migration.
REGISTRY_EVENTS = ("NodeRoleChanged", "NodeFrozen", "NodeFreezeRatified", "NodeThawed")


class Ledger(models.Model):
    """The ledger that governs, and the contracts deployed on it; ``governor`` is the one in office."""

    slug = models.SlugField(_("name"), primary_key=True, max_length=32)
    chain_id = models.PositiveBigIntegerField(_("chain id"))
    genesis_hash = models.CharField(_("genesis"), max_length=66)
    seats = models.CharField(_("seats contract"), max_length=42)
    governor = models.CharField(_("governor contract"), max_length=42)
    registry = models.CharField(_("registry contract"), max_length=42)
    first_governor = models.CharField(max_length=42, blank=True)  # in office when the alliance was founded
    timelock = models.CharField(_("timelock contract"), max_length=42, blank=True)  # carries out what passed
    break_glass = models.CharField(_("break-glass contract"), max_length=42, blank=True)
    anchors = models.CharField(_("anchors contract"), max_length=42, blank=True)  # heads of the lists' logs
    ticks_per_second = models.PositiveIntegerField(_("ticks a second"), default=1)  # of a block's timestamp
    relay_address = models.CharField(_("relay account"), max_length=42)
    start_block = models.PositiveBigIntegerField(_("first block"))  # nothing of ours lies before it
    log_range = models.PositiveIntegerField(_("blocks asked at once"), null=True)  # none: the setting's
    founding_closed_at = models.DateTimeField(_("founding closed"), null=True)
    deploying = models.BooleanField(_("being deployed"), default=False)  # not all contracts are there yet

    class Meta:
        verbose_name = _("ledger")
        verbose_name_plural = _("ledgers")

    def __str__(self) -> str:
        return self.slug


class IndexedBlock(models.Model):
    """A block whose events are in the tables. The newest few hundred are kept, to notice reorganisations."""

    ledger = models.ForeignKey(Ledger, models.CASCADE, related_name="blocks")
    number = models.PositiveBigIntegerField(_("block"))
    hash = models.CharField(_("hash"), max_length=66)
    timestamp = models.DateTimeField(_("time"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ledger", "number"], name="block_once")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number}"


class ChainEvent(models.Model):
    """One decoded log, as it was on chain; text with U+FFFD for what can't be stored.

    ``Undecodable``: a log that is not what its first topic says, with its bytes.
    """

    ledger = models.ForeignKey(Ledger, models.CASCADE, related_name="events")
    block = models.PositiveBigIntegerField(_("block"))
    block_hash = models.CharField(_("block hash"), max_length=66)
    block_time = models.DateTimeField(_("time"))
    log_index = models.PositiveIntegerField(_("place in the block"))
    tx_hash = models.CharField(_("transaction"), max_length=66)
    contract = models.CharField(_("contract"), max_length=42)
    name = models.CharField(_("event"), max_length=60)
    about = models.CharField(max_length=200)  # what it changes, e.g. "seat:<USCC>": see folds.about
    args = models.JSONField(_("arguments"))

    class Meta:
        verbose_name = _("ledger event")
        verbose_name_plural = _("ledger events")
        ordering = ["block", "log_index"]
        constraints = [
            models.UniqueConstraint(fields=["ledger", "block", "log_index"], name="chain_event_once")
        ]
        indexes = [
            models.Index(fields=["tx_hash"], name="chain_event_tx"),
            models.Index(fields=["about", "block", "log_index"], name="chain_event_about"),
            models.Index(fields=["name", "block_time"], name="chain_event_name"),
            models.Index(
                F("ledger"),
                KeyTransform("network", "args"),
                F("block").desc(),
                F("log_index").desc(),
                condition=Q(name__in=REGISTRY_EVENTS),
                name="chain_event_registry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} @{self.block}"


class Projected(models.Model):
    """Where a projected row was last changed on the ledger."""

    ledger = models.ForeignKey(Ledger, models.CASCADE)
    block = models.PositiveBigIntegerField(_("block"))
    block_time = models.DateTimeField(_("time"))
    tx_hash = models.CharField(_("transaction"), max_length=66)

    class Meta:
        abstract = True


class Seat(Projected):
    """A seat of the ``Seats`` contract. ``member_id`` is the institution's USCC."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")
        REVOKED = "revoked", pgettext_lazy("seat", "revoked")

    member_id = models.CharField(_("USCC"), max_length=32)
    category_number = models.PositiveSmallIntegerField(_("category"))
    voting_address = models.CharField(_("voting address"), max_length=42)
    status = models.CharField(_("status"), max_length=12, choices=Status)

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats")
        ordering = ["member_id"]
        constraints = [models.UniqueConstraint(fields=["ledger", "member_id"], name="seat_once")]
        indexes = [models.Index(fields=["voting_address"], name="seat_voter")]

    def __str__(self) -> str:
        return self.member_id


class Governor(Projected):
    """A governor that the timelock takes proposals from, or once took: its proposals stay to be read.

    ``block`` and the rest: when the members put it into office. One that has left has ``left_block``.
    """

    ledger = models.ForeignKey(Ledger, models.CASCADE, related_name="governors")
    address = models.CharField(_("governor contract"), max_length=42)
    left_block = models.PositiveBigIntegerField(_("left in block"), null=True)
    left_at = models.DateTimeField(pgettext_lazy("office", "left"), null=True)

    class Meta:
        verbose_name = pgettext_lazy("contract", "governor")
        verbose_name_plural = pgettext_lazy("contract", "governors")
        ordering = ["block"]
        constraints = [models.UniqueConstraint(fields=["ledger", "address"], name="governor_once")]

    def __str__(self) -> str:
        return self.address


class ActionKind(models.IntegerChoices):
    """What a proposal is about, which says how large a majority it needs; the strictest of its calls."""

    ROUTINE = 0, _("routine")
    MEMBERSHIP = 1, _("membership")
    CONSTITUTIONAL = 2, _("constitutional")


class VotingRule(Projected):
    """What a kind of action needs to pass, in proposals that open from now on.

    ``rule``: ``{"quorum": [n, d], "approval": [n, d], "categories": k}``.
    """

    governor = models.CharField(_("governor contract"), max_length=42)
    kind = models.PositiveSmallIntegerField(_("kind of action"), choices=ActionKind)
    rule = models.JSONField(_("rule"))

    class Meta:
        verbose_name = _("voting rule")
        verbose_name_plural = _("voting rules")
        ordering = ["governor", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["ledger", "governor", "kind"], name="voting_rule_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.rule}"


class OnChainProposal(Projected):
    """A proposal of a governor contract. Its state is derived (``proposals.rules.state``), not stored.

    Rule and electorate are those that it opened with; ``rule`` as in :class:`VotingRule`, an electorate of
    six numbers by category.
    """

    governor = models.CharField(_("governor contract"), max_length=42)
    proposal_id = models.CharField(_("id on chain"), max_length=78)
    proposer = models.CharField(_("proposer"), max_length=42)
    targets = models.JSONField()
    values = models.JSONField()
    calldatas = models.JSONField()
    description = models.TextField()
    vote_start = models.DateTimeField(_("voting starts"))  # the snapshot; votes count from the second after
    vote_end = models.DateTimeField(_("voting ends"))
    quorum = models.PositiveIntegerField(_("quorum"))  # votes (for + abstain) needed at the snapshot
    electorate = models.PositiveIntegerField(_("electorate"))  # voting seats at the snapshot
    electorate_by_category = models.JSONField(_("electorate by category"), default=list)
    kind = models.PositiveSmallIntegerField(
        _("kind of action"), choices=ActionKind, default=ActionKind.CONSTITUTIONAL
    )
    rule = models.JSONField(_("rule"), default=dict)
    queued_at = models.DateTimeField(_("queued"), null=True)
    queued_tx = models.CharField(max_length=66, blank=True)
    effective_at = models.DateTimeField(_("can be executed from"), null=True)
    executed_at = models.DateTimeField(_("executed"), null=True)
    executed_tx = models.CharField(max_length=66, blank=True)
    canceled_at = models.DateTimeField(_("cancelled"), null=True)

    class Meta:
        verbose_name = _("proposal on chain")
        verbose_name_plural = _("proposals on chain")
        ordering = ["-block"]
        constraints = [models.UniqueConstraint(fields=["ledger", "proposal_id"], name="chain_proposal_once")]

    def __str__(self) -> str:
        return self.proposal_id


class CastVote(Projected):
    """A vote counted by the governor contract."""

    class Support(models.IntegerChoices):
        AGAINST = 0, _("against")
        FOR = 1, _("for")
        ABSTAIN = 2, _("abstain")

    proposal_id = models.CharField(_("proposal"), max_length=78)
    voter = models.CharField(_("voter"), max_length=42)
    member_id = models.CharField(_("USCC"), max_length=32)
    category_number = models.PositiveSmallIntegerField(_("category"))  # of its seat at the snapshot
    support = models.PositiveSmallIntegerField(_("vote"), choices=Support)
    weight = models.PositiveIntegerField(_("weight"))

    class Meta:
        verbose_name = _("vote")
        verbose_name_plural = _("votes")
        ordering = ["block", "id"]
        constraints = [models.UniqueConstraint(fields=["ledger", "proposal_id", "voter"], name="vote_once")]

    def __str__(self) -> str:
        return f"{self.member_id} {self.support}"


class RegistryEntry(Projected):
    """A node's role on a network, as the ``NodeRegistry`` contract has it. Removal deletes the row."""

    class NodeRole(models.IntegerChoices):
        OBSERVER = 1, _("observer")
        SEALER = 2, _("sealer")

    network = models.CharField(_("network"), max_length=32)
    consensus_id = models.CharField(_("node id"), max_length=128)
    member_id = models.CharField(_("USCC"), max_length=32)
    role = models.PositiveSmallIntegerField(_("role"), choices=NodeRole)
    # Frozen by the guardians: until then, or without end once the members have ratified it.
    frozen_until = models.DateTimeField(_("frozen until"), null=True)
    freeze_ratified = models.BooleanField(_("freeze ratified"), default=False)
    freeze_number = models.PositiveBigIntegerField(_("number of the freeze"), null=True)

    class Meta:
        verbose_name = _("registry entry")
        verbose_name_plural = _("registry entries")
        ordering = ["network", "consensus_id"]
        constraints = [
            models.UniqueConstraint(fields=["ledger", "network", "consensus_id"], name="registry_entry_once")
        ]

    def __str__(self) -> str:
        return f"{self.network} {self.consensus_id[:12]}…"

    def is_frozen(self, now: datetime) -> bool:
        """Out of the permission lists at ``now``? A freeze lapses by itself unless members ratified it."""
        return self.freeze_ratified or (self.frozen_until is not None and now < self.frozen_until)


class AccountPermission(Projected):
    """What an account may do on a network, as the ``NodeRegistry`` contract has it. None deletes the row."""

    class Permission(models.IntegerChoices):
        TRANSACT = 1, _("may transact")
        DEPLOY = 2, _("may transact and deploy contracts")

    network = models.CharField(_("network"), max_length=32)
    address = models.CharField(_("account"), max_length=42)
    member_id = models.CharField(_("USCC"), max_length=32)
    permission = models.PositiveSmallIntegerField(_("permission"), choices=Permission)

    class Meta:
        verbose_name = _("account permission")
        verbose_name_plural = _("account permissions")
        ordering = ["network", "address"]
        constraints = [
            models.UniqueConstraint(fields=["ledger", "network", "address"], name="account_permission_once")
        ]

    def __str__(self) -> str:
        return f"{self.network} {self.address}"


class RelayTransaction(models.Model):
    """A transaction the console sends from its relay account. Nonce and hash are stored before it is sent."""

    class Status(models.TextChoices):
        WANTED = "wanted", _("waiting")
        SIGNED = "signed", _("signed, not yet seen on the ledger")
        MINED = "mined", _("on the ledger")
        REVERTED = "reverted", _("refused by the contract")
        REFUSED = "refused", _("refused before it was sent")  # the simulation failed; no nonce was spent

    ledger = models.ForeignKey(Ledger, models.PROTECT, related_name="relays")
    key = models.CharField(
        _("purpose"), max_length=200, unique=True
    )  # "ballot:<uuid>": asking twice sends once
    to = models.CharField(_("to"), max_length=42, blank=True)  # empty: creates a contract
    data = models.TextField(_("data"))  # 0x-hex
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WANTED)
    nonce = models.PositiveBigIntegerField(_("nonce"), null=True)
    tx_hash = models.CharField(_("transaction"), max_length=66, null=True, unique=True)  # noqa: DJ001 - unique when set
    raw = models.TextField(blank=True)  # 0x-hex, signed
    earlier_hashes = models.JSONField(default=list, blank=True)  # same nonce and call, sent with a lower fee
    block = models.PositiveBigIntegerField(_("block"), null=True)
    error_code = models.CharField(_("error"), max_length=80, blank=True)
    created_at = models.DateTimeField(_("created"))
    signed_at = models.DateTimeField(_("signed"), null=True)
    mined_at = models.DateTimeField(_("mined"), null=True)

    class Meta:
        verbose_name = _("relayed transaction")
        verbose_name_plural = _("relayed transactions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["ledger", "nonce"], name="nonce_once"),
            models.CheckConstraint(
                condition=Q(status__in=["wanted", "refused"], nonce__isnull=True, tx_hash__isnull=True)
                | (~Q(status__in=["wanted", "refused"]) & Q(nonce__isnull=False, tx_hash__isnull=False)),
                name="nonce_and_hash_before_sending",
            ),
        ]

    def __str__(self) -> str:
        return self.key
