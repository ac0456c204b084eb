"""A bank's vote in the portal: proposed by one officer, signed by another in one of three ways."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from eth_account import Account
from eth_account.messages import encode_typed_data

from consortium.core import clock
from consortium.core.models import Event
from consortium.web.portal import voting
from governance.proposals import mandates
from governance.proposals.models import Ballot
from governance.verify.document import Bundle
from tests.factories import voter_of
from tests.proposals.stage import AGAINST, FOR
from tests.web.portal.town import Town


def as_(client: Client, user: Any) -> Client:
    client.force_login(user)
    return client


def propose(town: Town, client: Client, support: int = FOR) -> None:
    """A colleague at Heming Bank proposes, in the portal."""
    page = as_(client, town.stage.colleague(town.heming.institution)).post(
        f"/proposals/{town.vote.pk}/our-vote/", {"support": support, "reason": "Our board wants it"}
    )
    assert page.status_code == 302, page.content.decode()


def signature(town: Town, typed: dict[str, Any]) -> str:
    """What a wallet answers to ``eth_signTypedData_v4``."""
    key = Account.from_key(voter_of(town.heming.institution).key)
    return "0x" + bytes(key.sign_message(encode_typed_data(full_message=typed)).signature).hex()


def test_an_officer_proposes_another_signs_with_the_browsers_wallet(town: Town, client: Client) -> None:
    with town.stage.ledgers_time():
        propose(town, client)
        page = as_(client, town.heming.officer).get(f"/proposals/{town.vote.pk}/")
        assert "Our board wants it" in page.content.decode()
        typed = json.loads(json.dumps(page.context["wallet"]))
        assert (typed["primaryType"], typed["message"]["support"]) == ("Ballot", FOR)
        done = client.post(
            f"/proposals/{town.vote.pk}/signature/", {"support": FOR, "signature": signature(town, typed)}
        )
    assert done.status_code == 302, done.content.decode()
    ballot = Ballot.objects.get()
    assert (ballot.support, ballot.received_from) == (FOR, "zhou.lan")
    with town.stage.ledgers_time(ahead=5):
        town.stage.work()
    assert town.stage.tally(town.vote) == (0, 1, 0)


def test_who_proposed_is_shown_no_way_to_sign_and_others_see_nothing_of_it(
    town: Town, client: Client
) -> None:
    path = f"/proposals/{town.vote.pk}/"
    with town.stage.ledgers_time():
        propose(town, client, AGAINST)
        own = client.get(path)
        assert (own.context["ours"].may_sign, own.context["wallet"]) == (False, None)
        assert "signs and hands in" in own.content.decode()
        for stranger in (town.qingchuan.officer, town.wu_rui, town.wang_min):
            text = as_(client, stranger).get(path).content.decode()
            assert "Our board wants it" not in text
    assert Event.objects.filter(action="ballot.proposed").count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s[:-4] + "ffff", "A signature is 0x and 130"),
        (lambda s: "0x12", "A signature is 0x and 130"),
        (lambda s: "words", "A signature is 0x and 130"),
        (lambda s: s[:10] + ("0" if s[10] != "0" else "1") + s[11:], "was not made with the key"),
    ],
)
def test_a_pasted_signature_that_is_none_is_refused_in_words(
    town: Town, client: Client, change: Any, words: str
) -> None:
    with town.stage.ledgers_time():
        propose(town, client)
        page = as_(client, town.heming.officer).get(f"/proposals/{town.vote.pk}/")
        wrong = change(signature(town, page.context["wallet"]))
        path = f"/proposals/{town.vote.pk}/signature/"
        answer = client.post(path, {"support": FOR, "signature": wrong})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Ballot.objects.exists()


def test_signatures_are_taken_as_wallets_and_devices_write_them() -> None:
    key = Account.from_key("0x" + "11" * 32)
    ballot = voting.typed_data.Ballot(1, "0x" + "22" * 20, 7, FOR, key.address, 0)
    usual = voting.typed_data.sign(ballot, key)
    raw = bytes.fromhex(usual[2:])
    assert voting.signature(f"  {usual[:40]}\n{usual[40:]} ") == usual
    assert voting.signature(usual[2:]) == usual
    assert voting.signature("0x" + (raw[:64] + bytes([raw[64] - 27])).hex()) == usual
    s = int.from_bytes(raw[32:64]) | ((raw[64] - 27) << 255)
    assert voting.signature("0x" + (raw[:32] + s.to_bytes(32)).hex()) == usual
    assert key.unsafe_sign_hash(voting.digest(ballot)).signature.hex().removeprefix("0x") == usual[2:]


def test_the_page_of_a_signature_shows_what_is_signed(town: Town, client: Client) -> None:
    with town.stage.ledgers_time():
        propose(town, client)
        page = as_(client, town.heming.officer).get(f"/proposals/{town.vote.pk}/signature/")
    text = page.content.decode()
    for shown in ("“for” on proposal #", voter_of(town.heming.institution).address, page.context["digest"]):
        assert shown in text


def test_substitutes_are_named_and_ended_in_the_portal(town: Town, client: Client) -> None:
    bank = town.heming.institution
    colleague = town.stage.colleague(bank)
    path = f"/institutions/{bank.pk}/voting/"
    client = as_(client, town.heming.officer)
    begin = clock.now() + timedelta(hours=1)
    named = client.post(
        f"{path}substitute/",
        {
            "absent": town.heming.officer.pk, "substitute": colleague.pk, "reason": "Holiday",
            "starts": f"{begin:%Y-%m-%dT%H:%M}", "ends": f"{begin + timedelta(days=3):%Y-%m-%dT%H:%M}",
        },
    )  # fmt: skip
    assert named.status_code == 302, named.content.decode()
    made = mandates.substitutions(bank).get(reason="Holiday")
    assert "Holiday" in client.get(path).content.decode()
    ended = client.post(f"{path}substitute/end/", {"substitution": made.pk, "reason": "Cancelled"})
    assert ended.status_code == 302, ended.content.decode()
    changed = client.post(f"{path}duty/", {"officer": colleague.pk, "votes": "no", "reason": "Moved"})
    assert changed.status_code == 302, changed.content.decode()
    assert colleague not in mandates.officers_able(bank, clock.now())


def test_the_bundle_is_downloaded_by_whoever_reads_the_proposal(town: Town, client: Client) -> None:
    for user in (town.heming.officer, town.wu_rui, town.wang_min):
        answer = as_(client, user).get(f"/proposals/{town.vote.pk}/bundle.json")
        assert answer.status_code == 200
        assert Bundle.read(answer.content).proposal.number == town.vote.number
    api = client.get(f"/api/v1/proposals/{town.vote.number}/bundle/")
    assert api.content == answer.content
    assert client.get(f"/proposals/{town.draft.pk}/bundle.json").status_code == 409


def test_a_member_speaks_and_all_hear(town: Town, client: Client) -> None:
    as_(client, town.heming.officer).post(
        f"/proposals/{town.vote.pk}/comment/", {"text": "Who pays for this node?"}
    )
    page = as_(client, town.qingchuan.officer).get(f"/proposals/{town.vote.pk}/")
    assert "Who pays for this node?" in page.content.decode()


def test_a_proposals_page_takes_the_same_queries_however_many_vote(town: Town, client: Client) -> None:
    path = f"/proposals/{town.vote.pk}/"

    def counted() -> int:
        with town.stage.ledgers_time(), CaptureQueriesContext(connection) as queries:
            assert as_(client, town.wu_rui).get(path).status_code == 200
        return len(queries)

    counted()
    before = counted()
    for bank in town.stage.banks[:2]:
        town.stage.cast(bank, town.vote)
    with town.stage.ledgers_time(ahead=5):
        town.stage.work()
    assert counted() == before
    assert town.stage.tally(town.vote) == (0, 2, 0)
