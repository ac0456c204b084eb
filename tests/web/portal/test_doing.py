"""A bank's officer at work in the portal: what is done, what is refused, and what the page then says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from certs.models import CertificateRequest
from consortium.core.models import Event
from consortium.members.models import Node
from governance.proposals.models import Ballot
from tests.factories import consensus_id, voter_of
from tests.web.portal.town import Town

NODE = {
    "network": "settlement", "name": "node-9", "software": "besu", "software_version": "26.3.0",
    "consensus_id": consensus_id(800_901), "host": "10.9.9.9", "port": "30303", "push_url": "",
}  # fmt: skip


def officer(client: Client, town: Town) -> Client:
    client.force_login(town.heming.officer)
    return client


def test_a_node_is_registered_and_its_page_shows_it(town: Town, client: Client) -> None:
    page = officer(client, town).post("/nodes/new/", NODE, follow=True)
    node = Node.objects.get(name="node-9")
    assert page.redirect_chain == [(f"/nodes/{node.pk}/", 302)]
    assert f"{node} is registered." in page.content.decode()
    assert node.consensus_id in page.content.decode()


def test_a_refused_field_is_named_and_what_was_typed_stays(town: Town, client: Client) -> None:
    page = officer(client, town).post("/nodes/new/", {**NODE, "consensus_id": "ab" * 64})
    assert page.status_code == 400
    assert page.context["form"].errors.keys() == {"consensus_id"}
    assert 'value="node-9"' in page.content.decode()
    assert not Node.objects.filter(name="node-9").exists()


def test_a_node_id_is_taken_once(town: Town, client: Client) -> None:
    page = officer(client, town).post("/nodes/new/", {**NODE, "consensus_id": town.heming.node.consensus_id})
    assert page.status_code == 409
    assert Node.objects.filter(consensus_id=town.heming.node.consensus_id).count() == 1


def test_addresses_change_with_a_reason_and_the_timeline_shows_it(town: Town, client: Client) -> None:
    path = f"/nodes/{town.heming.node.pk}/endpoint/"
    values = {"host": "10.7.7.7", "port": "30307", "push_url": "", "software_version": "26.4.0"}
    assert officer(client, town).post(path, values).status_code == 400
    page = client.post(path, {**values, "reason": "moved to Shenzhen"}, follow=True)
    assert "moved to Shenzhen" in page.content.decode()
    assert "10.7.7.7:30307" in page.content.decode()


def test_the_contact_changes_with_a_reason_and_the_page_shows_it(town: Town, client: Client) -> None:
    path = f"/institutions/{town.heming.institution.pk}/contact/"
    form = officer(client, town).get(path).context["form"]
    assert form.initial["contact_name"] == town.heming.institution.contact_name
    values = {
        "contact_name": "Gu Yan",
        "contact_email": "gu.yan@heming.example",
        "contact_phone": "+86 755 1234",
    }
    assert client.post(path, values).status_code == 400
    wrong = client.post(path, {**values, "contact_phone": "none", "reason": "new head of operations"})
    assert (wrong.status_code, wrong.context["form"].errors.keys()) == (400, {"contact_phone"})
    page = client.post(path, {**values, "reason": "new head of operations"}, follow=True)
    assert page.redirect_chain == [(f"/institutions/{town.heming.institution.pk}/", 302)]
    text = page.content.decode()
    assert "gu.yan@heming.example" in text
    assert "new head of operations" in text
    assert f'href="{path}"' in text
    event = Event.objects.get(action="institution.changed")
    assert (event.actor_label, event.institution_id) == ("zhou.lan", town.heming.institution.pk)


def test_nobody_else_changes_the_contact(town: Town, client: Client) -> None:
    path = f"/institutions/{town.heming.institution.pk}/contact/"
    values = {"contact_name": "Mallory", "contact_email": "m@evil.example", "reason": "mine now"}
    for account, status in ((town.qingchuan.officer, 404), (town.wu_rui, 403), (town.wang_min, 403)):
        client.force_login(account)
        assert client.post(path, values).status_code == status, account
    town.heming.institution.refresh_from_db()
    assert town.heming.institution.contact_name != "Mallory"
    client.force_login(town.wu_rui)
    assert path not in client.get(f"/institutions/{town.heming.institution.pk}/").content.decode()


def test_a_csr_is_taken_as_text_or_file_and_a_second_is_refused(town: Town, client: Client) -> None:
    path, shop = f"/nodes/{town.heming.node.pk}/request/", town.workstation
    bad = officer(client, town).post(path, {"profile": "evm-node", "csr_text": "no csr"})
    assert (bad.status_code, "PKCS#10" in bad.content.decode()) == (400, True)
    weak = client.post(path, {"profile": "evm-node", "csr_text": shop.request("rsa1024").decode()})
    assert weak.status_code == 400
    der = SimpleUploadedFile("node.csr", shop.request(form="DER"))
    assert client.post(path, {"profile": "evm-node", "csr_file": der}).status_code == 302
    again = client.post(path, {"profile": "evm-node", "csr_text": shop.request().decode()})
    assert again.status_code == 409
    assert CertificateRequest.objects.filter(node=town.heming.node, status="submitted").count() == 1
    refused = Event.objects.filter(action="request.refused", actor_label="zhou.lan")
    assert refused.count() == 3


def test_the_page_shows_a_command_that_the_gate_accepts(town: Town, client: Client) -> None:
    """The command is run as it stands on the page."""
    import subprocess
    from html import unescape

    path = f"/nodes/{town.heming.node.pk}/request/"
    page = officer(client, town).get(path).content.decode()
    for number, profile in enumerate(("evm-node", "fisco-bcos-3")):  # the node runs Besu
        command = unescape(re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)[number])
        home = town.workstation.home / profile
        home.mkdir()
        subprocess.run(["/bin/sh", "-e"], input=command.encode(), cwd=home, check=True, capture_output=True)
        csr = next(home.glob("*.csr")).read_text()
        CertificateRequest.objects.filter(node=town.heming.node).update(status="rejected")
        sent = client.post(path, {"profile": profile, "csr_text": csr})
        assert sent.status_code == 302, sent.content.decode()


def test_a_certificate_is_downloaded_and_revoked(town: Town, client: Client) -> None:
    path = f"/certificates/{town.heming.certificate.pk}/"
    chain = officer(client, town).get(f"{path}chain.pem")
    assert chain["Content-Disposition"].startswith("attachment; filename=")
    assert chain.content.count(b"BEGIN CERTIFICATE") == 3
    assert client.get(f"{path}certificate.pem").content in chain.content
    unsure = client.post(f"{path}revoke/", {"reason": "keyCompromise"})
    assert unsure.status_code == 400
    page = client.post(f"{path}revoke/", {"reason": "keyCompromise", "sure": "on"}, follow=True)
    assert "Revoked" in page.content.decode()
    again = client.post(f"{path}revoke/", {"reason": "superseded", "sure": "on"})
    assert (again.status_code, "was revoked on" in again.content.decode()) == (409, True)


def test_a_signed_ballot_is_pasted_relayed_and_counted(town: Town, client: Client) -> None:
    stage, vote = town.stage, town.vote
    ballot = {**stage.ballot(stage.banks[0], vote), "proposal": vote.chain_proposal_id}
    page = officer(client, town).post(
        f"/proposals/{vote.pk}/ballot/", {"ballot": json.dumps(ballot)}, follow=True
    )
    assert "received, not yet counted" in page.content.decode()
    stage.work()
    page = client.get(f"/proposals/{vote.pk}/")
    overview = page.context["overview"]
    assert (overview.tally.in_favour, len(overview.voted), len(overview.not_voted)) == (1, 1, 4)
    assert "counted" in page.content.decode()


def test_a_pasted_ballot_that_is_none_is_refused_with_the_reason(town: Town, client: Client) -> None:
    stage, path = town.stage, f"/proposals/{town.vote.pk}/ballot/"
    for text in ("", "{", "[]", "7", "[" * 4000, '{"chain_id": "x"}', '{"voter": "\\ud800"}'):
        assert officer(client, town).post(path, {"ballot": text}).status_code == 400, text
    forged = stage.ballot(stage.banks[0], town.vote, key=voter_of(stage.banks[1]))
    page = client.post(path, {"ballot": json.dumps(forged)})
    assert page.status_code == 400
    assert "The signature was not made with the key of" in page.content.decode()
    assert Ballot.objects.count() == 0


def test_the_proposals_page_shows_what_a_voter_needs(town: Town, client: Client) -> None:
    town.stage.decide(town.heming.institution, town.vote)
    with town.stage.ledgers_time():
        page = officer(client, town).get(f"/proposals/{town.vote.pk}/")
    text = page.content.decode()
    assert "governance.ballot cast" in text
    for needed in (town.vote.text_sha256, town.vote.chain_proposal_id, "Grant a seat to", "The vote"):
        assert needed in text
    assert page.context["ours"].may_sign


def test_what_a_proposal_does_is_said_with_names_beside_the_ledgers_identifiers(
    town: Town, client: Client
) -> None:
    node = town.heming.node
    vote = town.stage.voting("admit_node", institution=node.institution, node=node, node_role=1)
    page = officer(client, town).get(f"/proposals/{vote.pk}/")
    (step,) = page.context["steps"]
    assert f"Make node {node} ({node.consensus_id[:12]}…) of " in step.sentence
    assert f"{node.institution} ({node.institution.uscc})" in step.sentence
    assert f"in network {node.network_id}" in step.sentence
    (step,) = client.get(f"/proposals/{town.vote.pk}/").context["steps"]
    assert f"in category {town.vote.institution.category}," in step.sentence


def test_the_command_names_the_files_of_the_guide_and_says_whose_they_are(town: Town, client: Client) -> None:
    town.stage.decide(town.heming.institution, town.vote)
    with town.stage.ledgers_time():
        text = officer(client, town).get(f"/proposals/{town.vote.pk}/").content.decode()
    command = re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)[0]
    assert command.startswith(".venv/bin/python -m governance.ballot cast ")
    guide = (Path(settings.BASE_DIR) / "docs" / "member.md").read_text(encoding="utf-8")
    for name in ("--keystore keystore.json", "--passphrase-file passphrase", "--token-file api-token"):
        assert name in command
    for name in ("--keystore keystore.json", "--token-file api-token"):
        assert name in guide
    for page in (text, client.get(f"/proposals/{town.vote.pk}/ballot/").content.decode()):
        assert "The three files are yours" in page
        assert page.count('href="/account/"') == 2  # the menu's, and the sentence's


def test_a_refused_upload_is_in_the_record_with_its_reason(town: Town, client: Client) -> None:
    path = f"/nodes/{town.heming.node.pk}/request/"
    page = officer(client, town).post(path, {"profile": "evm-node", "csr_text": "no csr"})
    sentence = "This is not a readable PKCS#10 certificate request (PEM or DER)."
    assert sentence in page.content.decode()
    for shown in ("/record/", f"/nodes/{town.heming.node.pk}/", "/"):
        text = client.get(shown).content.decode()
        assert "upload refused by the console" in text, shown
        assert sentence in text, shown


def test_the_request_form_offers_what_fits_and_calls_neither_field_optional(
    town: Town, client: Client
) -> None:
    node = town.heming.node
    for software, profile in (("besu", "evm-node"), ("fisco-bcos", "fisco-bcos-3")):
        Node.objects.filter(pk=node.pk).update(software=software)
        page = officer(client, town).get(f"/nodes/{node.pk}/request/")
        assert page.context["form"].fields["profile"].choices[0][0] == profile
        assert page.context["commands"][0].profile == profile
        assert "(optional)" not in page.content.decode()
    assert "(optional)" in client.get("/nodes/new/").content.decode()


def test_every_wrong_field_of_a_node_shows_in_one_round_and_says_what_the_help_says(
    town: Town, client: Client
) -> None:
    wrong = {**NODE, "name": "Node_9", "consensus_id": "ab" * 63, "host": "nowhere"}
    page = officer(client, town).post("/nodes/new/", wrong)
    errors = page.context["form"].errors
    assert errors["name"] == ["Lower-case letters, digits and single hyphens only."]
    assert errors["consensus_id"] == ["A node id is 128 hexadecimal digits."]
    assert errors.keys() == {"name", "consensus_id", "host"}


def test_the_certificates_page_shows_the_check_that_openssl_passes(town: Town, client: Client) -> None:
    """Root, chain and certificate are saved as the page names them; its lines are run as they stand."""
    import subprocess
    from html import unescape

    path, home = f"/certificates/{town.heming.certificate.pk}/", town.workstation.home / "check"
    page = officer(client, town).get(path)
    text = page.content.decode()
    root = page.context["root"].authority
    assert (root.kind, root.parent) == ("root", None)
    home.mkdir()
    (home / "root.crt").write_bytes(bytes(root.der))
    for download in ("certificate.pem", "chain.pem"):
        answer = client.get(path + download)
        (home / answer["Content-Disposition"].split('"')[1]).write_bytes(answer.content)
    lines = page.context["check"]
    assert lines in unescape(text)
    done = subprocess.run(
        ["/bin/sh", "-e"], input=lines, cwd=home, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip().endswith(": OK")
    assert f"={page.context['root'].fingerprint}" in done.stdout
    assert page.context["root"].fingerprint in text
    assert f'href="/pki/{root.name}.crt"' in text


def test_the_line_beside_a_keys_fingerprint_shows_the_same_one(town: Town, client: Client) -> None:
    import subprocess

    waiting, home = town.heming.waiting, town.workstation.home / "fingerprint"
    page = officer(client, town).get(f"/requests/{waiting.pk}/")
    home.mkdir()
    pem = x509.load_der_x509_csr(bytes(waiting.csr)).public_bytes(Encoding.PEM)
    (home / f"{waiting.node.name}.csr").write_bytes(pem)
    done = subprocess.run(
        ["/bin/sh", "-e"], input=page.context["command"], cwd=home, check=True, capture_output=True, text=True
    )
    assert done.stdout.split()[0] == waiting.spki_sha256
    assert waiting.spki_sha256 in page.content.decode()


def test_the_overview_shows_what_is_due(town: Town, client: Client) -> None:
    with town.stage.ledgers_time():
        context = officer(client, town).get("/").context
    assert [row["proposal"] for row in context["to_vote"]] == [town.vote]
    context = client.get("/").context  # by our own clock: the ledger's runs apart in these tests
    assert [row.node.name for row in context["bare"]] == ["node-2"]
    assert list(context["waiting"]) == [town.heming.waiting]


def test_whoever_oversees_has_the_way_to_the_administration(town: Town, client: Client) -> None:
    link = b'href="/admin/"'
    assert link not in officer(client, town).get("/").content
    for user in (town.wang_min, town.wu_rui):
        client.force_login(user)
        assert link in client.get("/").content
