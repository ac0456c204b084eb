"""The API: what the portal can do, for programs. Reads are scoped as there; writes call the same services."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from consortium.core.errors import NotFound
from consortium.core.models import Event
from consortium.members import services as member_services
from consortium.members.models import Institution, Node
from consortium.web import limits
from consortium.web.api import serializers as s
from consortium.web.api.drafting import Drafting
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.portal import listing, scope, words
from governance import bundles
from governance.chain.models import Seat
from governance.permissions import holding
from governance.permissions.models import Epoch
from governance.proposals import facts, mandates
from governance.proposals import selectors as voting
from governance.proposals import services as voting_services
from governance.proposals.mandates import Substitution
from governance.proposals.models import Ballot, Kind, Proposal

_COMMENTS = 50  # the latest, beside a proposal


class Institutions(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    """The account's own institution; all of them for secretariat and regulator."""

    serializer_class = s.InstitutionOut
    queryset = Institution.objects.none()

    def get_queryset(self) -> QuerySet[Institution]:
        return scope.institutions(self.account)

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if self.action == "list":  # one query for all, not one each
            context["seats"] = {seat.member_id: seat for seat in Seat.objects.all()}
        return context

    @extend_schema(request=s.ContactIn, responses={200: s.InstitutionOut, **ERRORS})
    @action(detail=True, methods=["put"])
    def contact(self, request: Request, pk: UUID) -> Response:
        """Change whom the alliance reaches at the institution."""
        institution, actor = self.get_object(), self.officer()
        values = self.taken(s.ContactIn).validated_data
        return Response(
            s.InstitutionOut(member_services.change_contact(institution, **values, actor=actor)).data
        )

    @extend_schema(request=s.VotingAddressIn, responses={200: s.InstitutionOut, **ERRORS})
    @action(detail=True, methods=["post"], url_path="voting-address")
    def voting_address(self, request: Request, pk: UUID) -> Response:
        """Register the address that will vote, with a proof; possible until there is a seat."""
        institution, actor = self.get_object(), self.officer()
        values = self.taken(s.VotingAddressIn).validated_data
        changed = member_services.set_voting_address(institution, **values, actor=actor)
        return Response(s.InstitutionOut(changed).data)


