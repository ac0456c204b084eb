"""What the API shows and takes of requests, certificates, enrolment secrets and their ways."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from certs import services, words
from certs.models import Certificate, CertificateRequest, Enrolment, Profile, RevocationReason
from consortium.core import clock
from consortium.web import clocks
from consortium.web.portal import listing
from consortium.web.portal.certificate_forms import CSR_LIMIT

CERTIFICATE_STATES = ["valid", "expiring", "suspended", "expired", "revoked"]
RENEWAL_STATES = list(words.RENEWAL_STATES)
ENROLMENT_STATES = services.EnrolmentState.values
CLOCK_STEPS = clocks.STEPS


class RequestOut(serializers.ModelSerializer[CertificateRequest]):
    node = serializers.UUIDField(source="node_id", read_only=True, allow_null=True)
    holder = serializers.CharField(source="holder.username", read_only=True, allow_null=True, default=None)
    institution = serializers.UUIDField(source="institution_id", read_only=True)
    renews = serializers.UUIDField(source="renews_id", read_only=True, allow_null=True)
    requested_by = serializers.CharField(source="requested_by.username", read_only=True)
    certificate = serializers.SerializerMethodField()

    class Meta:
        model = CertificateRequest
        fields = [
            "id", "institution", "node", "holder", "profile", "origin", "renews", "renewed_by_proof",
            "key_description", "spki_sha256", "status", "requested_by", "requested_at", "decided_at",
            "decision_reason", "certificate",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_certificate(self, request: CertificateRequest) -> str | None:
        return str(request.certificate.pk) if hasattr(request, "certificate") else None


class CsrIn(serializers.Serializer[Any]):
    csr = serializers.CharField(max_length=CSR_LIMIT, help_text="PKCS#10, PEM")


class RequestIn(CsrIn):
    """For a node, or for an account of one's own institution: one of the two."""

    node = serializers.UUIDField(required=False, help_text="for a node")
    holder = serializers.CharField(
        required=False, max_length=150, help_text="for a person or program: the account's name"
    )
    profile = serializers.ChoiceField(Profile.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("node" in attrs) == ("holder" in attrs):
            raise serializers.ValidationError({"node": "node or holder, and not both"})
        return attrs


class RevocationOut(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(RevocationReason.choices)
    comment = serializers.CharField()
    revoked_at = serializers.DateTimeField()


class CertificateOut(serializers.ModelSerializer[Certificate]):
    node = serializers.UUIDField(source="node_id", read_only=True, allow_null=True)
    holder = serializers.CharField(source="holder.username", read_only=True, allow_null=True, default=None)
    institution = serializers.UUIDField(source="institution_id", read_only=True, allow_null=True)
    serial = serializers.CharField(source="serial_id", read_only=True)
    issued_by = serializers.CharField(source="authority.name", read_only=True)
    state = serializers.SerializerMethodField()
    revocation = serializers.SerializerMethodField()

    class Meta:
        model = Certificate
        fields = [
            "id", "serial", "institution", "node", "holder", "profile", "subject", "fingerprint_sha256",
            "spki_sha256", "tls_id", "public_key_hex", "not_before", "not_after", "issued_at", "issued_by",
            "state", "revocation",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(CERTIFICATE_STATES))
    def get_state(self, certificate: Certificate) -> str:
        return listing.certificate_state(certificate, clock.now()).name

    @extend_schema_field(RevocationOut(allow_null=True))
    def get_revocation(self, certificate: Certificate) -> dict[str, Any] | None:
        found = getattr(certificate, "revocation", None)
        return dict(RevocationOut(found).data) if found else None


class PemOut(serializers.Serializer[Any]):
    pem = serializers.CharField()


class CommentIn(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class ReleaseIn(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=1000, help_text="why; kept in the record")


class RevocationIn(CommentIn):
    reason = serializers.ChoiceField(RevocationReason.choices)


class RenewalOut(serializers.Serializer[Any]):
    """Whether a certificate may be renewed, from when, and until when the new one has to be in place."""

    state = serializers.ChoiceField(RENEWAL_STATES)
    opens_at = serializers.DateTimeField()
    until = serializers.DateTimeField()
    obstacle = serializers.ChoiceField(list(words.NOT_RENEWABLE), allow_blank=True)
    why = serializers.CharField(allow_blank=True, help_text="the obstacle in words")


class ClockStepOut(serializers.Serializer[Any]):
    name = serializers.ChoiceField(CLOCK_STEPS)
    at = serializers.DateTimeField(allow_null=True)
    skipped = serializers.CharField(help_text="why this step does not come; empty where it does")
    waited = serializers.IntegerField(help_text="how many nodes it waits for")
    missing = serializers.ListField(child=serializers.CharField(), help_text="one's own among them")


class ClockOut(serializers.Serializer[Any]):
    """How far a revocation has come."""

    done = serializers.BooleanField(help_text="published, and applied by every node of the network")
    steps = ClockStepOut(many=True)


class EnrolmentOut(serializers.ModelSerializer[Enrolment]):
    node = serializers.UUIDField(source="node_id", read_only=True)
    request = serializers.UUIDField(source="request_id", read_only=True, allow_null=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Enrolment
        fields = ["id", "node", "profile", "created_by", "created_at", "expires_at", "request", "state"]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(ENROLMENT_STATES))
    def get_state(self, enrolment: Enrolment) -> str:
        return services.enrolment_state(enrolment, clock.now()).value


class EnrolmentIn(serializers.Serializer[Any]):
    node = serializers.UUIDField()
    profile = serializers.ChoiceField(Profile.choices)


class EnrolmentMadeOut(EnrolmentOut):
    """With the secret, this once."""

    secret = serializers.CharField(read_only=True, help_text="shown in this answer alone")
    url = serializers.CharField(read_only=True, help_text="where the node asks with it")

    class Meta(EnrolmentOut.Meta):
        fields = [*EnrolmentOut.Meta.fields, "secret", "url"]
        read_only_fields = fields
