"""Every page in both languages: labelled, without inline code, nothing left in the other language."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from certs import issuing
from certs import services as certificates
from certs.models import Certificate
from governance.permissions.models import Epoch
from tests.factories import NodeFactory
from tests.proposals.stage import AGAINST
from tests.proposals.test_under_way import again, rows_made
from tests.web.portal.test_isolation import ALL, Address
from tests.web.portal.town import Town

# Text that members wrote, commands and identifiers are as they are in every language; what stands there in
# both languages says which it is.
_NOT_OURS = re.compile(
    r"<(code|pre|q|script|style|textarea)\b.*?</\1>|<time.*?</time>|<div class=\"text\">.*?</div>"
    r"|<(small|span|dd) [^>]*lang=\".*?</\2>",
    re.DOTALL,
)
_ENGLISH = re.compile(r"\b[a-z]{2,}(?: [a-z']{2,}){2,}", re.IGNORECASE)
ACCOUNT_PAGES = (
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/logout/",
)


# How a network's lists spread is for the secretariat and the regulator: tests/browser/test_convergence.py
_NOT_A_MEMBERS = ("/lists/networks/settlement/", "/state.json")


def paths(town: Town) -> list[str]:
    """Every page of the portal that can be read."""

    def key(address: Address) -> object:
        return town.vote.pk if address.kind == "proposal" else town.heming.keys.get(str(address.kind))

    found = [address.path(key(address)) for address in ALL if not address.route.startswith("api/")]
    others = (".pem", "/token/", "/withdraw/", *_NOT_A_MEMBERS)
    return [path for path in found if not path.endswith(others)] + list(ACCOUNT_PAGES)


def pages(town: Town, client: Client, language: str) -> dict[str, str]:
    client.cookies["django_language"] = language
    client.post("/accounts/login/", {"login": "zhou.lan", "password": "correct-horse-battery-staple"})
    found = {path: client.get(path, follow=True) for path in paths(town)}
    assert {path: page.status_code for path, page in found.items() if page.status_code != 200} == {}
    shown = {path: page for path, page in found.items() if page["Content-Type"].startswith("text/html")}
    return {path: page.content.decode() for path, page in shown.items()}


def test_nothing_is_left_in_english(town: Town, client: Client) -> None:
    left = {
        path: english
        for path, page in pages(town, client, "zh-hans").items()
        if (english := sentences(page) - {"Heming Bank Co"}) and not all_data(english, town)
    }
    assert left == {}


def sentences(page: str) -> set[str]:
    text = html.unescape(re.sub(r"<[^>]+>", "\n", _NOT_OURS.sub("", page)))
    return set(_ENGLISH.findall(text))


def all_data(english: set[str], town: Town) -> bool:
    names = town.heming.institution.legal_name_en
    return all(sentence in names for sentence in english)


def test_nothing_is_left_in_chinese(town: Town, client: Client) -> None:
    names = re.compile(r"[\u4e00-\u9fff]*\d*银行股份有限公司|接纳新成员|中文|国密")
    for path, page in pages(town, client, "en").items():
        text = names.sub("", _NOT_OURS.sub("", page))
        assert not re.search(r"[\u4e00-\u9fff]", text), path


class Reader(HTMLParser):
    """Collects what a page lacks for people who can't see it, and code that the CSP forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.inputs: list[str] = []
        self.faults: list[str] = []
        self.headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "id" in values:
            self.ids.append(str(values["id"]))
        if tag == "label" and values.get("for"):
            self.labels.add(str(values["for"]))
        if tag in {"input", "select", "textarea"} and values.get("type") not in {"hidden", "submit"}:
            self.inputs.append(str(values.get("id")))
        if tag == "img" and "alt" not in values:
            self.faults.append("image without alternative text")
        if "style" in values or tag == "style" or any(name.startswith("on") for name in values):
            self.faults.append(f"inline style or handler on {tag}")
        if tag == "script" and not values.get("src"):
            self.faults.append("inline script")
        if any(str(values.get(name, "")).startswith(("http:", "https:", "//")) for name in ("src", "href")):
            self.faults.append(f"foreign address in {tag}")
        self.headings += tag == "h1"


def test_pages_are_labelled_and_keep_to_the_csp(town: Town, client: Client) -> None:
    for path, page in pages(town, client, "en").items():
        reader = Reader()
        reader.feed(page)
        assert reader.faults == [], path
        assert reader.headings == 1, path
        assert len(reader.ids) == len(set(reader.ids)), path
        assert [each for each in reader.inputs if each not in reader.labels] == [], path
        assert '<html lang="en">' in page
        assert 'class="skip" href="#main"' in page