class Nodes(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    serializer_class = s.NodeOut
    queryset = Node.objects.none()

    def get_queryset(self) -> QuerySet[Node]:
        return scope.nodes(self.account).prefetch_related("addresses")

    @extend_schema(request=s.NodeIn, responses={201: s.NodeOut, **ERRORS})
    def create(self, request: Request) -> Response:
        """Register a node of one's own institution."""
        actor = self.officer()
        own = self.one(Institution.objects.all(), pk=actor.institution_id)
        node = member_services.register_node(own, **self.taken(s.NodeIn).validated_data, actor=actor)
        return Response(s.NodeOut(node).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=s.EndpointIn, responses={200: s.NodeOut, **ERRORS})
    @action(detail=True, methods=["put"])
    def endpoint(self, request: Request, pk: UUID) -> Response:
        """Say where the node is reached; what else is left out stays as it is."""
        return self._change(s.EndpointIn)

    @extend_schema(request=s.EndpointChange, responses={200: s.NodeOut, **ERRORS})
    @endpoint.mapping.patch
    def change_endpoint(self, request: Request, pk: UUID) -> Response:
        """Change one thing or another of how the node is reached and what runs there."""
        return self._change(s.EndpointChange)

    def _change(self, serializer: type[s.EndpointChange]) -> Response:
        node, actor = self.get_object(), self.officer()
        limits.spend(actor, limits.ENDPOINTS)
        values = self.taken(serializer).validated_data
        return Response(s.NodeOut(member_services.change_endpoint(node, **values, actor=actor)).data)

    @extend_schema(request=s.ReasonIn, responses={200: s.NodeOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: UUID) -> Response:
        """Take the node out of service for good."""
        node, actor = self.get_object(), self.officer()
        reason = self.taken(s.ReasonIn).validated_data["reason"]
        return Response(s.NodeOut(member_services.retire_node(node, actor=actor, reason=reason)).data)

    @extend_schema(responses={200: s.EventOut(many=True), **ERRORS}, filters=False)
    @action(detail=True)
    def events(self, request: Request, pk: UUID) -> Response:
        """The node's timeline, newest first."""
        page = self.paginate_queryset(scope.node_events(self.account, self.get_object()))
        return self.get_paginated_response(s.EventOut(page, many=True).data)


class Proposals(Drafting):
    """Proposals that were opened. ``ref`` is the uuid, the number, or the id on chain."""

    queryset = Proposal.objects.none()
    serializer_class = s.ProposalOut
    lookup_field = "ref"
    lookup_value_converter = "str"
    throttle_scope: str | None = None

    def get_queryset(self) -> QuerySet[Proposal]:
        return scope.proposals(self.account)

    def get_object(self) -> Proposal:
        return self.one(self.get_queryset(), **_proposal_key(self.kwargs["ref"]))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.throttle_scope = "ballots" if self.action == "ballots" else None
        super().initial(request, *args, **kwargs)

    @extend_schema(
        parameters=[OpenApiParameter("kind", str, enum=Kind.values)], responses=s.ProposalOut(many=True)
    )
    def list(self, request: Request) -> Response:
        """Newest first, with state and tally."""
        kind = self.choice("kind", Kind.values)
        rows = self.get_queryset() if kind is None else self.get_queryset().filter(kind=kind)
        page = list(self.paginate_queryset(rows) or [])
        return self.get_paginated_response(
            s.ProposalOut(listing.proposal_rows(self.account, page), many=True).data
        )

    @extend_schema(responses={200: s.ProposalDetailOut, **ERRORS})
    def retrieve(self, request: Request, ref: str) -> Response:
        """With text, calls, and who has voted."""
        proposal = self.get_object()
        own = voting.own_vote(proposal, self.account.institution) if self.account.institution else None
        bank = self.account.institution
        row = {
            "proposal": proposal,
            "overview": voting.overview(proposal),
            "own": own,
            "governor": facts.governor_of(proposal),
            "steps": words.steps(proposal),
            "attachments": voting.attachments_of(proposal),
            "comments": voting.discussion(proposal)[:_COMMENTS],
            "applied": bundles.applied(proposal),
            "proposed_vote": mandates.standing(proposal, bank) if bank else None,
        }
        return Response(s.ProposalDetailOut(row).data)

    @extend_schema(request=s.BallotIn, responses={201: s.BallotOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def ballots(self, request: Request, ref: str) -> Response:
        """Hand in a ballot signed outside; the console relays it to the ledger."""
        proposal, actor = self.get_object(), self.officer()
        fields: s.BallotIn = self.taken(s.BallotIn)
        ballot: Ballot = voting_services.cast(proposal, **fields.for_service(proposal), actor=actor)
        return Response(s.BallotOut(ballot).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **ERRORS})
    @action(detail=True)
    def bundle(self, request: Request, ref: str) -> HttpResponse:
        """The proposal's whole story in one file, byte for byte as ``governance.verify`` takes it."""
        return HttpResponse(bundles.bundle_of(self.get_object()), content_type="application/json")

    @extend_schema(responses=s.RemarkOut(many=True))
    @action(detail=True)
    def comments(self, request: Request, ref: str) -> Response:
        """What people said of it, the latest first."""
        page = list(self.paginate_queryset(voting.discussion(self.get_object())) or [])
        return self.get_paginated_response(s.RemarkOut(page, many=True).data)

    @extend_schema(request=s.RemarkIn, responses={201: s.RemarkOut, **ERRORS})
    @comments.mapping.post
    def comment(self, request: Request, ref: str) -> Response:
        """Say something to all members."""
        proposal, actor = self.get_object(), self.officer()
        made = voting_services.comment(proposal, **self.taken(s.RemarkIn).validated_data, actor=actor)
        return Response(s.RemarkOut(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=s.ProposedVoteIn, responses={201: s.ProposedVoteOut, **ERRORS})
    @action(detail=True, methods=["post"], url_path="proposed-vote")
    def proposed_vote(self, request: Request, ref: str) -> Response:
        """Propose how one's own institution votes; another officer then hands in the ballot."""
        proposal, actor = self.get_object(), self.officer()
        values = self.taken(s.ProposedVoteIn).validated_data
        mandate = voting_services.propose_vote(proposal, **values, actor=actor)
        return Response(s.ProposedVoteOut(mandate).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=s.ReasonIn, responses={200: s.ProposedVoteOut, **ERRORS})
    @action(detail=True, methods=["post"], url_path="proposed-vote/withdrawal")
    def proposed_vote_withdrawal(self, request: Request, ref: str) -> Response:
        """Take back what was proposed inside one's own institution."""
        proposal, actor = self.get_object(), self.officer()
        values = self.taken(s.ReasonIn).validated_data
        return Response(
            s.ProposedVoteOut(voting_services.withdraw_vote(proposal, **values, actor=actor)).data
        )

    @extend_schema(responses={200: s.EventOut(many=True), **ERRORS}, filters=False)
    @action(detail=True)
    def events(self, request: Request, ref: str) -> Response:
        """The proposal's timeline, newest first."""
        page = self.paginate_queryset(scope.proposal_events(self.account, self.get_object()))
        return self.get_paginated_response(s.EventOut(page, many=True).data)


def _proposal_key(ref: str) -> dict[str, Any]:
    if re.fullmatch(r"[0-9]{1,9}", ref):
        return {"number": int(ref)}
    if re.fullmatch(r"[0-9]{10,78}", ref):
        return {"chain_proposal_id": ref}
    try:
        return {"pk": UUID(ref)}
    except ValueError:
        raise NotFound from None


class Substitutions(mixins.ListModelMixin, Scoped):
    """Leave cover in votes: who stands in for whom, and when. One's own institution's."""

    serializer_class = s.SubstitutionOut
    queryset = Substitution.objects.none()

    def get_queryset(self) -> QuerySet[Substitution]:
        rows = Substitution.objects.select_related("absent", "substitute", "named_by")
        return rows.filter(institution__in=scope.institutions(self.account).values("pk"))

    @extend_schema(request=s.SubstitutionIn, responses={201: s.SubstitutionOut, **ERRORS})
    def create(self, request: Request) -> Response:
        """Name a substitute for a time."""
        actor = self.officer()
        values = dict(self.taken(s.SubstitutionIn).validated_data)
        people = scope.people(actor)
        for name in ("absent", "substitute"):
            values[name] = self.one(people, username=values[name])
        made = voting_services.name_substitute(values.pop("absent"), **values, actor=actor)
        return Response(s.SubstitutionOut(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=s.ReasonIn, responses={200: s.SubstitutionOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: UUID) -> Response:
        """End a substitution before its time."""
        found, actor = self.get_object(), self.officer()
        reason = self.taken(s.ReasonIn).validated_data["reason"]
        ended = voting_services.end_substitution(found, actor=actor, reason=reason)
        return Response(s.SubstitutionOut(ended).data)


class Epochs(mixins.ListModelMixin, mixins.RetrieveModelMixin, Scoped):
    """Permission lists of the networks where the account has nodes, newest first."""

    serializer_class = s.EpochOut
    queryset = Epoch.objects.none()

    def get_queryset(self) -> QuerySet[Epoch]:
        rows = holding.with_state(scope.epochs(self.account))
        return (
            rows.select_related("rollout__former")
            .prefetch_related("files", "findings", "overrides", "rollout__stages")
            .order_by("-compiled_at")
        )


class Convergence(Scoped):
    """What each of one's nodes should have, was told and applied."""

    serializer_class = s.ConvergenceOut
    pagination_class = None
    queryset = Node.objects.none()

    @extend_schema(responses={200: s.ConvergenceOut(many=True), **ERRORS})
    def list(self, request: Request) -> Response:
        own = set(scope.nodes(self.account).values_list("pk", flat=True))
        rows = listing.list_rows(network.pk for network in scope.networks(self.account)).values()
        return Response(s.ConvergenceOut([row for row in rows if row.node.pk in own], many=True).data)


class Events(mixins.ListModelMixin, Scoped):
    """Everything that happened to one's institution and nodes, newest first."""

    serializer_class = s.EventOut
    queryset = Event.objects.none()

    def get_queryset(self) -> QuerySet[Event]:
        return scope.events(self.account)
