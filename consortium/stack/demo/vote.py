"""``make vote PROPOSAL=1``: members of the demonstration cast their ballots, each with its own keystore.

Twice for each member, as inside a bank it takes two: one officer proposes the vote by the API, the other
hands in what the ``ballot`` command signs. Nothing that a member could not do by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from pathlib import Path

import httpx

from consortium.stack.demo.people import PROPOSERS_TOKEN, SIGNERS_TOKEN
from consortium.stack.plan import Context
from governance.ballot.cli import main as ballot

SUPPORT = {"against": 0, "for": 1, "abstain": 2}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make vote", description=__doc__)
    parser.add_argument("--proposal", required=True, help="its number or its id on chain")
    parser.add_argument("--vote", default="for", choices=("for", "against", "abstain"))
    parser.add_argument("--members", type=int, default=30, help="how many ballots")
    arguments = parser.parse_args()
    home = Context.from_environment().data_dir / "demo"
    if not (home / "alliance.json").exists():
        print("no demonstration here: start `make run` first", file=sys.stderr)
        return 2
    if not _is_there(home, arguments.proposal):
        return 2
    cast = 0
    for member in sorted((home / "members").iterdir()):
        if cast == arguments.members:
            break
        cast += _cast(home, member, arguments)
    print(f"{cast} ballots handed in")
    return 0 if cast else 1


def _is_there(home: Path, proposal: str) -> bool:
    """Ask the ledger once, before eighty members do; the command says what is wrong."""
    if not proposal:
        print("say which proposal: make vote PROPOSAL=1", file=sys.stderr)
        return False
    told = json.loads((home / "alliance.json").read_text(encoding="utf-8"))
    where = ["--ledger", told["ledger"], "--governor", told["governor"]]
    with contextlib.redirect_stdout(io.StringIO()):
        return ballot(["show", *where, "--proposal", proposal]) == 0


def _cast(home: Path, member: Path, arguments: argparse.Namespace) -> bool:
    """One member's ballot; what the command says is shown when it fails (who has voted already, say)."""
    told = json.loads((home / "alliance.json").read_text(encoding="utf-8"))
    if not _proposed(told["console"], member, arguments):
        return False
    where = [word for name in ("console", "ledger", "governor") for word in (f"--{name}", told[name])]
    what = ["--proposal", arguments.proposal, "--vote", arguments.vote, "--yes"]
    files = {"--keystore": "keystore.json", "--passphrase-file": "passphrase", "--token-file": SIGNERS_TOKEN}
    own = [word for option, name in files.items() for word in (option, str(member / name))]
    with contextlib.redirect_stdout(io.StringIO()):
        code = ballot(["cast", *where, *what, *own])
    if code == 0:
        print(f"{member.name}: {arguments.vote}", flush=True)
    return code == 0


def _proposed(console: str, member: Path, arguments: argparse.Namespace) -> bool:
    """The member's first officer says how it should vote; a refusal is shown."""
    token = (member / PROPOSERS_TOKEN).read_text(encoding="ascii").strip()
    answer = httpx.post(
        f"{console}/api/v1/proposals/{arguments.proposal}/proposed-vote/",
        json={"support": SUPPORT[arguments.vote], "reason": "As our board decided"},
        headers={"Authorization": f"Token {token}", "Accept-Language": "en"},
        timeout=30,
        trust_env=False,
    )
    if not answer.is_success:
        print(f"{member.name}: {answer.text[:300]}", file=sys.stderr)
    return answer.is_success


if __name__ == "__main__":
    sys.exit(main())
