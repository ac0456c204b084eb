"""Break-glass in the portal: what is frozen, what guardians have begun, and a confirmation handed in."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from consortium.core.models import Event
from consortium.members.models import User
from governance.chain.models import RegistryEntry, RelayTransaction
from governance.proposals.models import Kind, Proposal
from tests.contracts.alliance import GUARDIANS
from tests.factories import NodeFactory, UserFactory
from tests.proposals.stage import Stage

OBSERVER = 1
GU, HE, _MA = GUARDIANS
REASON = "Its key was found on a stolen disk.\nThe police has the disk."


@pytest.fixture
def officer(stage: Stage) -> User:
    user: User = UserFactory(institution=stage.banks[0], username="zhou.lan")
    return user


@pytest.fixture
def entry(stage: Stage) -> RegistryEntry:
    """An observer of the second bank's."""
    stage.register(stage.node(stage.banks[1]), OBSERVER)
    return RegistryEntry.objects.get()


def as_(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def signing_page(client: Client, entry: RegistryEntry, guardian: LocalAccount) -> Any:
    values = {"node": entry.pk, "reason": REASON, "guardian": guardian.address, "hours": 24}
    return client.post("/guardians/freeze/", values)


def handed_in(client: Client, page: Any, guardian: LocalAccount) -> Any:
    """As the wallet's button does: what the page shows, and the wallet's signature."""
    typed = json.loads(json.dumps(page.context["typed"]))
    signed = guardian.sign_message(encode_typed_data(full_message=typed)).signature
    fields = {"confirmation": page.context["unsigned"], "signature": "0x" + bytes(signed).hex()}
    return client.post("/guardians/hand-in/", fields)


def confirm(stage: Stage, client: Client, entry: RegistryEntry, guardian: LocalAccount) -> None:
    with stage.ledgers_time():
        page = signing_page(client, entry, guardian)
        assert page.status_code == 200, page.content.decode()
        done = handed_in(client, page, guardian)
        assert done.status_code == 302, done.content.decode()
    with stage.ledgers_time(ahead=5):
        stage.work()


def test_two_guardians_freeze_a_node_by_what_the_pages_show(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    as_(client, officer)
    confirm(stage, client, entry, GU)
    with stage.ledgers_time():
        text = client.get("/guardians/").content.decode()
    assert "1 of 2" in text
    assert f"{GU.address[:8]}" in text
    assert f"Freeze node {entry.consensus_id[:10]}" in text
    assert "No node is frozen." in text

    confirm(stage, client, entry, HE)
    entry.refresh_from_db()
    assert entry.frozen_until is not None
    vote = Proposal.objects.get(kind=Kind.RATIFY_FREEZE)
    with stage.ledgers_time():
        frozen = client.get("/guardians/").content.decode()
    assert "Nothing is under way." in frozen
    assert f"/proposals/{vote.pk}/" in frozen
    assert "data-left=" in frozen
    assert Event.objects.filter(action="confirmation.handed_in", actor_label="zhou.lan").count() == 2


def test_the_viewers_zone_is_that_of_the_times(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    as_(client, officer)
    for guardian in (GU, HE):
        confirm(stage, client, entry, guardian)
    entry.refresh_from_db()
    assert entry.frozen_until is not None
    shanghai = entry.frozen_until + timedelta(hours=8)
    client.cookies["zone"] = "Asia/Shanghai"
    with stage.ledgers_time():
        assert f"{shanghai:%Y-%m-%d %H:%M:%S}" in client.get("/guardians/").content.decode()


def test_two_guardians_cancel_a_proposal(stage: Stage, officer: User, client: Client) -> None:
    vote = stage.voting()
    as_(client, officer)
    values = {"proposal": vote.chain_proposal_id, "reason": REASON, "hours": 1}
    for guardian in (GU, HE):
        with stage.ledgers_time():
            page = client.post("/guardians/cancel/", {**values, "guardian": guardian.address})
            assert "Grant a seat to" in page.content.decode()
            assert handed_in(client, page, guardian).status_code == 302
            assert f"Cancel proposal {vote}" in client.get("/guardians/").content.decode()
        with stage.ledgers_time(ahead=5):
            stage.work()
    assert stage.state(vote).value == "canceled"


def test_the_commands_file_is_taken_too_and_once(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    as_(client, officer)
    with stage.ledgers_time():
        page = signing_page(client, entry, GU)
        typed = json.loads(json.dumps(page.context["typed"]))
        signature = "0x" + bytes(GU.sign_message(encode_typed_data(full_message=typed)).signature).hex()
        file = json.dumps({**json.loads(page.context["unsigned"]), "signature": signature})
        for _attempt in range(2):
            assert client.post("/guardians/hand-in/", {"confirmation": file}).status_code == 302
    assert RelayTransaction.objects.filter(key__startswith="confirmation:").count() == 1
    assert "governance.guardian freeze --network" in page.context["command"]
    assert entry.consensus_id in page.context["command"]


def test_what_nobody_signed_or_a_stranger_is_refused_in_words(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    stranger = stage_voter(stage)
    as_(client, officer)
    with stage.ledgers_time():
        page = signing_page(client, entry, GU)
        forged = handed_in(client, page, HE)
        assert forged.status_code == 400
        assert "no guardian&#x27;s confirmation" in forged.content.decode()
        assert client.post("/guardians/hand-in/", {"confirmation": "[]"}).status_code == 400
        asked = signing_page(client, entry, stranger)
        assert asked.status_code == 400
    assert not RelayTransaction.objects.filter(key__startswith="confirmation:").exists()


def stage_voter(stage: Stage) -> LocalAccount:
    from tests.factories import voter_of

    found: LocalAccount = voter_of(stage.banks[0])
    return found


def test_who_has_confirmed_is_not_asked_again(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    as_(client, officer)
    confirm(stage, client, entry, GU)
    with stage.ledgers_time():
        again = signing_page(client, entry, GU)
    assert again.status_code == 409
    assert f"{GU.address} has confirmed this already." in again.content.decode()


def test_a_round_that_was_not_completed_in_a_day_is_gone(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    as_(client, officer)
    confirm(stage, client, entry, GU)
    with stage.ledgers_time(ahead=24 * 3600 + 10):
        text = client.get("/guardians/").content.decode()
    assert "Nothing is under way." in text


def test_the_regulator_reads_and_signs_nothing_others_see_nothing(
    stage: Stage, entry: RegistryEntry, client: Client
) -> None:
    assert client.get("/guardians/").status_code == 302
    as_(client, UserFactory(regulator=True))
    text = client.get("/guardians/").content.decode()
    assert GU.address in text
    assert "Freeze a node" not in text
    for path in ("/guardians/freeze/", "/guardians/cancel/", "/guardians/hand-in/"):
        assert client.get(path).status_code == 403
        assert client.post(path, {}).status_code == 403
    as_(client, stage.secretary)
    assert client.get("/guardians/hand-in/").status_code == 200


def test_the_page_asks_as_often_whatever_is_frozen(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    as_(client, officer)
    confirm(stage, client, entry, GU)
    with stage.ledgers_time():
        client.get("/guardians/")
        few = counted(client)
        until = stage.now + timedelta(hours=70)
        rows = [
            RegistryEntry(
                ledger=stage.ledger, network=node.network_id, consensus_id=node.consensus_id,
                member_id=bank.uscc, role=OBSERVER, block=1, block_time=stage.now, tx_hash="0x" + "ab" * 32,
                frozen_until=until, freeze_number=number,
            )
            for number, (bank, node) in enumerate(
                ((bank, NodeFactory.build()) for bank in stage.banks for _ in range(10)), 100
            )
        ]  # fmt: skip
        for number, row in enumerate(rows):
            row.consensus_id = f"{number:0128x}"
            row.network = entry.network
        RegistryEntry.objects.bulk_create(rows)
        assert counted(client) == few


def counted(client: Client) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get("/guardians/").status_code == 200
    return len(asked)


def test_the_api_tells_and_takes_the_same(
    stage: Stage, officer: User, entry: RegistryEntry, client: Client
) -> None:
    as_(client, officer)
    with stage.ledgers_time():
        page = signing_page(client, entry, GU)
        typed = json.loads(json.dumps(page.context["typed"]))
        signature = "0x" + bytes(GU.sign_message(encode_typed_data(full_message=typed)).signature).hex()
        content = {**json.loads(page.context["unsigned"]), "signature": signature}
        path = "/api/v1/guardians/confirmations/"
        taken = client.post(path, content, content_type="application/json")
        assert taken.status_code == 201, taken.content
        wrong = client.post(path, {**content, "reason": "Another."}, content_type="application/json")
        assert (wrong.status_code, wrong.json()["code"]) == (400, "confirmation_refused")
    with stage.ledgers_time(ahead=5):
        stage.work()
        told = client.get("/api/v1/guardians/").json()
    assert (told["threshold"], told["guardians"]) == (2, [one.address for one in GUARDIANS])
    assert [one["confirmed_by"] for one in told["begun"]] == [[GU.address]]
    assert told["begun"][0]["consensus_id"] == entry.consensus_id
    assert [one["status"] for one in client.get(path).json()] == ["mined"]
    as_(client, UserFactory(regulator=True))
    assert client.post(path, content, content_type="application/json").status_code == 403
