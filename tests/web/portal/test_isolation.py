"""Every address of portal and API, walked: another bank's rows are not there, the regulator only reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from governance.proposals import services
from governance.proposals.models import Ballot, Kind
from tests.factories import voter_of
from tests.web.portal.town import Bank, LedgerKey, Town

OPEN = re.compile(r"^(admin/|accounts/|healthz|readyz|metrics|pki/|language/|static/|api/v1/schema/)")
# A person's own account, whoever it is: password, second factor, token.
OWN_ACCOUNT = {"account/token/", "account/token/withdraw/"}
# How all nodes of a network fare is for secretariat and regulator.
OVERSEEN = {
    "lists/networks/<slug:slug>/", "lists/networks/<slug:slug>/state.json",
    "api/v1/networks/<slug:pk>/convergence/",
}  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")

# Which row an address with a key is about, by the address's beginning.
KINDS = {
    "nodes/": "node", "requests/": "request", "certificates/": "certificate", "lists/": "epoch",
    "epochs/": "epoch", "institutions/": "institution", "proposals/": "proposal", "enrolments/": "enrolment",
    "substitutions/": "cover", "ledgers/": "ledger", "committee-proposals/": "ledger",
    "committee-wishes/": "ledger", "lists/networks/": "network", "networks/": "network",
    "logs/": "network", "removals/": "removal",
}  # fmt: skip


@dataclass(frozen=True)
class Address:
    route: str

    @property
    def kind(self) -> str | None:
        if "<" not in self.route:
            return None
        return KINDS[re.sub(r"^api/v1/", "", self.route).split("<")[0]]

    def path(self, key: object) -> str:
        if isinstance(key, LedgerKey):
            return "/" + key.path(self.route)
        return "/" + re.sub(r"<[^>]+>", str(key), re.sub(r"<int:[^>]+>", "1", self.route))


def walk(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def addresses() -> list[Address]:
    found = {route for route in walk(get_resolver().url_patterns) if not OPEN.match(route)}
    return [Address(route) for route in sorted(found) if "<path:" not in route]


ALL = addresses()
KEYED = [address for address in ALL if address.kind is not None]


def key_of(address: Address, bank: Bank, town: Town) -> object:
    return town.draft.pk if address.kind == "proposal" else bank.keys[str(address.kind)]


def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def rows() -> tuple[int, ...]:
    changed = Event.objects.exclude(action__endswith=".refused").count()
    return changed, OutboxMessage.objects.count(), Node.objects.count(), Ballot.objects.count()


def test_the_walk_finds_what_there_is() -> None:
    """Were the walk to miss addresses, everything below would pass for nothing."""
    routes = {address.route for address in ALL}
    assert {"nodes/<uuid:pk>/retire/", "certificates/<uuid:pk>/chain.pem", "api/v1/events/"} <= routes
    assert {"api/v1/proposals/<str:ref>/ballots/", "api/v1/certificates/<uuid:pk>/revocation/"} <= routes
    assert len(KEYED) >= 25


def test_another_banks_rows_are_not_there(town: Town, client: Client) -> None:
    signed_in(client, town.heming.officer)
    before = rows()
    answers = {
        f"{method} {address.path(key)}": getattr(client, method)(
            address.path(key),
            **({} if method == "get" else {"data": "{}", "content_type": "application/json"}),
        ).status_code
        for address in KEYED
        for key in [key_of(address, town.qingchuan, town)]
        for method in METHODS
        if cache.clear() is None  # so many writes in a row would be too many for anybody
    }
    found = {what: status for what, status in answers.items() if status not in {404, 405}}
    assert found == {}
    written = "ballots|retire|endpoint|revocation|suspension|release|withdrawal|voting-address|contact"
    written += "|proposed-vote|comments|end|transactions|completion"
    assert [what for what, status in answers.items() if what.startswith("get") and status == 405] == [
        what for what in answers if re.match(rf"get .*/({written})/$", what) and "/api/" in what
    ]
    assert rows() == before


def test_ones_own_rows_are_there(town: Town, client: Client) -> None:
    """The other side of the coin: a 404 for everything would pass the test above."""
    signed_in(client, town.heming.officer)
    for address in KEYED:
        key = town.vote.pk if address.kind == "proposal" else town.heming.keys[str(address.kind)]
        seen = {404} if address.route in OVERSEEN else {200, 405}
        assert client.get(address.path(key)).status_code in seen, address


def test_no_list_shows_another_banks_rows(town: Town, client: Client) -> None:
    signed_in(client, town.heming.officer)
    foreign = {str(key) for key in town.qingchuan.keys.values()} | {town.qingchuan.officer.username}
    foreign -= {town.qingchuan.node.network_id}  # its name is no secret
    for address in ALL:
        if address.kind is None and address.route not in OWN_ACCOUNT:
            answer = client.get("/" + address.route)
            text = answer.content.decode()
            assert answer.status_code == 200, address
            assert not [key for key in foreign if key in text], address


def test_other_banks_ballots_on_ones_node_are_their_affair(town: Town, client: Client) -> None:
    """The ledger shows who voted what; who at another bank handed it in, and how it fared, it does not."""
    stage, bank = town.stage, town.heming
    vote = stage.voting(Kind.ADMIT_NODE, institution=bank.institution, node=bank.node, node_role=2)
    for voter, officer in ((bank, bank.officer), (town.qingchuan, town.qingchuan.officer)):
        stage.cast(voter.institution, vote, by=officer)
    stage.work()
    ballots = Event.objects.filter(action__startswith="ballot.", node_id=bank.node.pk)
    foreign = ballots.filter(institution_id=town.qingchuan.institution.pk)
    assert {event.action for event in foreign} == {"ballot.received", "ballot.counted"}
    theirs = {voter_of(town.qingchuan.institution).address, town.qingchuan.officer.username}
    theirs |= {str(town.qingchuan.institution.pk), *(e.data.get("ballot", "-no-") for e in foreign)}
    pages = [f"/nodes/{bank.node.pk}/", f"/api/v1/nodes/{bank.node.pk}/events/"]
    pages += [f"/api/v1/proposals/{vote.pk}/events/", "/api/v1/events/", "/record/"]
    signed_in(client, bank.officer)
    for path in pages:
        text = client.get(path).content.decode()
        assert "ballot" in text, path  # its own
        assert not [word for word in theirs if word in text], path
    signed_in(client, town.wu_rui)
    assert town.qingchuan.officer.username in client.get(pages[0]).content.decode()


def test_what_happens_to_a_draft_about_a_bank_is_not_told_to_it(town: Town, client: Client) -> None:
    """A draft to expel it that was given files, amended and dropped: the bank never hears of it."""
    bank, secretary = town.heming.institution, town.stage.secretary
    draft = town.stage.draft(Kind.EXPEL, institution=bank)
    services.attach(draft, name="findings-of-the-audit.txt", content=b"Findings.", actor=secretary)
    services.withdraw(draft, actor=secretary, reason="It was not so bad after all.")
    hidden = {"findings-of-the-audit", "proposal.attached", "proposal.withdrawn", "not so bad"}
    signed_in(client, town.heming.officer)
    for path in ("/record/", "/api/v1/events/"):
        text = client.get(path).content.decode()
        assert not [word for word in hidden if word in text], path
    signed_in(client, town.wu_rui)
    assert "proposal.attached" in client.get("/api/v1/events/").content.decode()


def test_the_regulator_reads_everything_and_writes_nothing(town: Town, client: Client) -> None:
    signed_in(client, town.wu_rui)
    before = rows()
    for address in ALL:
        if address.route in OWN_ACCOUNT:
            continue
        key = town.vote.pk if address.kind == "proposal" else town.heming.keys.get(str(address.kind))
        path = address.path(key)
        cache.clear()  # so many writes in a row would be too many for anybody
        assert client.get(path).status_code in {200, 403, 405}, path
        for method in METHODS[1:]:
            answer = getattr(client, method)(path, data="{}", content_type="application/json")
            assert answer.status_code in {403, 405}, (method, path)
    assert rows() == before


# What the secretariat does by program itself.
ITS_OWN = re.compile(
    r"^api/v1/(proposals/<str:ref>/(actions|opening|withdrawal|amendment)"
    r"|removals/<uuid:pk>/(withdrawal|completion))/$"
)


def test_the_secretariat_does_not_act_for_a_bank(town: Town, client: Client) -> None:
    """Its way is the admin, and the API for drafts and removals; else it reads here."""
    signed_in(client, town.wang_min)
    for address in KEYED:
        if ITS_OWN.match(address.route):
            continue
        key = town.vote.pk if address.kind == "proposal" else town.heming.keys[str(address.kind)]
        answer = client.post(address.path(key), data="{}", content_type="application/json")
        assert answer.status_code in {403, 405}, address


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.route)
@pytest.mark.django_db
def test_strangers_are_sent_to_sign_in(address: Address, client: Client) -> None:
    path = address.path("7e4f2b62-3c5d-4a8e-9a51-1d2f1c9d0a11")
    for method in ("get", "post"):
        answer = getattr(client, method)(path)
        if path.startswith("/api/"):
            assert answer.status_code == 401
            assert answer.json()["code"] == "not_authenticated"
        else:
            assert answer.status_code in {302, 405}
            assert answer.status_code == 405 or answer["Location"].startswith("/accounts/login/")


def test_an_account_without_institution_or_role_sees_nothing(town: Town, client: Client) -> None:
    town.wu_rui.is_active = False
    town.wu_rui.save()
    client.force_login(town.wu_rui)
    assert client.get("/nodes/").status_code == 302
    assert client.get("/api/v1/nodes/").status_code == 401
