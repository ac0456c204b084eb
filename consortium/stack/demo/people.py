"""Who is who in the demonstration: names that both sides of it use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NETWORK = "settlement"
ROSTER = Path(__file__).resolve().parents[2] / "members" / "data" / "roster.csv"
# Beside a member's keystore: the API tokens of its two officers.
PROPOSERS_TOKEN, SIGNERS_TOKEN = "proposing-token", "api-token"
GUARDIANS = 3  # of whom two must agree to break the glass
FIRST_PORT = 30301  # of the nodes; nobody listens there, the demonstration has agents but no ledger nodes


@dataclass(frozen=True, slots=True)
class DemoNode:
    """A member's node. ``push_offset`` is added to the gateway's port: its agent listens there; 0: none."""

    institution: str
    name: str
    software: str
    version: str
    sealer: bool
    push_offset: int

    @property
    def label(self) -> str:
        return f"{self.institution}-{self.name}"


FOUNDING_NODES = (
    DemoNode("wangchao-banking", "node-1", "fisco-bcos", "3.16.4", True, 1),
    DemoNode("dongli-banking", "node-1", "besu", "26.3.0", True, 2),
    DemoNode("qiongtai-banking", "node-1", "goquorum", "24.4.1", True, 3),
    DemoNode("yumenchuan-banking", "node-1", "fisco-bcos", "3.16.4", False, 4),
)
# The newcomer's exercise: registered, its key and CSR are in the member's kit, and nothing is decided yet.
CANDIDATE = DemoNode("wangchao-banking", "node-2", "fisco-bcos", "3.16.4", False, 0)


@dataclass(frozen=True, slots=True)
class Login:
    """An account of the demonstration; the password is made anew for every data directory."""

    username: str
    role: str
    institution: str | None
    first_name: str
    last_name: str


LOGINS = (
    Login("secretariat", "secretariat", None, "Lin", "Ye"),
    Login("secretariat-2", "secretariat", None, "Tao", "Shen"),
    # inside a bank a ballot takes two: one officer proposes how it votes, the other hands the ballot in
    Login("wangchao", "member", "wangchao-banking", "Lan", "Sun"),
    Login("wangchao-2", "member", "wangchao-banking", "Rui", "Tang"),
    Login("regulator", "regulator", None, "Min", "Gao"),
)
