"""What pages say of times, causes and identifiers: words, and each thing by one name."""

from __future__ import annotations

import re

from django.test import Client

from certs import issuing
from certs import services as certificates
from governance.permissions.models import Epoch
from tests.factories import NodeFactory
from tests.web.portal.town import Town


def test_the_foot_names_the_zone_and_leaves_out_what_says_nothing(town: Town, client: Client) -> None:
    assert "Times:" not in client.get("/accounts/login/").content.decode()
    client.force_login(town.heming.officer)
    assert "Times: UTC+08:00 (Asia/Shanghai); point at one for UTC" in client.get("/").content.decode()
    client.cookies["zone"] = "Etc/UTC"
    page = client.get("/").content.decode()
    assert "<span>Times: UTC</span>" in page
    assert "point at one" not in page


def test_the_lists_page_says_why_in_words_and_calls_a_network_by_one_name(town: Town, client: Client) -> None:
    epoch = town.heming.epoch
    client.force_login(town.heming.officer)
    for cause, words in (
        ("certificate.issued heming-bank/node-1", "certificate issued heming-bank/node-1"),
        ("regular check", "regular check"),
        ("after an urgent list", "after an urgent list"),
    ):
        Epoch.objects.filter(pk=epoch.pk).update(cause=cause)
        for path in ("/lists/", f"/lists/{epoch.pk}/"):
            page = client.get(path).content.decode()
            assert words in re.sub(r"\s+", " ", page), (path, re.findall("issued[^<]*", page))
    client.cookies["django_language"] = "zh-hans"
    page = client.get("/lists/").content.decode()
    assert "regular check" not in page
    assert page.count(f'<td data-label="网络">{epoch.network}</td>') == 2
    assert f">{epoch.network.pk}</td>" not in page


def test_a_tls_id_shows_in_full(town: Town, client: Client) -> None:
    bank = town.heming
    node = NodeFactory(institution=bank.institution, network=bank.node.network, software="fisco-bcos")
    csr = town.workstation.request("rsa2048")
    request = certificates.submit_request(node=node, profile="fisco-bcos-3", csr=csr, actor=bank.officer)
    certificates.approve_request(request, actor=town.wang_min)
    found = issuing.issue(request.pk)
    assert found is not None
    client.force_login(bank.officer)
    page = re.sub(r'title="[^"]*"', "", client.get(f"/certificates/{found.pk}/").content.decode())
    assert len(found.tls_id) > 32
    assert found.tls_id in page


def test_who_waits_in_vain_for_a_new_password_is_told_whom_to_turn_to(client: Client, db: None) -> None:
    page = client.get("/accounts/password/reset/").content.decode()
    assert page.count("secretariat") == 1
    sent = client.post("/accounts/password/reset/", {"email": "nobody@heming.example"}, follow=True)
    for text in (page, sent.content.decode()):
        assert "Turn to the secretariat." in text
        assert "contact us" not in text
