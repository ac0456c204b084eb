"""Who belongs to the alliance: categories, institutions, people, networks and nodes.

Rows change through ``services.py`` only. Status follows ``states.TRANSITIONS``; what the ledger decides
(seat, role of a node) is projected in ``governance.chain`` and not kept twice here.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from consortium.core.models import new_id
from consortium.members.states import NodeSoftware, Role, Status


def by_language(zh: str, en: str) -> str:
    return zh if (get_language() or "zh").startswith("zh") else en


class Category(models.Model):
    """An industry category; ``code`` is what rosters use, ``number`` is its uint8 on chain."""

    code = models.SlugField(_("code"), primary_key=True, max_length=40)
    number = models.PositiveSmallIntegerField(
        _("number on chain"), unique=True, validators=[MinValueValidator(1), MaxValueValidator(255)]
    )
    name_zh = models.CharField(_("name (Chinese)"), max_length=60)
    name_en = models.CharField(_("name (English)"), max_length=60)

    class Meta:
        verbose_name = _("industry category")
        verbose_name_plural = _("industry categories")
        ordering = ["number"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return by_language(self.name_zh, self.name_en)


class Institution(models.Model):
    """A member or applicant. ``uscc`` (18 characters) is its id on chain as bytes32."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    short_name = models.SlugField(_("short name"), unique=True, max_length=40)
    legal_name_zh = models.CharField(_("legal name (Chinese)"), max_length=200)
    legal_name_en = models.CharField(_("legal name (English)"), max_length=200)
    category = models.ForeignKey(Category, models.PROTECT, verbose_name=_("industry category"))
    uscc = models.CharField(_("USCC"), max_length=18, unique=True)
    lei = models.CharField(_("LEI"), max_length=20, unique=True, null=True, blank=True)
    joined_on = models.DateField(_("joined on"), null=True, blank=True)
    contact_name = models.CharField(_("contact"), max_length=120)
    contact_email = models.EmailField(_("contact's e-mail"))
    contact_phone = models.CharField(_("contact's telephone"), max_length=40, blank=True)
    founding_member = models.BooleanField(_("founding member"), default=False)
    status = models.CharField(
        _("status"), max_length=30, choices=Status, default=Status.APPLIED, editable=False
    )
    status_since = models.DateTimeField(_("since"), editable=False)
    # The address that will vote (EIP-55). Once seated, the Seats contract is the truth.
    voting_address = models.CharField(
        _("voting address"), max_length=42, unique=True, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(_("created"), editable=False)

    class Meta:
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")
        ordering = ["category__number", "short_name"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="institution_status_known"),
        ]
        indexes = [models.Index(fields=["status", "category"], name="institution_status")]

    def __str__(self) -> str:
        return self.legal_name

    @property
    def record_label(self) -> str:
        """What events call it: the same in every language."""
        return self.short_name

    @property
    def legal_name(self) -> str:
        return by_language(self.legal_name_zh, self.legal_name_en)


class User(AbstractUser):
    """An account. A member's officer belongs to exactly one institution; others to none."""

    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.MEMBER)
    institution = models.ForeignKey(
        Institution,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="officers",
        verbose_name=_("institution"),
    )

    class Meta(AbstractUser.Meta):
        verbose_name = _("account")  # type: ignore[assignment]
        verbose_name_plural = _("accounts")  # type: ignore[assignment]
        constraints = [
            models.CheckConstraint(
                condition=Q(role=Role.MEMBER, institution__isnull=False)
                | (~Q(role=Role.MEMBER) & Q(institution__isnull=True)),
                name="member_account_has_institution",
            ),
        ]

    @property
    def is_secretariat(self) -> bool:
        return self.is_active and self.role == Role.SECRETARIAT

    @property
    def is_regulator(self) -> bool:
        return self.is_active and self.role == Role.REGULATOR

    @property
    def is_member(self) -> bool:
        return self.is_active and self.role == Role.MEMBER


class Network(models.Model):
    """A ledger network whose nodes the alliance admits; ``slug`` (at most 32 ASCII) is its bytes32."""

    slug = models.SlugField(_("short name"), primary_key=True, max_length=32)
    name_zh = models.CharField(_("name (Chinese)"), max_length=80)
    name_en = models.CharField(_("name (English)"), max_length=80)

    class Meta:
        verbose_name = _("network")
        verbose_name_plural = _("networks")
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return by_language(self.name_zh, self.name_en)


PORT = [MinValueValidator(1), MaxValueValidator(65535)]


class Node(models.Model):
    """A member's node on one network. Whether it is admitted, and as what, is on chain, not here."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="nodes", verbose_name=_("institution")
    )
    network = models.ForeignKey(Network, models.PROTECT, related_name="nodes", verbose_name=_("network"))
    name = models.SlugField(_("name"), max_length=40)
    software = models.CharField(_("software"), max_length=20, choices=NodeSoftware)
    software_version = models.CharField(_("version"), max_length=20, blank=True)
    # secp256k1 public key, 128 lowercase hex, without prefix: enode id, FISCO BCOS consensus id
    consensus_id = models.CharField(_("node id"), max_length=128)
    host = models.GenericIPAddressField(_("address"))
    port = models.PositiveIntegerField(_("port"), validators=PORT)
    # UDP port of the discovery protocol where it is another than ``port``
    discovery_port = models.PositiveIntegerField(_("discovery port"), null=True, blank=True, validators=PORT)
    # of GoQuorum under Raft alone
    raft_port = models.PositiveIntegerField(_("Raft port"), null=True, blank=True, validators=PORT)
    # others are configured to find the network through it: a list without it keeps Besu from starting
    is_bootnode = models.BooleanField(_("boot node"), default=False)
    # https address at which the node's agent takes "there is a new epoch"; empty: the agent only polls
    push_url = models.URLField(_("push address"), blank=True)
    created_at = models.DateTimeField(_("created"), editable=False)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")
        ordering = ["network", "institution__short_name", "name"]
        constraints = [
            models.UniqueConstraint(fields=["network", "consensus_id"], name="node_id_once_a_network"),
            models.UniqueConstraint(
                fields=["institution", "network", "name"], name="node_name_once_an_institution"
            ),
            models.CheckConstraint(
                condition=Q(consensus_id__regex=r"^[0-9a-f]{128}$"), name="node_id_is_128_hex"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institution.short_name}/{self.name}"


class NodeAddress(models.Model):
    """A further address that peers reach a node at; the first is the node's own ``host`` and ``port``."""

    node = models.ForeignKey(Node, models.CASCADE, related_name="addresses", verbose_name=_("node"))
    position = models.PositiveSmallIntegerField(_("position"))
    host = models.GenericIPAddressField(_("address"))
    port = models.PositiveIntegerField(_("port"), validators=PORT)

    class Meta:
        verbose_name = _("further address")
        verbose_name_plural = _("further addresses")
        ordering = ["node", "position"]
        constraints = [
            models.UniqueConstraint(fields=["node", "position"], name="node_address_position_once"),
            models.UniqueConstraint(fields=["node", "host", "port"], name="node_address_once"),
        ]
        indexes = [models.Index(fields=["host", "port"], name="node_address_of")]

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
