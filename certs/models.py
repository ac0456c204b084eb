"""The certificate authority's tables. Certificates and revocations are append-only: they are the truth."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from certs.choices import Profile as Profile
from certs.choices import RevocationReason as RevocationReason
from certs.errors import NotANode
from consortium.core import clock
from consortium.core.models import new_id
from consortium.members.models import Institution, Node, User


class Authority(models.Model):
    """A root or issuing CA: its certificate and where its sealed key lies; never the key."""

    class Kind(models.TextChoices):
        ROOT = "root", _("root")
        ISSUING = "issuing", _("issuing")

    class Purpose(models.TextChoices):
        ROOT = "root", _("certifies the other authorities")
        NODES = "nodes", _("ledger nodes")
        ACCESS = "access", _("officers, programs and the node gateway")
        LISTS = "lists", _("signers of permission lists")
        SM_ROOT = "sm-root", _("certifies the other authorities, 国密")
        SM_NODES = "sm-nodes", _("ledger nodes, 国密")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.SlugField(_("name"), unique=True, max_length=60)  # in /pki/<name>.crt and .crl
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose, default=Purpose.NODES)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, verbose_name=_("issued by"))
    der = models.BinaryField(_("certificate"))  # the CA's own certificate
    # where its key is, never the key: "nodes" is KEY_DIR/nodes.key, "pkcs11:<token>/<label>" lies in a device
    key_name = models.CharField(_("key"), max_length=160)
    spki_sha256 = models.CharField(_("key fingerprint"), max_length=64, unique=True)
    not_before = models.DateTimeField(_("valid from"))
    not_after = models.DateTimeField(_("valid until"))
    created_at = models.DateTimeField(_("created"))
    # from when on it issues in place of the one before: relying parties need time to learn of it
    issues_from = models.DateTimeField(_("issues from"), default=clock.now)
    crl_shards = models.PositiveSmallIntegerField(_("parts of the revocation list"), default=1)
    # rises with each revocation, suspension and release: a list of an older revision lacks something
    revision = models.PositiveBigIntegerField(_("revision"), default=0)

    class Meta:
        verbose_name = _("certificate authority")
        verbose_name_plural = _("certificate authorities")
        ordering = ["kind", "name"]

    def __str__(self) -> str:
        return self.name


class CrossCertificate(models.Model):
    """A second certificate for an authority's key, under another authority: bridges a change of roots."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subject = models.ForeignKey(
        Authority, models.PROTECT, related_name="cross_certificates", verbose_name=_("authority")
    )
    issuer = models.ForeignKey(Authority, models.PROTECT, related_name="+", verbose_name=_("issued by"))
    serial = models.OneToOneField("SerialNumber", models.PROTECT, related_name="cross_certificate")
    der = models.BinaryField(_("certificate"))
    not_before = models.DateTimeField(_("valid from"))
    not_after = models.DateTimeField(_("valid until"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("cross-certificate")
        verbose_name_plural = _("cross-certificates")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.subject} · {self.issuer}"


class CertificateRequest(models.Model):
    """A CSR that passed the gate, on its way to a certificate.

    For a node (``node``) or, with the profiles of people and programs, for an account (``holder``).
    """

    class Origin(models.TextChoices):
        PORTAL = "portal", _("portal or admin")
        API = "api", _("API")
        EST = "est", _("EST")

    class Status(models.TextChoices):
        SUBMITTED = "submitted", _("waiting for approval")
        APPROVED = "approved", _("approved, being signed")
        REJECTED = "rejected", _("rejected")
        ISSUED = "issued", _("issued")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    institution = models.ForeignKey(Institution, models.PROTECT, verbose_name=_("institution"))
    node = models.ForeignKey(
        Node, models.PROTECT, related_name="requests", null=True, blank=True, verbose_name=_("node")
    )
    holder = models.ForeignKey(
        User, models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("holder")
    )
    profile = models.CharField(_("profile"), max_length=20, choices=Profile)
    origin = models.CharField(_("came by"), max_length=10, choices=Origin, default=Origin.PORTAL)
    # the certificate that this one is to follow
    renews = models.ForeignKey(
        "Certificate",
        models.PROTECT,
        related_name="renewals",
        null=True,
        blank=True,
        verbose_name=_("renews"),
    )
    # a node that proved itself with the valid certificate it renews: the approval of the first one stands
    renewed_by_proof = models.BooleanField(_("renewed by its own certificate"), default=False)
    csr = models.BinaryField(_("request"))  # DER, as received
    spki_sha256 = models.CharField(_("key fingerprint"), max_length=64)
    key_description = models.CharField(_("key"), max_length=40)  # "RSA 2048", "P-256"
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.SUBMITTED)
    # Nobody looks requests up by who asked or decided: no index to keep.
    requested_by = models.ForeignKey(
        User, models.PROTECT, related_name="+", db_index=False, verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("requested"))
    decided_by = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decision_reason = models.TextField(_("reason"), blank=True)

    class Meta:
        verbose_name = _("certificate request")
        verbose_name_plural = _("certificate requests")
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "profile"],
                condition=Q(status__in=["submitted", "approved"]),
                name="one_open_request_a_node_and_profile",
            ),
            models.UniqueConstraint(
                fields=["holder", "profile"],
                condition=Q(status__in=["submitted", "approved"]),
                name="one_open_request_a_holder_and_profile",
            ),
            models.CheckConstraint(
                condition=Q(node__isnull=True) ^ Q(holder__isnull=True), name="request_of_node_or_holder"
            ),
            models.CheckConstraint(
                condition=Q(renewed_by_proof=False) | Q(renews__isnull=False), name="proof_is_of_a_renewal"
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=models.F("requested_by")),
                name="four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["status", "requested_at"], name="request_status")]

    def __str__(self) -> str:
        return f"{self.node or self.holder} · {self.key_description}"

    @property
    def of_node(self) -> Node:
        """The node it is for. Raises NotANode where it is a person's or a program's."""
        if self.node is None:
            raise NotANode
        return self.node


