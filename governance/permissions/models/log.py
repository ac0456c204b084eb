"""The log of digests, and where its heads were anchored."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Network
from governance.chain.models import RelayTransaction
from governance.permissions.models.epochs import Epoch

# One that went wrong may be tried again, one of the others is or will be on the ledger.
FAILED = (RelayTransaction.Status.REVERTED, RelayTransaction.Status.REFUSED)


class LogEntry(models.Model):
    """A published epoch in its network's log, and the log's head with it. Append-only, by the database."""

    network = models.ForeignKey(
        Network, models.PROTECT, related_name="log_entries", verbose_name=_("network")
    )
    position = models.PositiveIntegerField(_("entry"))  # counted from 1
    epoch = models.OneToOneField(Epoch, models.PROTECT, related_name="log_entry", verbose_name=_("epoch"))
    digest = models.CharField(_("digest of the files"), max_length=64)
    head = models.CharField(_("head"), max_length=64)
    entered_at = models.DateTimeField(_("entered"))

    class Meta:
        verbose_name = _("log entry")
        verbose_name_plural = _("log of lists")
        ordering = ["network", "-position"]
        constraints = [models.UniqueConstraint(fields=["network", "position"], name="log_entry_once")]

    def __str__(self) -> str:
        return f"{self.network_id} {self.position}"


class Anchor(models.Model):
    """A head that the ledger is to keep. Where it is there, and whether, is its transaction's to say."""

    network = models.ForeignKey(Network, models.PROTECT, related_name="anchors", verbose_name=_("network"))
    size = models.PositiveIntegerField(_("entries"))
    head = models.CharField(_("head"), max_length=64)
    contract = models.CharField(_("contract"), max_length=42)
    transaction = models.OneToOneField(
        RelayTransaction, models.PROTECT, related_name="anchor", verbose_name=_("transaction")
    )
    wanted_at = models.DateTimeField(_("wanted"))

    class Meta:
        verbose_name = _("anchor")
        verbose_name_plural = _("anchors")
        ordering = ["network", "-id"]

    def __str__(self) -> str:
        return f"{self.network_id} {self.size}"

    @property
    def is_on_ledger(self) -> bool:
        return self.transaction.status == RelayTransaction.Status.MINED

    @property
    def has_failed(self) -> bool:
        return self.transaction.status in FAILED

    @property
    def tx_hash(self) -> str:
        """Empty before it is signed."""
        return self.transaction.tx_hash or ""

    @property
    def block(self) -> int | None:
        return self.transaction.block

    @property
    def at(self) -> datetime | None:
        """When it was seen on the ledger."""
        return self.transaction.mined_at
