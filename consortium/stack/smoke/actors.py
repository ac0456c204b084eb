"""Who acts in the smoke run, each from outside: a bank with openssl, voters with keystores, a node."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from consortium.stack.demo.people import PROPOSERS_TOKEN, SIGNERS_TOKEN
from consortium.stack.smoke.evidence import NotTrue
from governance.ballot.typed_data import Ballot, Support, keyed_nonce, sign


def openssl(*arguments: str) -> str:
    """What ``openssl`` printed, both streams. Raises NotTrue when it is missing or fails."""
    program = shutil.which("openssl")
    if program is None:
        raise NotTrue("the smoke run plays a bank that uses openssl: install it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotTrue(f"openssl {arguments[0]}: {done.stderr.strip()}")
    return (done.stdout + done.stderr).strip()


class Api:
    """The console's REST API with one account's token."""

    def __init__(self, base: str, token: str) -> None:
        headers = {"Authorization": f"Token {token}", "Accept-Language": "en"}
        self.client = httpx.Client(base_url=f"{base}/api/v1", headers=headers, timeout=30, trust_env=False)

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        if not answer.is_success:
            raise NotTrue(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.client.post(path, json=body)
        if not answer.is_success:
            raise NotTrue(f"POST {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def refused(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        """Status and stable code of a refusal. Raises NotTrue when it was not refused."""
        answer = self.client.post(path, json=body)
        if answer.is_success:
            raise NotTrue(f"POST {path} was taken")
        return answer.status_code, answer.json()["code"]


@dataclass
class Voter:
    """A member at its own desk: its keystore, opened here and nowhere else, and its API account."""

    short_name: str
    key: LocalAccount
    api: Api  # of the officer who hands in
    colleague: Api  # of the officer who proposes

    @classmethod
    def open(cls, directory: Path, base: str) -> Voter:
        files = (SIGNERS_TOKEN, PROPOSERS_TOKEN)
        tokens = [(directory / name).read_text(encoding="ascii").strip() for name in files]
        passphrase = (directory / "passphrase").read_text(encoding="utf-8").strip()
        keystore = json.loads((directory / "keystore.json").read_text(encoding="utf-8"))
        key = Account.from_key(Account.decrypt(keystore, passphrase))
        return cls(directory.name, key, *(Api(base, token) for token in tokens))

    def propose(self, path: str, support: Support) -> None:
        """Inside the bank it takes two: this one says how it should vote."""
        self.colleague.post(
            f"{path}proposed-vote/", {"support": int(support), "reason": "As our board decided"}
        )

    def ballot(
        self, proposal: dict[str, Any], support: Support, *, key: LocalAccount | None = None
    ) -> dict[str, Any]:
        """A signed ballot as the API takes it; ``key``: another's, to forge with."""
        number = int(proposal["chain_proposal_id"])
        ballot = Ballot(
            chain_id=proposal["chain_id"],
            governor=proposal["governor"],
            proposal_id=number,
            support=support,
            voter=self.key.address,
            nonce=keyed_nonce(number),
        )
        return {
            "chain_id": ballot.chain_id,
            "governor": ballot.governor,
            "voter": ballot.voter,
            "support": int(ballot.support),
            "nonce": str(ballot.nonce),
            "signature": sign(ballot, key or self.key),
        }


class NodeClient:
    """A ledger node at the gateway, with its certificate."""

    def __init__(self, gateway: str, directory: Path, root: Path) -> None:
        context = ssl.create_default_context(cafile=str(root))
        context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
        self.client = httpx.Client(base_url=gateway, verify=context, timeout=30, trust_env=False)

    def pull(self, network: str, list_format: str) -> httpx.Response:
        return self.client.get(f"/v1/networks/{network}/lists/{list_format}")
