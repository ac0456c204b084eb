"""A proposal that does several things: its bundle has the lists of all networks that any of them touches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certs import authorities
from consortium.members.models import Institution, Node
from governance.bundles import bundle_of
from governance.bundles.lists import applied
from governance.permissions.services import compiling, publishing
from governance.proposals.models import Proposal
from governance.proposals.services import Wish
from governance.verify import canonical, checks
from governance.verify.document import Bundle
from governance.verify.errors import NotProven
from governance.verify.sources import LedgerSource
from governance.verify.story import Story
from tests.certs.openssl import Workstation
from tests.factories import NetworkFactory, NodeFactory
from tests.permissions.conftest import PASSPHRASE
from tests.proposals.stage import Stage
from tests.verify.test_verify import verify
from tests.web.portal.town import certified

NETWORKS = ("settlement", "trade")
Certified = Callable[[Institution, str], Node]


@pytest.fixture
def in_service(stage: Stage, keys: Path, places: Path, settings: Any, tmp_path: Path) -> Certified:
    """A bank's node on a network, in the registry and with a certificate."""
    shutil.copy(keys / "relay.json", settings.KEY_DIR)
    authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)

    def make(bank: Institution, network: str, *, registered: bool = True) -> Node:
        node = NodeFactory(institution=bank, network=NetworkFactory(slug=network))
        desk = tmp_path / f"{bank.uscc}-{network}"
        certified(node, stage.officer(bank), Workstation(desk), stage.secretary)
        if registered:
            stage.register(node, 1)
        return node

    return make


def published(stage: Stage, *networks: str) -> None:
    with stage.ledgers_time(ahead=90):
        for slug in networks:
            assert compiling.compile_epoch(NetworkFactory(slug=slug), cause="registry.changed"), slug
        publishing.publish()


def listed(proposal: Proposal) -> list[str]:
    proposal.refresh_from_db()
    return [one["network"] for one in json.loads(bundle_of(proposal))["lists"]]


def proven(bundle: bytes, ledger: str, file: Path) -> None:
    file.write_bytes(bundle)
    said = verify(file, "--ledger", ledger)
    assert said.returncode == 0, said.stdout + said.stderr


def test_banks_suspended_in_two_networks(
    stage: Stage, in_service: Certified, settings: Any, tmp_path: Path
) -> None:
    one, other = stage.banks[:2]
    for bank in stage.banks[2:4]:  # who stays: an epoch is made while somebody takes part
        for network in NETWORKS:
            in_service(bank, network)
    in_service(one, "settlement"), in_service(other, "trade")
    published(stage, *NETWORKS)

    done = stage.decided("suspend", institution=one, more=[Wish("suspend", institution=other)])
    published(stage, *NETWORKS)

    assert listed(done) == list(NETWORKS)
    assert [found.network for found in applied(done)] == list(NETWORKS)
    proven(bundle_of(done), settings.LEDGER_URL, tmp_path / "bundle.json")


@pytest.mark.parametrize("first", ["admit_node", "suspend"])
def test_a_node_in_one_network_and_a_seat_of_a_bank_in_another(
    stage: Stage, in_service: Certified, settings: Any, tmp_path: Path, first: str
) -> None:
    """Whichever comes first; no call names the second network, and the check takes its list all the same."""
    one, other = stage.banks[:2]
    entering = in_service(one, "settlement", registered=False)
    in_service(other, "trade"), in_service(stage.banks[2], "trade")
    published(stage, "trade")
    node = {"institution": one, "node": entering, "node_role": 1}
    if first == "suspend":
        done = stage.decided("suspend", institution=other, more=[Wish("admit_node", **node)])
    else:
        done = stage.decided("admit_node", **node, more=[Wish("suspend", institution=other)])
    published(stage, *NETWORKS)

    assert listed(done) == list(NETWORKS)
    proven(bundle_of(done), settings.LEDGER_URL, tmp_path / "bundle.json")


def test_a_decision_that_is_about_no_seat_has_the_lists_of_the_networks_that_it_names(
    stage: Stage, in_service: Certified, settings: Any
) -> None:
    """Of another network the bundle has none, and the check takes none; nor any where no network is named."""
    entering = in_service(stage.banks[0], "settlement", registered=False)
    in_service(stage.banks[0], "trade")
    for network in NETWORKS:
        in_service(stage.banks[1], network)
    done = stage.decided("admit_node", institution=stage.banks[0], node=entering, node_role=1)
    convening = stage.decided("set_convener", institution=None, address=stage.ledger.relay_address)
    seated = stage.decided("suspend", institution=stage.banks[1])
    published(stage, *NETWORKS)

    assert listed(done) == ["settlement"]
    assert listed(convening) == []
    assert listed(seated) == list(NETWORKS)
    lists = {one["network"]: one for one in json.loads(bundle_of(seated))["lists"]}
    for proposal, network, code in (
        (done, "trade", "epoch_of_another_network"),
        (convening, "settlement", "epoch_of_another_network"),
        (seated, "trade", ""),
    ):
        forged = canonical.sealed({**json.loads(bundle_of(proposal)), "lists": [lists[network]]})
        assert refusal(forged, settings.LEDGER_URL) == code, network


def refusal(bundle: bytes, ledger: str) -> str:
    """The code; empty where it is taken."""
    with LedgerSource(ledger, 0) as source:
        try:
            list(checks.check(Story(Bundle.read(bundle), source)))
        except NotProven as error:
            return error.code
    return ""