class Enrolment(models.Model):
    """A one-time secret with which a node enrols by EST. The secret itself is shown once and never stored."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    node = models.ForeignKey(Node, models.PROTECT, related_name="enrolments", verbose_name=_("node"))
    profile = models.CharField(_("profile"), max_length=20, choices=Profile)
    secret_sha256 = models.CharField(_("secret"), max_length=64, unique=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("made by"))
    created_at = models.DateTimeField(_("made"))
    expires_at = models.DateTimeField(_("expires"))
    # set by the first request that comes with it: from then on it fetches that one's certificate alone
    request = models.OneToOneField(
        CertificateRequest, models.PROTECT, null=True, blank=True, verbose_name=_("request")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("enrolment secret")
        verbose_name_plural = _("enrolment secrets")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.node} · {self.created_at:%F}"


class SeenKey(models.Model):
    """Every public key that ever passed the gate, and the CA's own: none is certified twice.

    But for profiles that keep the key on renewal: there the same node may come again with its own.

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

    # lower-case hex of even length
    serial = models.CharField(_("serial number"), max_length=40, primary_key=True)
    authority = models.ForeignKey(Authority, models.PROTECT)
    request = models.ForeignKey(CertificateRequest, models.PROTECT, null=True, related_name="serials")
    allocated_at = models.DateTimeField(_("allocated"))
    # the certificate that is meant, under a throwaway signature: the real one must have the same content.
    # Written once, after the inspection: what has none was never signed with the authority's key.
    intent = models.BinaryField(_("intent"), default=b"")
    # A serial that no certificate came of, and none ever will: set once, and nothing is stored under it.
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)
    void_reason = models.TextField(_("why it was voided"), blank=True)

    class Meta:
        verbose_name = _("serial number")
        verbose_name_plural = _("serial numbers")
        constraints = [
            models.UniqueConstraint(
                fields=["request"], condition=Q(voided_at__isnull=True), name="one_live_serial_a_request"
            ),
        ]

    def __str__(self) -> str:
        return self.serial


class Certificate(models.Model):
    """An issued certificate. Never changed: revocation and suspension are rows of their own.

    Of a node, of a person or program (``holder``), or of a service of the console (neither: status responder,
    gateway, list signer; then there is no request and no institution either).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    serial = models.OneToOneField(
        SerialNumber, models.PROTECT, related_name="certificate", verbose_name=_("serial number")
    )
    authority = models.ForeignKey(
        Authority, models.PROTECT, related_name="certificates", verbose_name=_("issued by")
    )
    request = models.OneToOneField(
        CertificateRequest, models.PROTECT, related_name="certificate", null=True, blank=True
    )
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, verbose_name=_("institution")
    )
    node = models.ForeignKey(
        Node,
        models.PROTECT,
        related_name="certificates",
        null=True,
        blank=True,
        db_index=False,  # certificate_node begins with it
        verbose_name=_("node"),
    )
    holder = models.ForeignKey(
        User, models.PROTECT, related_name="certificates", null=True, blank=True, verbose_name=_("holder")
    )
    profile = models.CharField(_("profile"), max_length=20, choices=Profile)
    der = models.BinaryField(_("certificate"))
    fingerprint_sha256 = models.CharField(_("fingerprint"), max_length=64, unique=True)
    spki_sha256 = models.CharField(_("key fingerprint"), max_length=64, db_index=True)
    # what FISCO BCOS lists a TLS peer by: RSA modulus, 512 lowercase hex; empty where the key is not RSA 2048
    tls_id = models.CharField(_("TLS id"), max_length=512, blank=True)
    # an EC key's point without prefix, lower-case hex: what FISCO BCOS 2 and the SM mode know a node by
    public_key_hex = models.CharField(_("public key"), max_length=264, blank=True)
    crl_shard = models.PositiveSmallIntegerField(_("part of the revocation list"), default=0)
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
            models.Index(fields=["-issued_at"], name="certificate_issued"),
        ]

    def __str__(self) -> str:
        return self.serial_id

    @property
    def of_node(self) -> Node:
        """The node it is for. Raises NotANode where it is a person's, a program's or a service's."""
        if self.node is None:
            raise NotANode
        return self.node


