"""Epochs of the permission lists: what was compiled, signed and published."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.core.models import new_id
from consortium.members.models import Network, Node


class Format(models.TextChoices):
    JSON = "json", "json"
    BESU = "besu", "Besu"
    GOQUORUM = "goquorum", "GoQuorum"
    GETH = "geth", "geth"
    FISCO_BCOS = "fisco-bcos", "FISCO BCOS"


class Epoch(models.Model):
    """A compiled list of one network. Immutable but for when it was published."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    network = models.ForeignKey(Network, models.PROTECT, related_name="epochs", verbose_name=_("network"))
    number = models.PositiveIntegerField(_("epoch"))
    block = models.PositiveBigIntegerField(_("block"))  # the registry was read as of this block
    tx_hash = models.CharField(_("transaction"), max_length=66, blank=True)  # the last change of the registry
    effective_at = models.DateTimeField(_("effective"))
    content_sha256 = models.CharField(
        _("hash"), max_length=64
    )  # of permissions.json without its epoch header
    node_count = models.PositiveIntegerField(_("nodes"))
    cause = models.CharField(_("cause"), max_length=200)  # the event that made it due
    compiled_at = models.DateTimeField(_("compiled"))
    published_at = models.DateTimeField(_("published"), null=True)
    tuf_version = models.PositiveIntegerField(_("metadata version"), null=True)

    class Meta:
        verbose_name = _("epoch")
        verbose_name_plural = _("epochs")
        ordering = ["network", "-number"]
        constraints = [models.UniqueConstraint(fields=["network", "number"], name="epoch_once")]

    def __str__(self) -> str:
        return f"{self.network_id} {self.number}"


class EpochFile(models.Model):
    """One file of an epoch, byte for byte as it was signed. ``path`` is relative to the network's folder."""

    epoch = models.ForeignKey(Epoch, models.PROTECT, related_name="files")
    format = models.CharField(_("format"), max_length=12, choices=Format)
    path = models.CharField(_("file"), max_length=80)  # besu/permissions_config.toml
    # Stored as it is (migration 0014): compressing takes several times what everything else about it does.
    content = models.BinaryField(_("content"))
    sha256 = models.CharField(_("hash"), max_length=64)

    class Meta:
        verbose_name = _("list file")
        verbose_name_plural = _("list files")
        constraints = [models.UniqueConstraint(fields=["epoch", "path"], name="epoch_file_once")]

    def __str__(self) -> str:
        return self.path


class EpochMember(models.Model):
    """A node in an epoch: who was on which list, answerable in SQL."""

    # Found by the constraint's index; one more would only be written.
    epoch = models.ForeignKey(Epoch, models.PROTECT, related_name="members", db_index=False)
    node = models.ForeignKey(Node, models.PROTECT, related_name="+")
    role = models.PositiveSmallIntegerField(_("role"))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["epoch", "node"], name="epoch_member_once")]

    def __str__(self) -> str:
        return f"{self.epoch_id} {self.node_id}"
