"""Ledgers and committees for programs: the same rows and the same services as on the portal's pages."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from consortium.core import clock
from consortium.core.errors import NotFound
from consortium.members.models import User
from consortium.web import committee
from consortium.web.api import ledger_serializers as s
from consortium.web.api.scoped import ERRORS, Scoped
from consortium.web.portal import ledgers
from governance.chain.ledgers import handing_in, lines
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeState,
    CommitteeTransaction,
    CommitteeWish,
    GovernedLedger,
)

_LEDGER = OpenApiParameter("ledger", str, description="only of this ledger")


class Ledgers(Scoped):
    """Every ledger, its way of governing, and how it is read."""

    queryset = GovernedLedger.objects.none()
    serializer_class = s.LedgerOut
    lookup_field = "slug"
    lookup_value_converter = "slug"

    @extend_schema(responses=s.LedgerOut(many=True))
    def list(self, request: Request) -> Response:
        """The alliance's own first."""
        page = self.paginate_queryset(ledgers.listed(self.account))
        return self.get_paginated_response(s.LedgerOut(page, many=True).data)

    @extend_schema(responses={200: s.LedgerDetailOut, **ERRORS})
    def retrieve(self, request: Request, slug: str) -> Response:
        """With its committee, its nodes, and where they drift from what the alliance decided."""
        row = ledgers.ledgers(self.account).filter(pk=slug).first()
        if row is None:
            return Response(s.LedgerDetailOut(_of_line(self._own(slug))).data)
        [line] = lines.ledgers([row])
        reading = getattr(row, "reading", None)
        shown = _of_line(line) | {
            "committee": _committee(row),
            "nodes": lines.nodes(row),
            "nodes_read_at": reading.nodes_read_at if reading else None,
        }
        return Response(s.LedgerDetailOut(shown).data)

    def _own(self, slug: str) -> lines.LedgerLine:
        own = ledgers.alliances_own(self.account)
        if own is None or own.slug != slug:
            raise NotFound
        return own


