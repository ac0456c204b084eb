"""A bank's program says where else its node is reached; what a change leaves out stays."""

from __future__ import annotations

from typing import Any

from tests.factories import consensus_id
from tests.web.portal.town import Town

NODE = {
    "network": "settlement", "name": "node-9", "software": "goquorum", "software_version": "2.3.0",
    "consensus_id": consensus_id(800_903), "host": "10.9.9.9", "port": 30303,
}  # fmt: skip
MORE = {
    "addresses": [{"host": "10.8.0.1", "port": 30303}, {"host": "fd00::8", "port": 30304}],
    "discovery_port": 30301,
    "raft_port": 50401,
    "is_bootnode": True,
}


def test_further_addresses_are_taken_shown_and_kept_where_a_change_leaves_them_out(
    town: Town, api: Any
) -> None:
    bank = api(town.heming.officer)
    made = bank.post("nodes/", {**NODE, **MORE})
    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in MORE} == MORE
    path = f"nodes/{made.json()['id']}/"
    moved = bank.put(f"{path}endpoint/", {"host": "10.9.9.10", "port": 30304, "reason": "new rack"})
    assert {name: moved.json()[name] for name in MORE} == MORE
    fewer = {"addresses": [], "raft_port": None, "software": "besu"}
    bank.put(f"{path}endpoint/", {"host": "10.9.9.10", "port": 30304, "reason": "no Raft any more", **fewer})
    seen = bank.get(path).json()
    assert (seen["addresses"], seen["raft_port"], seen["software"]) == ([], None, "besu")
    assert (seen["discovery_port"], seen["is_bootnode"]) == (30301, True)


def test_what_runs_there_and_where_it_is_told_stay_where_a_change_leaves_them_out(
    town: Town, api: Any
) -> None:
    bank = api(town.heming.officer)
    path = f"nodes/{bank.post('nodes/', NODE).json()['id']}/endpoint/"
    told = bank.patch(path, {"push_url": "https://10.9.9.9:8700/", "reason": "listens"})
    assert told.status_code == 200, told.content
    moved = bank.put(path, {"host": "10.9.9.11", "port": 30305, "reason": "new rack"}).json()
    assert (moved["push_url"], moved["software_version"]) == ("https://10.9.9.9:8700/", "2.3.0")
    newer = bank.patch(path, {"software_version": "2.4.0", "reason": "update"}).json()
    assert (newer["host"], newer["port"], newer["software_version"]) == ("10.9.9.11", 30305, "2.4.0")
    emptied = bank.patch(path, {"push_url": "", "reason": "polls"}).json()
    assert (emptied["push_url"], emptied["software_version"]) == ("", "2.4.0")


def test_another_nodes_address_is_refused_with_its_field(town: Town, api: Any) -> None:
    node = town.heming.node
    taken = {"addresses": [{"host": node.host, "port": node.port}]}
    answer = api(town.heming.officer).post("nodes/", {**NODE, **taken})
    assert (answer.status_code, answer.json()["code"]) == (409, "taken")
    assert answer.json()["params"] == {"field": "addresses"}