def test_the_policy_is_strict_outside_the_administration(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)
    policy = client.get("/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy


def test_times_are_the_viewers_with_utc_beside_them(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)
    made = town.heming.certificate.not_after
    path = f"/certificates/{town.heming.certificate.pk}/"
    shanghai = client.get(path).content.decode()
    client.cookies["zone"] = "Europe/Zurich"
    zurich = client.get(path).content.decode()
    client.cookies["zone"] = "../../etc/passwd"
    assert client.get(path).content.decode().count("Asia/Shanghai") == 1
    utc = f'title="{made:%Y-%m-%d %H:%M:%S} UTC"'
    assert utc in shanghai
    assert utc in zurich
    assert "Europe/Zurich" in zurich
    pattern = re.escape(utc) + r">([0-9 :-]+)<"
    assert re.findall(pattern, shanghai) != re.findall(pattern, zurich)


def test_the_foot_names_the_zone_and_leaves_out_what_says_nothing(town: Town, client: Client) -> None:
    assert "Times:" not in client.get("/accounts/login/").content.decode()
    client.force_login(town.heming.officer)
    assert "Times: UTC+08:00 (Asia/Shanghai); point at one for UTC" in client.get("/").content.decode()
    client.cookies["zone"] = "Etc/UTC"
    page = client.get("/").content.decode()
    assert "<span>Times: UTC</span>" in page
    assert "point at one" not in page


def test_the_lists_page_says_why_in_words_and_calls_a_network_one_name(town: Town, client: Client) -> None:
    epoch = town.heming.epoch
    client.force_login(town.heming.officer)
    for cause, words in (
        ("certificate.issued heming-bank/node-1", "certificate issued heming-bank/node-1"),
        ("regular check", "regular check"),
    ):
        Epoch.objects.filter(pk=epoch.pk).update(cause=cause)
        for path in ("/lists/", f"/lists/{epoch.pk}/"):
            assert words in client.get(path).content.decode(), path
    client.cookies["django_language"] = "zh-hans"
    page = client.get("/lists/").content.decode()
    assert "regular check" not in page
    network = epoch.network
    assert page.count(f'<td data-label="网络">{network}</td>') == 2
    assert f">{network.pk}</td>" not in page


def test_a_tls_id_shows_in_full(town: Town, client: Client) -> None:
    bank = town.heming
    node = NodeFactory(institution=bank.institution)
    csr = town.workstation.request("rsa2048")
    request = certificates.submit_request(node=node, profile="fisco-bcos-3", csr=csr, actor=bank.officer)
    certificates.approve_request(request, actor=town.wang_min)
    issuing.issue(request.pk)
    found = Certificate.objects.get(request=request)
    assert len(found.tls_id) == 512
    client.force_login(bank.officer)
    page = client.get(f"/certificates/{found.pk}/").content.decode()
    assert found.tls_id in re.sub(r'title="[^"]*"', "", page)


def test_a_certificate_is_found_by_the_start_of_its_serial(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)
    serial = town.heming.certificate.serial_id
    for asked, found in ((serial[:6], True), (serial[:4].upper() + ":" + serial[4:6], True), ("zz", False)):
        page = client.get("/certificates/", {"q": asked})
        assert page.status_code == 200
        assert (f"/certificates/{town.heming.certificate.pk}/" in page.content.decode()) is found


def test_lists_take_the_same_queries_however_long(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)

    def counted() -> list[int]:
        numbers = []
        for path in ("/", "/nodes/", "/proposals/", "/certificates/", "/requests/", "/lists/", "/record/"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            numbers.append(len(queries))
        return numbers

    counted()  # the first request of a session writes it
    before = counted()
    for _ in range(4):
        NodeFactory(institution=town.heming.institution, network=town.heming.node.network)
    town.stage.proposed(institution=town.stage.applicant())
    assert counted() == before


def test_the_first_page_reads_what_is_under_way_and_reads_it_once(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)
    with town.stage.ledgers_time(ahead=10):
        client.get("/")  # the first request of a session writes it
        with CaptureQueriesContext(connection) as few:
            client.get("/")
        for number in range(1000, 1030):
            again(town.vote, number, (AGAINST, 1))
        with rows_made() as made, CaptureQueriesContext(connection) as many:
            page = client.get("/")
    assert [row["proposal"] for row in page.context["votes"]] == [town.vote]
    assert len(many) == len(few)
    assert (made["Proposal"], made["OnChainProposal"]) == (1, 1)
