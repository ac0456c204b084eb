"""The API of requests, certificates and enrolment secrets."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from certs import selectors as certs
from certs import services
from certs.models import Certificate, CertificateRequest, Enrolment, RevocationReason
from consortium.core import clock
from consortium.web import clocks
from consortium.web.api import certificate_serializers as s
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.portal import est, scope

_STATUS = OpenApiParameter("status", str, enum=CertificateRequest.Status.values)


class Throttled(Scoped):
    """Asking for certificates and secrets is counted on its own, more strictly than other writes."""

    throttle_scope: str | None = None
    enrolling: frozenset[str] = frozenset()  # actions

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        asks = self.action in self.enrolling and request.method == "POST"
        self.throttle_scope = "enrolment" if asks else None
        super().initial(request, *args, **kwargs)


class Requests(mixins.ListModelMixin, mixins.RetrieveModelMixin, Throttled):
    enrolling = frozenset({"create"})
    serializer_class = s.RequestOut
    queryset = CertificateRequest.objects.none()

    def get_queryset(self) -> QuerySet[CertificateRequest]:
        return scope.requests(self.account)

    @extend_schema(parameters=[_STATUS])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Certificate requests, newest first."""
        wanted = self.choice("status", CertificateRequest.Status.values)
        rows = self.get_queryset() if wanted is None else self.get_queryset().filter(status=wanted)
        return self.get_paginated_response(s.RequestOut(self.paginate_queryset(rows), many=True).data)

    @extend_schema(request=s.RequestIn, responses={201: s.RequestOut, **ERRORS})
    def create(self, request: Request) -> Response:
        """Hand in a CSR for a node, person or program of one's own; the key stays where it was made."""
        actor, values = self.officer(), self.taken(s.RequestIn).validated_data
        node = self.one(scope.nodes(actor), pk=values["node"]) if "node" in values else None
        holder = self.one(scope.people(actor), username=values["holder"]) if node is None else None
        made = services.submit_request(
            node=node,
            holder=holder,
            profile=values["profile"],
            csr=values["csr"].encode(),
            actor=actor,
            origin=CertificateRequest.Origin.API,
        )
        return Response(s.RequestOut(made).data, status=status.HTTP_201_CREATED)


class Certificates(mixins.ListModelMixin, mixins.RetrieveModelMixin, Throttled):
    enrolling = frozenset({"renewal"})
    serializer_class = s.CertificateOut
    queryset = Certificate.objects.none()

    def get_queryset(self) -> QuerySet[Certificate]:
        return scope.certificates(self.account)

    @extend_schema(responses={200: s.PemOut, **ERRORS})
    @action(detail=True)
    def pem(self, request: Request, pk: UUID) -> Response:
        """The certificate alone."""
        return Response({"pem": certs.pem(bytes(self.get_object().der))})

    @extend_schema(responses={200: s.PemOut, **ERRORS})
    @action(detail=True)
    def chain(self, request: Request, pk: UUID) -> Response:
        """The certificate, its issuer and the root, in that order."""
        return Response({"pem": certs.chain_pem(self.get_object())})

    @extend_schema(methods=["get"], responses={200: s.RenewalOut, **ERRORS})
    @extend_schema(methods=["post"], request=s.CsrIn, responses={201: s.RequestOut, **ERRORS})
    @action(detail=True, methods=["get", "post"])
    def renewal(self, request: Request, pk: UUID) -> Response:
        """Whether it may be renewed, and until when; handing in the CSR of its successor."""
        certificate = self.get_object()
        if request.method != "POST":
            return Response(s.RenewalOut(services.renewal_state(certificate, clock.now())).data)
        actor = self.officer()
        made = services.submit_request(
            node=certificate.node,
            holder=certificate.holder,
            profile=certificate.profile,
            csr=self.taken(s.CsrIn).validated_data["csr"].encode(),
            actor=actor,
            origin=CertificateRequest.Origin.API,
            renews=certificate,
        )
        return Response(s.RequestOut(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=s.RevocationIn, responses={201: s.CertificateOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def revocation(self, request: Request, pk: UUID) -> Response:
        """Revoke for good. keyCompromise also where it was revoked for another reason before."""
        certificate, actor = self.get_object(), self.officer()
        values = self.taken(s.RevocationIn).validated_data
        again = hasattr(certificate, "revocation")
        if again and values["reason"] == RevocationReason.KEY_COMPROMISE:
            services.report_compromise(certificate, comment=values["comment"], actor=actor)
        else:
            services.revoke(certificate, **values, actor=actor)
        return self._fresh(certificate)

    @extend_schema(request=s.CommentIn, responses={201: s.CertificateOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def suspension(self, request: Request, pk: UUID) -> Response:
        """Put on hold (certificateHold) until it is released."""
        certificate, actor = self.get_object(), self.officer()
        services.suspend(certificate, **self.taken(s.CommentIn).validated_data, actor=actor)
        return self._fresh(certificate)

    @extend_schema(request=s.ReleaseIn, responses={201: s.CertificateOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: UUID) -> Response:
        """End the suspension."""
        certificate, actor = self.get_object(), self.officer()
        services.release(certificate, **self.taken(s.ReleaseIn).validated_data, actor=actor)
        return self._fresh(certificate)

    @extend_schema(responses={200: s.ClockOut, **ERRORS})
    @action(detail=True)
    def clock(self, request: Request, pk: UUID) -> Response:
        """How far its revocation has come: revoked, lists published, applied by all; no steps without one."""
        found = clocks.of(self.get_object(), self.account)
        return Response(s.ClockOut(found).data if found else {"done": False, "steps": []})

    def _fresh(self, certificate: Certificate) -> Response:
        found = self.one(self.get_queryset(), pk=certificate.pk)
        return Response(s.CertificateOut(found).data, status=status.HTTP_201_CREATED)


class Enrolments(mixins.ListModelMixin, mixins.RetrieveModelMixin, Throttled):
    """One-time secrets with which nodes enrol by EST."""

    enrolling = frozenset({"create"})
    serializer_class = s.EnrolmentOut
    queryset = Enrolment.objects.none()

    def get_queryset(self) -> QuerySet[Enrolment]:
        return scope.enrolments(self.account)

    @extend_schema(request=s.EnrolmentIn, responses={201: s.EnrolmentMadeOut, **ERRORS})
    @sensitive_variables("secret", "body")
    def create(self, request: Request) -> Response:
        """Make a secret for a node of one's own: it is in this answer and nowhere else."""
        actor, values = self.officer(), self.taken(s.EnrolmentIn).validated_data
        node = self.one(scope.nodes(actor), pk=values["node"])
        made, secret = services.make_enrolment(node=node, profile=values["profile"], actor=actor)
        body = {**s.EnrolmentOut(made).data, "secret": secret, "url": est.address("simpleenroll")}
        headers = {"Cache-Control": "no-store"}
        return Response(body, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=None, responses={200: s.EnrolmentOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def withdrawal(self, request: Request, pk: UUID) -> Response:
        """Nobody can enrol with it from now on."""
        enrolment, actor = self.get_object(), self.officer()
        services.withdraw_enrolment(enrolment, actor=actor)
        return Response(s.EnrolmentOut(self.one(self.get_queryset(), pk=enrolment.pk)).data)
