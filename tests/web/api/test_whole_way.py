"""What a bank's own program does: register a node, ask for a certificate, vote, revoke."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from eth_account.messages import encode_defunct

from certs import issuing
from certs import services as certificates
from certs.models import CertificateRequest
from consortium.core.models import Event
from consortium.members.models import Network
from consortium.members.rules import voting_address_statement
from governance.proposals.models import Ballot
from tests.certs.openssl import openssl
from tests.factories import NodeFactory, consensus_id, voter, voter_of
from tests.web.portal.town import Town

NODE = {
    "network": "settlement", "name": "node-9", "software": "besu", "software_version": "26.3.0",
    "consensus_id": consensus_id(800_900), "host": "10.9.9.9", "port": 30303,
}  # fmt: skip


def test_the_schema_is_valid_and_complete(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    text = (tmp_path / "schema.yml").read_text()
    assert "/api/v1/proposals/{ref}/ballots/:" in text
    assert "/api/v1/certificates/{id}/revocation/:" in text


def test_a_node_is_registered_moved_and_retired(town: Town, api: Any) -> None:
    bank = api(town.heming.officer)
    made = bank.post("nodes/", NODE)
    assert made.status_code == 201, made.content
    path = f"nodes/{made.json()['id']}/"
    moved = bank.put(f"{path}endpoint/", {"host": "10.9.9.10", "port": 30304, "reason": "new rack"})
    assert (moved.status_code, moved.json()["host"], moved.json()["port"]) == (200, "10.9.9.10", 30304)
    gone = bank.post(f"{path}retire/", {"reason": "sold"})
    assert gone.status_code == 200
    assert gone.json()["retired_at"] is not None
    told = [event["action"] for event in bank.get(f"{path}events/").json()["results"]]
    assert told == ["node.retired", "node.changed", "node.registered"]


def test_a_csr_by_openssl_becomes_a_certificate_that_openssl_accepts(town: Town, api: Any) -> None:
    bank, shop = api(town.heming.officer), town.workstation
    node = bank.post("nodes/", NODE).json()["id"]
    csr = shop.request(subject=f"/CN=node-9/O={town.heming.institution.short_name}").decode()
    sent = bank.post("requests/", {"node": node, "profile": "evm-node", "csr": csr})
    assert sent.status_code == 201, sent.content
    request = CertificateRequest.objects.get(pk=sent.json()["id"])
    certificates.approve_request(request, actor=town.wang_min)
    issuing.issue(request.pk)
    identity = bank.get(f"requests/{request.pk}/").json()["certificate"]
    chain = bank.get(f"certificates/{identity}/chain/").json()["pem"]
    end = "-----END CERTIFICATE-----\n"
    leaf, issuer, root = (part + end for part in chain.split(end)[:3])
    files = [shop.file(f"{number}.pem", pem.encode()) for number, pem in enumerate((root, issuer, leaf))]
    said = openssl("verify", "-CAfile", files[0], "-untrusted", files[1], files[2])
    assert b": OK" in said.stdout
    assert bank.get(f"certificates/{identity}/pem/").json()["pem"] == leaf


def test_a_certificate_is_revoked_once(town: Town, api: Any) -> None:
    bank, path = api(town.heming.officer), f"certificates/{town.heming.certificate.pk}/"
    done = bank.post(f"{path}revocation/", {"reason": "keyCompromise", "comment": "laptop stolen"})
    assert done.status_code == 201, done.content
    assert done.json()["state"] == "revoked"
    assert done.json()["revocation"]["reason"] == "keyCompromise"
    again = bank.post(f"{path}revocation/", {"reason": "superseded"})
    assert (again.status_code, again.json()["code"]) == (409, "already_revoked")


def test_a_ballot_is_handed_in_by_the_id_on_chain_and_counted(town: Town, api: Any) -> None:
    stage, vote = town.stage, town.vote
    bank = stage.banks[0]
    body = {**stage.ballot(bank, vote), "proposal": vote.chain_proposal_id}
    sent = api(town.heming.officer).post(f"proposals/{vote.chain_proposal_id}/ballots/", body)
    assert sent.status_code == 201, sent.content
    stage.work()
    shown = api(town.heming.officer).get(f"proposals/{vote.number}/").json()
    assert shown["tally"] == {"in_favour": 1, "against": 0, "abstain": 0}
    assert shown["own_vote"]["status"] == "counted"
    assert [voter["address"] for voter in shown["voted"]] == [voter_of(bank).address]
    assert len(shown["not_voted"]) == 4


def test_a_ballot_is_refused_with_the_code_that_says_why(town: Town, api: Any) -> None:
    stage, vote = town.stage, town.vote
    bank, program = stage.banks[0], api(town.heming.officer)
    path = f"proposals/{vote.pk}/ballots/"
    cases = {
        "wrong_signer": stage.ballot(bank, vote, key=voter_of(stage.banks[1])),
        "wrong_ledger": {**stage.ballot(bank, vote), "chain_id": 1},
        "another_members_ballot": stage.ballot(stage.banks[1], vote),
        "stale_nonce": stage.ballot(bank, vote, nonce=5),
        "another_proposal": {**stage.ballot(bank, vote), "proposal": "12345678901"},
    }
    with stage.ledgers_time():
        answers = {code: program.post(path, body) for code, body in cases.items()}
    assert {code: answer.json()["code"] for code, answer in answers.items()} == {code: code for code in cases}
    assert all(400 <= answer.status_code < 500 for answer in answers.values())
    assert Ballot.objects.count() == 0


def test_a_voting_address_is_registered_before_there_is_a_seat(town: Town, api: Any) -> None:
    bank, officer = town.applicant()
    key = voter(800_077)
    statement = encode_defunct(text=voting_address_statement(bank.uscc, key.address))
    proof = "0x" + key.sign_message(statement).signature.hex().removeprefix("0x")
    path = f"institutions/{bank.pk}/voting-address/"
    wrong = api(officer).post(path, {"address": voter(800_078).address, "proof": proof})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong_proof")
    done = api(officer).post(path, {"address": key.address, "proof": proof})
    assert (done.status_code, done.json()["voting_address"]) == (200, key.address)
    seated = api(town.heming.officer).post(
        f"institutions/{town.heming.institution.pk}/voting-address/", {"address": key.address, "proof": proof}
    )
    assert (seated.status_code, seated.json()["code"]) == (409, "voting_address_fixed")


def test_the_contact_is_changed_by_ones_own_institution(town: Town, api: Any) -> None:
    path = f"institutions/{town.heming.institution.pk}/contact/"
    body = {"contact_name": "Gu Yan", "contact_email": "gu.yan@heming.example", "reason": "new head"}
    done = api(town.heming.officer).put(path, body)
    assert done.status_code == 200, done.content
    assert (done.json()["contact_name"], done.json()["contact_phone"]) == ("Gu Yan", "")
    told = Event.objects.get(action="institution.changed")
    assert (told.actor_label, told.reason) == ("zhou.lan", "new head")
    bad = api(town.heming.officer).put(path, {**body, "contact_email": "nowhere"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_input")
    others = [
        api(who).put(path, body).status_code for who in (town.qingchuan.officer, town.wu_rui, town.wang_min)
    ]
    assert others == [404, 403, 403]


def test_epochs_and_convergence_show_ones_own_networks(town: Town, api: Any) -> None:
    program = api(town.heming.officer)
    listed = program.get("epochs/").json()["results"]
    assert [(epoch["network"], epoch["number"]) for epoch in listed] == [("settlement", 1)]
    assert listed[0]["files"][0]["path"] == "permissions.json"
    rows = program.get("convergence/").json()
    assert [(row["node"], row["wanted"], row["applied"]) for row in rows] == [
        (str(town.heming.node.pk), 1, 0)
    ]
    assert {row["network"] for row in api(town.wu_rui).get("convergence/").json()} == {
        "settlement",
        "custody",
    }
    assert Network.objects.count() == 2


def test_lists_take_the_same_queries_however_long(town: Town, api: Any) -> None:
    program = api(town.wu_rui)
    paths = ("nodes/", "institutions/", "proposals/", "requests/", "certificates/", "convergence/")

    def counted() -> list[int]:
        numbers = []
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                assert program.get(path).status_code == 200
            numbers.append(len(queries))
        return numbers

    before = counted()
    NodeFactory.create_batch(5)
    town.stage.proposed(institution=town.stage.applicant())
    assert counted() == before
