"""A committee on a ledger, as these tests see it: governors with keys, and words for what they do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.types import RPCEndpoint, TxReceipt

from consortium.core import clock, outbox
from consortium.members.models import Institution, User
from governance.chain.ledgers import committee, registering, tasks, wishes
from governance.chain.ledgers.base import Action
from governance.chain.ledgers.models import CommitteeProposal, CommitteeWish, GovernedLedger
from governance.contracts import fisco
from tests.factories import InstitutionFactory, UserFactory
from tests.ledgers.fisco import build
from tests.ledgers.fisco.front import Front

NODES = [
    f"{number:x}" * 128 for number in range(1, 10)
]  # 1111…, 2222…: sealers from the genesis on come first
INTERVAL = 40  # blocks


class Town:
    """A FISCO BCOS ledger with a committee, and the console that follows it."""

    def __init__(self, front: Front, weights: dict[str, int], rates: tuple[int, int]) -> None:
        self.front, self.web3 = front, front.ledger
        self.people = {name: person(name) for name in weights}
        for account in self.people.values():
            self.fund(account.address)
        addresses = {self.people[name].address: weight for name, weight in weights.items()}
        build.place(self.web3, addresses, rates=rates, sealers=NODES[:2])
        self.ledger = registering.register(
            "harbour",
            kind=GovernedLedger.Kind.COMMITTEE,
            rpc_addresses=[front.url],
            native_addresses=[front.url],
            actor=registering.COMMAND,
        )
        self.secretary: User = UserFactory(secretariat=True)
        self.banks: dict[str, Institution] = {}
        self.officers: dict[str, User] = {}

    @property
    def committee(self) -> committee.CommitteeLedger:
        return committee.CommitteeLedger(self.ledger)

    def officer(self, name: str) -> User:
        """An officer of the bank whose key is ``name``'s."""
        if name not in self.officers:
            bank = InstitutionFactory(active=True, voting_address=self.people[name].address)
            self.banks[name], self.officers[name] = bank, UserFactory(institution=bank)
        return self.officers[name]

    # --- On the ledger, past the console ------------------------------------------------------------------
    def fund(self, address: str) -> None:
        self.ask("anvil_setBalance", address, hex(10**18))

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def ask(self, method: str, *arguments: Any) -> Any:
        answer = self.web3.provider.make_request(RPCEndpoint(method), list(arguments))
        assert "error" not in answer, answer
        return answer["result"]

    def view(self, name: str, *values: Any, to: str = fisco.COMMITTEE_MANAGER) -> Any:
        """What a contract answers, without the console."""
        asked = {"to": Web3.to_checksum_address(to), "data": fisco.question(name, *values)}
        return fisco.answer(name, bytes(self.web3.eth.call(asked)))

    def send(self, name: str, data: str, *, to: str = fisco.COMMITTEE_MANAGER) -> TxReceipt:
        """A transaction that a governor sends to the ledger by itself."""
        raw = self.sign(name, data, to=to)
        return self.web3.eth.wait_for_transaction_receipt(self.web3.eth.send_raw_transaction(raw))

    def sign(self, name: str, data: str, **other: Any) -> str:
        """Raw bytes as a governor's own tool makes them."""
        account = self.people[name]
        fields = {
            "chainId": self.ledger.chain_id,
            "to": Web3.to_checksum_address(other.pop("to", fisco.COMMITTEE_MANAGER)),
            "data": data,
            "nonce": self.web3.eth.get_transaction_count(account.address),
            "gas": 3_000_000,
            "gasPrice": 0,
            "value": 0,
            **other,
        }
        return str(account.sign_transaction(fields).raw_transaction.to_0x_hex())

    def open(self, name: str, type_: int, *, interval: int = INTERVAL, **arguments: Any) -> int:
        """A proposal that a governor opens by itself; its number."""
        data = fisco.call(fisco.CREATES[type_], arguments, interval)
        assert self.send(name, data)["status"] == 1
        return self.committee.count()

    def vote(self, name: str, number: int, agree: bool = True) -> TxReceipt:
        """A vote that a governor sends by itself."""
        receipt = self.send(name, vote_call(number, agree))
        assert receipt["status"] == 1
        return receipt

    # --- In the console -----------------------------------------------------------------------------------
    def work(self) -> None:
        """What the chain worker does until there is nothing left to do."""
        later = clock.now()
        for _ in range(3):
            tasks.attend(self.ledger)
            for _ in range(3):
                later += timedelta(minutes=10)  # what was put off is due again
                with clock.frozen(later):
                    outbox.drain("chain")

    def wish(self, *actions: Action, interval: int = INTERVAL) -> list[CommitteeWish]:
        return wishes.wish(
            self.ledger, actions, actor=self.secretary, reason="The board asked for it.", interval=interval
        )

    def signed_wish(self, name: str, row: CommitteeWish, **other: Any) -> str:
        """The create call of a wish, signed by a governor."""
        return self.sign(name, fisco.call(fisco.CREATES[row.type], row.arguments, int(row.interval)), **other)

    def proposal(self, number: int) -> CommitteeProposal:
        return CommitteeProposal.objects.get(ledger=self.ledger, number=number)


def person(name: str) -> LocalAccount:
    """Somebody with a key of their own, the same in every run."""
    account: LocalAccount = Account.from_key(Web3.keccak(text=f"committee key of {name}"))
    return account


def vote_call(number: int, agree: bool = True) -> str:
    return fisco.call(fisco.VOTE, {"proposal": number, "agree": agree})


def observe(node: str) -> Action:
    return Action("51", {"node": node, "weight": 0, "add": True})


def seal(node: str, weight: int = 1) -> Action:
    return Action("51", {"node": node, "weight": weight, "add": True})