class Revocation(models.Model):
    """A revocation, final. The next CRL carries it, and every one after."""

    certificate = models.OneToOneField(
        Certificate,
        models.PROTECT,
        primary_key=True,
        related_name="revocation",
        verbose_name=_("certificate"),
    )
    authority = models.ForeignKey(
        Authority, models.PROTECT, related_name="revocations", verbose_name=_("issued by")
    )
    reason = models.CharField(_("reason"), max_length=30, choices=RevocationReason)
    comment = models.TextField(_("comment"), blank=True)
    revoked_by_label = models.CharField(_("revoked by"), max_length=200)
    revoked_at = models.DateTimeField(_("revoked"))
    shard = models.PositiveSmallIntegerField(_("part of the revocation list"), default=0)
    crl_entry = models.BinaryField(default=b"")  # its entry in every list, DER, encoded once
    # the authority's, from which on it is listed
    revision = models.PositiveBigIntegerField(_("revision"), default=0)
    # likewise, of the first entry: a suspension before it, or a reason that was graver later, changes its
    # words and not since when it is out of force
    listed_from = models.PositiveBigIntegerField(_("listed from revision"), default=0)

    class Meta:
        verbose_name = _("revocation")
        verbose_name_plural = _("revocations")
        indexes = [
            models.Index(fields=["authority", "shard"], name="revocation_shard"),
            models.Index(fields=["authority", "revision"], name="revocation_revision"),
        ]

    def __str__(self) -> str:
        return f"{self.certificate.serial_id} · {self.get_reason_display()}"


class Suspension(models.Model):
    """A certificate on hold (RFC 5280 certificateHold): listed as revoked until it is released."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    certificate = models.ForeignKey(
        Certificate, models.PROTECT, related_name="suspensions", verbose_name=_("certificate")
    )
    authority = models.ForeignKey(
        Authority, models.PROTECT, related_name="suspensions", verbose_name=_("issued by")
    )
    comment = models.TextField(_("comment"), blank=True)
    held_by_label = models.CharField(_("suspended by"), max_length=200)
    # then a member does not release it
    held_by_secretariat = models.BooleanField(_("suspended by the secretariat"), default=False)
    held_at = models.DateTimeField(pgettext_lazy("time", "suspended"))
    released_by_label = models.CharField(_("released by"), max_length=200, blank=True)
    released_at = models.DateTimeField(_("released"), null=True, blank=True)
    shard = models.PositiveSmallIntegerField(_("part of the revocation list"), default=0)
    crl_entry = models.BinaryField(default=b"")
    revision = models.PositiveBigIntegerField(_("revision"), default=0)

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        ordering = ["-held_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["certificate"], condition=Q(released_at__isnull=True), name="one_hold_a_certificate"
            )
        ]
        indexes = [
            models.Index(fields=["authority", "shard"], name="suspension_shard"),
            models.Index(fields=["authority", "revision"], name="suspension_revision"),
        ]

    def __str__(self) -> str:
        return f"{self.certificate.serial_id} · {self.held_at:%F}"


class RevocationList(models.Model):
    """A published CRL: the full one (``shard`` null) or the part for one shard of the serial numbers."""

    authority = models.ForeignKey(Authority, models.PROTECT, related_name="crls", verbose_name=_("issued by"))
    shard = models.PositiveSmallIntegerField(_("part"), null=True, blank=True)
    revision = models.PositiveBigIntegerField(_("revision"), default=0)
    number = models.PositiveBigIntegerField(_("number"))
    der = models.BinaryField(_("list"))
    this_update = models.DateTimeField(_("this update"))
    next_update = models.DateTimeField(_("next update"))
    entries = models.PositiveIntegerField(_("entries"))

    class Meta:
        verbose_name = _("revocation list")
        verbose_name_plural = _("revocation lists")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["authority", "shard", "number"], nulls_distinct=False, name="crl_number_once_a_part"
            )
        ]

    def __str__(self) -> str:
        return f"{self.authority} {self.number}"


class Reminder(models.Model):
    """That something runs out, said once for each step of nearness. Recorded before it is sent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    certificate = models.ForeignKey(
        Certificate, models.PROTECT, related_name="reminders", null=True, verbose_name=_("certificate")
    )
    authority = models.ForeignKey(
        Authority, models.PROTECT, related_name="reminders", null=True, verbose_name=_("authority")
    )
    days = models.PositiveSmallIntegerField(_("days before"))  # 60, 30, 14, 7, 1: which step this is
    recipients = models.JSONField(_("sent to"), default=list)  # mail addresses at the time
    recorded_at = models.DateTimeField(_("recorded"))
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["-recorded_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["certificate", "days"], name="one_reminder_a_certificate_and_step"
            ),
            models.UniqueConstraint(fields=["authority", "days"], name="one_reminder_an_authority_and_step"),
            models.CheckConstraint(
                condition=Q(certificate__isnull=True) ^ Q(authority__isnull=True),
                name="reminder_of_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.certificate or self.authority} · {self.days}"
