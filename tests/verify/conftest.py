"""A node that was admitted by vote, listed, and said so: the whole story, and its bundle."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

from certs import authorities
from consortium.core import clock
from governance.bundles import bundle_of
from governance.permissions.models import Epoch
from governance.permissions.services import compiling, publishing
from governance.permissions.services.reporting import Report, acknowledge
from governance.proposals.models import Proposal
from tests.certs.openssl import Workstation
from tests.factories import UserFactory
from tests.permissions.conftest import PASSPHRASE, ceremony, places
from tests.proposals.conftest import keys, own_ledger, web3
from tests.proposals.stage import Stage, five_banks, founded, rpc
from tests.web.portal.town import certified

__all__ = ["ceremony", "keys", "own_ledger", "places", "web3"]


@dataclass
class Story:
    """The bundle of a decision, and where its ledger answers."""

    stage: Stage
    proposal: Proposal
    bundle: bytes
    ledger: str
    root: Path


@pytest.fixture
def stage(web3: Web3, db: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Founded by transactions with a real signature, as on any ledger: their hash is one of their bytes."""
    founder = Account.from_key(Web3.keccak(text="the founder of the verifier's tests"))
    rpc(web3, "anvil_autoImpersonateAccount", False)
    for module in ("tests.contracts.alliance", "tests.proposals.stage"):
        monkeypatch.setattr(f"{module}.FOUNDER", founder.address)
    signing = SignAndSendRawMiddlewareBuilder.build(founder)
    web3.middleware_onion.inject(signing, layer=0)
    return founded(web3, five_banks(), UserFactory(secretariat=True))


@pytest.fixture
def story(stage: Stage, keys: Path, places: Path, settings: Any, tmp_path: Path) -> Story:
    """Heming Bank's node is admitted, its list signed, and the node has it in force."""
    shutil.copy(keys / "relay.json", settings.KEY_DIR)
    authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    bank = stage.banks[0]
    node = stage.node(bank)
    certificate = certified(node, stage.officer(bank), Workstation(tmp_path / "ws"), stage.secretary)
    proposal = stage.decided("admit_node", institution=bank, node=node, node_role=1)
    with stage.ledgers_time(ahead=90):
        compiling.compile_epoch(node.network, cause="registry.changed")
        publishing.publish()
        epoch = Epoch.objects.get(network=node.network)
        files = dict(epoch.files.values_list("path", "sha256"))
        said = Report(node.network_id, epoch.number, files, "1", clock.now())
        acknowledge(node, certificate=certificate, report=said)
    proposal.refresh_from_db()
    return Story(stage, proposal, bundle_of(proposal), settings.LEDGER_URL, settings.TUF_DIR / "root.json")
