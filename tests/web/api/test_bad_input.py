"""Whatever is sent, the answer is a 4xx with a code and a sentence; nothing crashes, nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consortium.core.models import Event
from consortium.members.models import Node
from tests.factories import NetworkFactory, UserFactory, consensus_id
from tests.web.portal.town import Town

BODIES = {
    "nothing": b"",
    "not json": b"{",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "not utf-8": b"\xff\xfe{}",
    "NaN": b'{"port": NaN}',
    "deep": b"[" * 100_000,
    "a huge number": b'{"port": ' + b"9" * 5000 + b"}",
    "NUL": b'{"name": "a\\u0000b", "reason": "\\u0000"}',
    "half a character": b'{"name": "\\ud800", "reason": "\\ud800"}',
    "wrong types": b'{"name": [], "port": {}, "reason": {"a": 1}, "host": 5, "node": [], "csr": 1}',
}
WRITES = (
    "nodes/", "nodes/{node}/retire/", "requests/", "certificates/{certificate}/revocation/",
    "proposals/{vote}/ballots/", "institutions/{institution}/voting-address/",
)  # fmt: skip


def filled(path: str, town: Town) -> str:
    return path.format(vote=town.vote.pk, **{str(key): value for key, value in town.heming.keys.items()})


def test_bodies_that_make_no_sense(town: Town, api: Any) -> None:
    program = api(town.heming.officer)
    before = Node.objects.count(), Event.objects.exclude(action__endswith="refused").count()
    for path in WRITES:
        for name, body in BODIES.items():
            answer = program.raw(filled(path, town), body)
            assert answer.status_code == 400, (path, name, answer.content)
            assert set(answer.json()) >= {"code", "detail", "params"}, (path, name)
    assert (Node.objects.count(), Event.objects.exclude(action__endswith="refused").count()) == before


def test_a_body_too_large_is_not_read(town: Town, api: Any) -> None:
    answer = api(town.heming.officer).raw("requests/", b'{"csr": "' + b"a" * 3_000_000 + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_other_content_types_are_refused(town: Town, api: Any) -> None:
    answer = api(town.heming.officer).raw("nodes/", b"name=x", "application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "query",
    ["nodes/?page=0", "nodes/?page=x", "nodes/?page=99999999999999999999", "nodes/?page=%00",
     "requests/?status=x", "requests/?status=%00", "proposals/?kind=%00", "events/?page_size=%00&page=-1"],
)  # fmt: skip
@pytest.mark.django_db
def test_queries_that_make_no_sense(query: str, api: Any) -> None:
    answer = api(UserFactory()).client.get(f"/api/v1/{query}")
    assert answer.status_code in {400, 404}
    assert answer.json()["code"]


@pytest.mark.parametrize(
    "ref", ["x", "0", "999999999", "9" * 78, "9" * 79, "%00", "١٢٣", "7e4f2b62-3c5d-4a8e-9a51", "a" * 5000]
)
@pytest.mark.django_db
def test_proposals_that_do_not_exist(ref: str, api: Any) -> None:
    answer = api(UserFactory()).client.get(f"/api/v1/proposals/{ref}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "header", ["Token", "Token x y", "Token \x00", "Token " + "f" * 40, "Bearer abc", "Token é", "Basic ///"]
)
@pytest.mark.django_db
def test_credentials_that_are_none(header: str, client: Any) -> None:
    answer = client.get("/api/v1/nodes/", headers={"authorization": header})
    assert (answer.status_code, "code" in answer.json()) == (401, True)


@pytest.mark.django_db
def test_a_session_alone_does_not_write_without_the_forms_secret(api: Any) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory())
    answer = client.post("/api/v1/nodes/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


@pytest.mark.django_db
def test_the_answer_is_in_the_language_asked_for(api: Any) -> None:
    program = api(UserFactory())
    english = program.get("proposals/999999999/").json()
    chinese = program.client.get(
        "/api/v1/proposals/999999999/", headers={"accept-language": "zh-hans"}
    ).json()
    assert (english["detail"], chinese["detail"]) == ("There is no such entry.", "没有这一条目。")
    assert english["code"] == chinese["code"] == "not_found"


@pytest.mark.django_db(transaction=False)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.dictionaries(
        st.sampled_from(
            ["network", "name", "software", "software_version", "consensus_id", "host", "port", "push_url"]
        ),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.text(max_size=50), st.lists(st.text(max_size=3)),
            st.sampled_from(["settlement", "besu", consensus_id(5), "10.1.1.1", "https://a.example/"]),
        ),
    )
)  # fmt: skip
def test_a_node_of_anything(body: dict[str, Any], api: Any) -> None:
    NetworkFactory()
    answer = api(UserFactory()).post("nodes/", body)
    assert answer.status_code in {201, 400, 409}, answer.content