class CommitteeProposals(Scoped):
    """Proposals of committees, newest first; ``ref`` is ledger and number: ``harbour:7``."""

    queryset = CommitteeProposal.objects.none()
    serializer_class = s.CommitteeProposalOut
    lookup_field = "ref"
    lookup_value_converter = "str"

    def get_queryset(self) -> QuerySet[CommitteeProposal]:
        return ledgers.proposals(self.account)

    def get_object(self) -> CommitteeProposal:
        slug, _, number = self.kwargs["ref"].partition(":")
        if not number.isascii() or not number.isdecimal() or len(number) > 18:
            raise NotFound
        found: CommitteeProposal = self.one(self.get_queryset(), ledger=slug, number=int(number))
        return found

    @extend_schema(
        parameters=[_LEDGER, OpenApiParameter("type", int, enum=CommitteeProposal.Type.values)],
        responses=s.CommitteeProposalOut(many=True),
    )
    def list(self, request: Request) -> Response:
        """With what each does in words, its weights and its deadline in blocks."""
        rows = _filtered(self.get_queryset(), request)
        type_ = self.choice("type", [str(each) for each in CommitteeProposal.Type.values])
        rows = rows if type_ is None else rows.filter(type=type_)
        page = list(self.paginate_queryset(rows.order_by("-created_at", "-number", "ledger")) or [])
        found = lines.proposals(page, clock.now())
        return self.get_paginated_response(s.CommitteeProposalOut(found, many=True).data)

    @extend_schema(responses={200: s.CommitteeProposalDetailOut, **ERRORS})
    def retrieve(self, request: Request, ref: str) -> Response:
        """With who voted how, what is still needed, and what each next vote would do."""
        proposal = self.get_object()
        shown = committee.picture(proposal)
        view = shown.view
        found = {
            **{name: getattr(view, name) for name in ("proposal", "state", "state_words", "action_words")},
            **{name: getattr(view, name) for name in ("tally", "deadline", "warnings")},
            "needed": shown.needed,
            "failure": view.failure_words,
            "voters": shown.voters,
            "commands": _commands(self.account, proposal),
        }
        return Response(s.CommitteeProposalDetailOut(found).data)

    @extend_schema(request=s.SignedVoteIn, responses={201: s.CommitteeTransactionOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def transactions(self, request: Request, ref: str) -> Response:
        """Hand in a signed vote or revocation; it is checked and relayed byte for byte."""
        proposal, actor = self.get_object(), self.officer()
        values = self.taken(s.SignedVoteIn).validated_data
        ledger, number, raw = proposal.ledger, proposal.number, values["raw"]
        if values["choice"] == "revoke":
            row = handing_in.revoke(ledger, number, raw, actor=actor)
        else:
            row = handing_in.vote(ledger, number, raw, agree=values["choice"] == "agree", actor=actor)
        return Response(s.CommitteeTransactionOut(row).data, status=status.HTTP_201_CREATED)


class CommitteeWishes(Scoped):
    """What the secretariat asks committees to decide; a governor opens the proposal."""

    queryset = CommitteeWish.objects.none()
    serializer_class = s.CommitteeWishOut
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[CommitteeWish]:
        return ledgers.wishes(self.account)

    def get_object(self) -> CommitteeWish:
        if self.kwargs["pk"] >= 2**63:
            raise NotFound
        found: CommitteeWish = super().get_object()
        return found

    @extend_schema(parameters=[_LEDGER], responses=s.CommitteeWishOut(many=True))
    def list(self, request: Request) -> Response:
        """Newest first, with the state of each and the command that signs it."""
        page = list(self.paginate_queryset(_filtered(self.get_queryset(), request).order_by("-id")) or [])
        return self.get_paginated_response(s.CommitteeWishOut(_wished(page), many=True).data)

    @extend_schema(responses={200: s.CommitteeWishOut, **ERRORS})
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(s.CommitteeWishOut(_wished([self.get_object()])[0]).data)

    @extend_schema(request=s.RawIn, responses={201: s.CommitteeTransactionOut, **ERRORS})
    @action(detail=True, methods=["post"])
    def transactions(self, request: Request, pk: int) -> Response:
        """Hand in the signed transaction that opens it; before its turn it is kept and sent then."""
        wish, actor = self.get_object(), self.officer()
        row = handing_in.propose(wish, self.taken(s.RawIn).validated_data["raw"], actor=actor)
        return Response(s.CommitteeTransactionOut(row).data, status=status.HTTP_201_CREATED)


class CommitteeTransactions(Scoped):
    """Signed transactions and what became of them; a member's own."""

    queryset = CommitteeTransaction.objects.none()
    serializer_class = s.CommitteeTransactionOut

    def get_queryset(self) -> QuerySet[CommitteeTransaction]:
        return ledgers.transactions(self.account)

    @extend_schema(parameters=[_LEDGER], responses=s.CommitteeTransactionOut(many=True))
    def list(self, request: Request) -> Response:
        """Newest first."""
        page = self.paginate_queryset(_filtered(self.get_queryset(), request).order_by("-id"))
        return self.get_paginated_response(s.CommitteeTransactionOut(page, many=True).data)


def _commands(user: User, proposal: CommitteeProposal) -> list[dict[str, str]]:
    choices = ["agree", "against"] if ledgers.may_vote(user, proposal) else []
    choices += ["revoke"] if ledgers.may_revoke(user, proposal) else []
    return [{"choice": each, "command": committee.vote_command(proposal, each)} for each in choices]


def _filtered(rows: QuerySet[Any], request: Request) -> QuerySet[Any]:
    ledger = request.query_params.get("ledger")
    return rows if ledger is None else rows.filter(ledger=ledger)


def _wished(rows: list[CommitteeWish]) -> list[dict[str, Any]]:
    return [
        {
            "wish": line.wish,
            "state": line.state,
            "state_words": line.state_words,
            "action_words": line.action_words,
            "command": committee.propose_command(line.wish),
        }
        for line in lines.wished(rows)
    ]


def _of_line(line: lines.LedgerLine) -> dict[str, Any]:
    names = ("slug", "kind", "chain_id", "genesis_hash", "open_proposals", "waiting_wishes", "health", "row")
    shown = {name: getattr(line, name) for name in names}
    return shown | {"committee": None, "nodes": [], "nodes_read_at": None}


def _committee(row: GovernedLedger) -> dict[str, Any] | None:
    state = CommitteeState.objects.filter(ledger=row).first()
    if state is None:
        return None
    governors = lines.governors(row)
    return {"state": state, "governors": governors, "weight": sum(each.weight for each in governors)}
