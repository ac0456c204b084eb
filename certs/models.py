"""The certificate authority's tables. Certificates and revocations are append-only: they are the truth."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.core.models import new_id
from consortium.members.models import Institution, Node, User


class Profile(models.TextChoices):
    FISCO_BCOS_3 = "fisco-bcos-3", _("FISCO BCOS 3 node (RSA 2048)")
    EVM_NODE = "evm-node", _("EVM node (P-256 or RSA 3072 and more)")


class RevocationReason(models.TextChoices):
    """RFC 5280 section 5.3.1, as ``cryptography.x509.ReasonFlags`` spells them."""

    UNSPECIFIED = "unspecified", _("no reason given")
    KEY_COMPROMISE = "keyCompromise", _("the private key is, or may be, in other hands")
    AFFILIATION_CHANGED = "affiliationChanged", _("the institution's name or membership changed")
    SUPERSEDED = "superseded", _("replaced by a newer certificate")
    CESSATION_OF_OPERATION = "cessationOfOperation", _("the node was taken out of service")
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn", _("the alliance withdrew the node's admission")


class Authority(models.Model):
    """A root or issuing CA: its certificate and where its sealed key lies; never the key."""

    class Kind(models.TextChoices):
        ROOT = "root", _("root")
        ISSUING = "issuing", _("issuing")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.SlugField(_("name"), unique=True, max_length=60)  # in /pki/<name>.crt and .crl
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name=_("issued by"))
    der = models.BinaryField(_("certificate"))  # the CA's own certificate
    key_name = models.CharField(_("key"), max_length=60)  # the sealed key's file in KEY_DIR
    spki_sha256 = models.CharField(_("key fingerprint"), max_length=64, unique=True)
    not_before = models.DateTimeField(_("valid from"))
    not_after = models.DateTimeField(_("valid until"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("certificate authority")
        verbose_name_plural = _("certificate authorities")
        ordering = ["kind", "name"]

    def __str__(self) -> str:
        return self.name


class CertificateRequest(models.Model):
    """A CSR that passed the gate, on its way to a certificate."""

    class Status(models.TextChoices):
        SUBMITTED = "submitted", _("waiting for approval")
        APPROVED = "approved", _("approved, being signed")
        REJECTED = "rejected", _("rejected")
        ISSUED = "issued", _("issued")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(Institution, models.PROTECT, verbose_name=_("institution"))
    node = models.ForeignKey(Node, models.PROTECT, related_name="requests", verbose_name=_("node"))
    profile = models.CharField(_("profile"), max_length=20, choices=Profile)
    csr = models.BinaryField(_("request"))  # DER, as received
    spki_sha256 = models.CharField(_("key fingerprint"), max_length=64)
    key_description = models.CharField(_("key"), max_length=40)  # "RSA 2048", "P-256"
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.SUBMITTED)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("requested by"))
    requested_at = models.DateTimeField(_("requested"))
    decided_by = models.ForeignKey(
        User, models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decision_reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("certificate request")
        verbose_name_plural = _("certificate requests")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["node"],
                condition=Q(status__in=["submitted", "approved"]),
                name="one_open_request_a_node",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=models.F("requested_by")),
                name="four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["status", "requested_at"], name="request_status")]

    def __str__(self) -> str:
        return f"{self.node} · {self.key_description}"


class SeenKey(models.Model):
    """Every public key that ever passed the gate, and the CA's own: none is certified twice.

    A rejected request does not free its key: a new one costs the bank a second, and nobody need ask why.
    """

    spki_sha256 = models.CharField(_("key fingerprint"), max_length=64, primary_key=True)
    request = models.OneToOneField(CertificateRequest, models.PROTECT, null=True)
    authority = models.OneToOneField(Authority, models.PROTECT, null=True)
    seen_at = models.DateTimeField(_("seen"))

    def __str__(self) -> str:
        return self.spki_sha256


class SerialNumber(models.Model):
    """A serial is stored before anything is signed with it (127 random bits; RFC 5280 allows 20 octets)."""

    serial = models.CharField(
        _("serial number"), max_length=40, primary_key=True
    )  # lowercase hex, even length
    authority = models.ForeignKey(Authority, models.PROTECT)
    request = models.OneToOneField(CertificateRequest, models.PROTECT, null=True)
    allocated_at = models.DateTimeField(_("allocated"))
    # the certificate that is meant, under a throwaway signature: the real one must have the same content
    intent = models.BinaryField(_("intent"), default=b"")

    def __str__(self) -> str:
        return self.serial


class Certificate(models.Model):
    """An issued node certificate. Never changed: revocation is a row of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    serial = models.OneToOneField(
        SerialNumber, models.PROTECT, related_name="certificate", verbose_name=_("serial number")
    )
    authority = models.ForeignKey(
        Authority, models.PROTECT, related_name="certificates", verbose_name=_("issued by")
    )
    request = models.OneToOneField(CertificateRequest, models.PROTECT, related_name="certificate")
    institution = models.ForeignKey(Institution, models.PROTECT, verbose_name=_("institution"))
    node = models.ForeignKey(Node, models.PROTECT, related_name="certificates", verbose_name=_("node"))
    profile = models.CharField(_("profile"), max_length=20, choices=Profile)
    der = models.BinaryField(_("certificate"))
    fingerprint_sha256 = models.CharField(_("fingerprint"), max_length=64, unique=True)
    spki_sha256 = models.CharField(_("key fingerprint"), max_length=64, unique=True)
    # what FISCO BCOS lists a TLS peer by: RSA modulus, 512 lowercase hex; empty where the key is not RSA 2048
    tls_id = models.CharField(_("TLS id"), max_length=512, blank=True)
    subject = models.CharField(_("subject"), max_length=400)  # RFC 4514
    not_before = models.DateTimeField(_("valid from"))
    not_after = models.DateTimeField(_("valid until"))
    issued_at = models.DateTimeField(_("issued"))

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering = ["-issued_at"]
        indexes = [
            models.Index(fields=["node", "-issued_at"], name="certificate_node"),
            models.Index(fields=["not_after"], name="certificate_expiry"),
        ]

    def __str__(self) -> str:
        return self.serial_id


class Revocation(models.Model):
    """A revocation, final. The next CRL carries it, and every one after."""

    certificate = models.OneToOneField(
        Certificate,
        models.PROTECT,
        primary_key=True,
        related_name="revocation",
        verbose_name=_("certificate"),
    )
    authority = models.ForeignKey(Authority, models.PROTECT, related_name="revocations")
    reason = models.CharField(_("reason"), max_length=30, choices=RevocationReason)
    comment = models.TextField(_("comment"), blank=True)
    revoked_by_label = models.CharField(_("revoked by"), max_length=200)
    revoked_at = models.DateTimeField(_("revoked"))

    class Meta:
        verbose_name = _("revocation")
        verbose_name_plural = _("revocations")

    def __str__(self) -> str:
        return f"{self.certificate_id} {self.reason}"


class RevocationList(models.Model):
    """A published CRL."""

    authority = models.ForeignKey(Authority, models.PROTECT, related_name="crls", verbose_name=_("issued by"))
    number = models.PositiveBigIntegerField(_("number"))
    der = models.BinaryField(_("list"))
    this_update = models.DateTimeField(_("this update"))
    next_update = models.DateTimeField(_("next update"))
    entries = models.PositiveIntegerField(_("entries"))

    class Meta:
        verbose_name = _("revocation list")
        verbose_name_plural = _("revocation lists")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["authority", "number"], name="crl_number_once")]

    def __str__(self) -> str:
        return f"{self.authority} {self.number}"
