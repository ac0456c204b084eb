"""Drafting by program: the same services, the same refusals, as data."""

from __future__ import annotations

from typing import Any

import pytest

from governance.chain import succession
from governance.proposals import charter
from governance.proposals.models import Proposal
from governance.proposals.rules import State
from tests.contracts.alliance import person
from tests.web.api.conftest import Api
from tests.web.portal.town import Town

WORDS = {"title_zh": "修改章程", "title_en": "Change the constitution", "text": "As discussed in June."}
NEWCOMERS = [str(person(name).address) for name in ("Guardian Lu", "Guardian Xu", "Guardian Qi")]

WISHES: list[dict[str, Any]] = [
    {"kind": "change_rule", "rule_of": 0, "rule": {"quorum": [1, 4], "approval": [1, 2], "categories": 0}},
    {"kind": "change_terms", "durations": {"voting_period": 7200, "timelock": 600}},
    {"kind": "change_guardians", "guardians": NEWCOMERS, "threshold": 2},
    {"kind": "set_convener", "address": NEWCOMERS[0]},
    {"kind": "name_guardian", "address": charter.NOBODY},
]


def draft(program: Api, *actions: dict[str, Any]) -> Any:
    return program.post("proposals/", {**WORDS, "actions": list(actions)})


@pytest.mark.parametrize("wish", WISHES, ids=[wish["kind"] for wish in WISHES])
def test_every_constitutional_kind(program: Api, wish: dict[str, Any]) -> None:
    made = draft(program, wish)
    assert made.status_code == 201, made.content
    assert made.json()["kinds"] == [wish["kind"]]
    seen = program.get(f"proposals/{made.json()['number']}/preview/").json()
    assert seen["weight"] == 2
    assert seen["simulation"]["verdict"] == "works"
    assert [point["now"] != point["then"] for point in seen["charter"]].count(True) >= 1
    for step in seen["steps"]:
        assert set(step["sentences"]) == {"zh-hans", "en"}
        assert step["calldata"] in made.json()["calldatas"]


def test_another_governor_and_what_does_not_fit(program: Api, town: Town) -> None:
    ledger = town.stage.ledger
    made = succession.deploy(ledger, name="2027")
    wish = {"kind": "hand_over", "address": made.governor, "break_glass": made.break_glass}
    answer = draft(program, wish)
    assert answer.status_code == 201, answer.content
    assert [target == ledger.timelock for target in answer.json()["targets"]] == [True] * 6 + [False] * 2
    refused = draft(program, {**wish, "break_glass": ledger.break_glass})
    assert (refused.status_code, refused.json()["code"]) == (409, "contract_does_not_fit")
    assert refused.json()["params"]["actual"] == ledger.governor
    nothing = draft(program, {"kind": "hand_over", "address": ledger.registry})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "not_this_contract")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({**WISHES[0], "rule": {"quorum": [0, 0], "approval": [1, 2], "categories": 0}}, "rule"),
        ({**WISHES[1], "durations": {"voting_period": 0}}, "voting_period"),
        ({**WISHES[2], "threshold": 4}, "threshold"),
        ({**WISHES[3], "address": ""}, None),
    ],
)
def test_a_refusal_names_the_field(program: Api, wish: dict[str, Any], field: str | None) -> None:
    before = Proposal.objects.count()
    answer = draft(program, wish)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    if field is not None:
        assert answer.json()["params"]["field"] == field
    assert Proposal.objects.count() == before


def test_the_lists_the_validators_and_the_members(program: Api, town: Town) -> None:
    node = town.heming.node
    wish = {
        "kind": "admit_node",
        "institution": str(node.institution.pk),
        "node": str(node.pk),
        "node_role": 2,
    }
    made = draft(program, wish)
    assert made.status_code == 201, made.content
    seen = program.get(f"proposals/{made.json()['number']}/preview/").json()
    (change,) = seen["networks"]
    assert (change["network"], [one["name"] for one in change["entering"]]) == (
        "settlement",
        [f"{node.institution.short_name}/{node.name}"],
    )
    assert change["leaving"] == change["changed"] == []
    before, after = change["before"], change["after"]
    assert (after["registered"], after["taking_part"]) == (
        before["registered"] + 1,
        before["taking_part"] + 1,
    )
    assert after["quorum_survives"] is (after["taking_part"] >= after["needed"])
    assert [member["uscc"] for member in seen["members"]] == [node.institution.uscc]


def test_from_draft_to_the_ledger_and_back(program: Api, town: Town) -> None:
    number = draft(program, WISHES[1], WISHES[0]).json()["number"]
    more = program.post(f"proposals/{number}/actions/", WISHES[3])
    assert more.json()["kinds"] == ["change_terms", "change_rule", "set_convener"]
    opened = program.post(f"proposals/{number}/opening/")
    assert (opened.status_code, opened.json()["opened_at"] is not None) == (200, True)
    town.stage.relay()
    proposal = Proposal.objects.get(number=number)
    with town.stage.ledgers_time():
        assert program.post(f"proposals/{number}/withdrawal/", {"reason": "Not yet."}).status_code == 200
    town.stage.relay()
    assert town.stage.state(proposal) == State.CANCELED
    amended = program.post(
        f"proposals/{number}/amendment/", {**WORDS, "reason": "Shorter.", "actions": [WISHES[0]]}
    )
    assert (amended.status_code, amended.json()["kinds"]) == (201, ["change_rule"])
    assert amended.json()["amends"] == str(proposal.pk)


def test_it_is_the_secretariats_alone(town: Town) -> None:
    for user in (town.heming.officer, town.wu_rui):
        answer = draft(Api(user), WISHES[0])
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert Api(town.heming.officer).get(f"proposals/{town.draft.number}/preview/").status_code == 404
