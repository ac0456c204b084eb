"""The ``ballot`` command as a member runs it: a process of its own, its key in a file of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from consortium.members.rules import voting_address_statement
from governance.ballot.texts import CATALOGUES
from governance.ballot.typed_data import Ballot, recover
from tests.ballot.conftest import Desk
from tests.ballot.console_double import listening
from tests.chain.faulty import FaultyNode
from tests.contracts.alliance import (
    DONGLI,
    FOUNDERS,
    LANTIAN,
    MALLORY,
    SECRETARIAT,
    WANGCHAO,
    Alliance,
    Bank,
    Proposal,
)

NETWORK = b"settlement".ljust(32, b"\0")


def failed(result: subprocess.CompletedProcess[str], words: str) -> None:
    """Exit code 2, and one line that says why."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_a_python_without_the_requirements_is_told_in_one_line() -> None:
    project = Path(__file__).parents[2]
    bare = [sys.executable, "-S", "-m", "governance.ballot", "--help"]  # -S: nothing that was installed
    failed(subprocess.run(bare, cwd=project, capture_output=True, text=True), "make setup")


class TestKey:
    def test_its_address_needs_no_passphrase(self, desk: Desk) -> None:
        result = desk.run("address", "--keystore", str(desk.keystore))

        assert (result.returncode, result.stdout) == (0, f"{WANGCHAO.voter}\n")

    def test_the_proof_is_the_one_that_the_console_asks_for(self, desk: Desk) -> None:
        result = desk.run("prove", *desk.key, "--uscc", WANGCHAO.uscc)

        statement = encode_defunct(text=voting_address_statement(WANGCHAO.uscc, WANGCHAO.voter))
        signer = Account.recover_message(statement, signature=result.stdout.strip())
        assert (result.returncode, signer) == (0, WANGCHAO.voter)

    def test_a_uscc_that_is_none(self, desk: Desk) -> None:
        failed(desk.run("prove", *desk.key, "--uscc", "wangchao"), "wangchao is not a unified social credit")

    def test_a_wrong_passphrase(self, desk: Desk) -> None:
        desk.passphrase.write_text("guessed")
        failed(desk.run("prove", *desk.key, "--uscc", WANGCHAO.uscc), "The passphrase does not open")

    @pytest.mark.parametrize(
        "content", ["", "[]", "{}", '{"version": 3}', '{"version": 3, "address": "0x12"}']
    )
    def test_what_is_no_keystore(self, desk: Desk, content: str) -> None:
        desk.keystore.write_text(content)
        failed(desk.run("prove", *desk.key, "--uscc", WANGCHAO.uscc), "is not an encrypted keystore")

    @pytest.mark.parametrize("missing", ["keystore", "passphrase"])
    def test_a_file_that_is_missing(self, desk: Desk, missing: str) -> None:
        path: Path = getattr(desk, missing)
        path.unlink()
        failed(desk.run("prove", *desk.key, "--uscc", WANGCHAO.uscc), str(path))

    def test_a_keystore_that_others_may_read_is_warned_of(self, desk: Desk) -> None:
        desk.keystore.chmod(0o644)
        result = desk.run("prove", *desk.key, "--uscc", WANGCHAO.uscc)
        assert result.returncode == 0
        assert "chmod 600" in result.stderr

    @pytest.mark.parametrize("argument", ["--passphrase", "--key", "--private-key"])
    def test_no_secret_is_an_argument(self, desk: Desk, argument: str) -> None:
        result = desk.run("prove", *desk.key, "--uscc", WANGCHAO.uscc, argument, "secret")
        assert result.returncode == 2


class TestShow:
    def test_the_proposal_is_told_from_the_ledger_in_plain_words(
        self, desk: Desk, proposal: Proposal
    ) -> None:
        result = desk.run("show", *desk.ledger, "--proposal", "12")

        assert result.returncode == 0, result.stderr
        assert f"Id: {proposal.id}" in result.stdout
        assert (
            f"member {LANTIAN.uscc} gets a seat in category 4, voting with {LANTIAN.voter}" in result.stdout
        )
        assert desk.run("show", *desk.ledger, "--proposal", str(proposal.id)).stdout == result.stdout

    def test_it_is_found_behind_a_node_that_quietly_tells_of_ten_blocks(
        self, desk: Desk, alliance: Alliance, proposal: Proposal
    ) -> None:
        """As FISCO BCOS does; what the ledger had before and after is of no help."""
        alliance.rpc("anvil_mine", hex(300))
        node = FaultyNode(desk.url)

        def of_ten_blocks(question: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            last = int(question["params"][0]["fromBlock"], 16) + 9
            told = [log for log in answer["result"] if int(log["blockNumber"], 16) <= last]
            return {**answer, "result": told}

        node.lies_about("eth_getLogs", of_ten_blocks)
        try:
            far = replace(desk, url=node.url)
            for wanted in ("12", str(proposal.id)):
                result = far.run("show", *far.ledger, "--proposal", wanted)
                assert result.returncode == 0, result.stderr
                assert f"Id: {proposal.id}" in result.stdout
        finally:
            node.close()

    def test_kind_rule_and_outlook_are_the_governors(
        self, desk: Desk, alliance: Alliance, proposal: Proposal
    ) -> None:
        alliance.cast(DONGLI, proposal, 1)

        shown = desk.run("show", *desk.ledger, "--proposal", "12").stdout.splitlines()

        assert "Kind: membership" in shown
        assert (
            "Needs: quorum 1/2 of the electorate, more for than against and at least 2/3 of both in favour, "
            "a majority in 3 categories" in shown
        )
        assert "So far: 1 for, 0 against, 0 abstained, of 5" in shown
        missing = alliance.outlook(proposal)
        assert (missing.quorum_missing, missing.categories_missing) == (2, 2)
        assert "Still missing: 2 votes for the quorum, 0 in favour, 2 categories" in shown

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (
                lambda a: a.registry.functions.setAccount(NETWORK, MALLORY.address, WANGCHAO.id, 2),
                f"account {MALLORY.address} of member {WANGCHAO.uscc} may transact and deploy contracts in "
                "network settlement",
            ),
            (
                lambda a: a.registry.functions.ratifyFreeze(NETWORK, b"n" * 64, 3),
                "stays frozen in network settlement until it is thawed by vote (freeze 3)",
            ),
            (lambda a: a.registry.functions.thaw(NETWORK, b"n" * 64), "in network settlement ends"),
            (
                lambda a: a.governor.functions.setRule(0, (1, 4, 1, 2, 1)),
                "from then on, for routine proposals: Needs: quorum 1/4 of the electorate, "
                "more for than against and at least 1/2 of both in favour, a majority in 1 categories",
            ),
        ],
        ids=["account", "ratify", "thaw", "rule"],
    )
    def test_accounts_freezes_and_rules_are_told_in_words(
        self, desk: Desk, alliance: Alliance, call: Callable[[Alliance], Any], words: str
    ) -> None:
        opened = alliance.propose(call(alliance))

        result = desk.run("show", *desk.ledger, "--proposal", str(opened.id))

        assert words in result.stdout, result.stdout + result.stderr

    def test_in_chinese_where_the_user_reads_chinese(self, desk: Desk, proposal: Proposal) -> None:
        result = desk.run("show", *desk.ledger, "--proposal", "12", lang="zh_CN.UTF-8")

        assert f"成员 {LANTIAN.uscc} 获得类别 4 的席位" in result.stdout

    def test_an_unknown_proposal(self, desk: Desk, proposal: Proposal) -> None:
        for wanted in ("13", "9" * 70):
            failed(desk.run("show", *desk.ledger, "--proposal", wanted), f"knows no proposal {wanted}")

    def test_a_number_that_a_member_wrote_into_its_own_proposal_is_not_taken(
        self, desk: Desk, alliance: Alliance, proposal: Proposal
    ) -> None:
        lure = alliance.draft(
            alliance.seats.functions.revoke(WANGCHAO.id),
            description=f"Proposal 13: tea\n{alliance.binding(WANGCHAO.voter)}",
        )
        alliance.send(alliance.proposing(lure), WANGCHAO.voter)

        failed(desk.run("show", *desk.ledger, "--proposal", "13"), "knows no proposal 13")
        assert "is expelled" in desk.run("show", *desk.ledger, "--proposal", str(lure.id)).stdout

    def test_a_call_of_a_strangers_contract_is_shown_as_such(self, desk: Desk, alliance: Alliance) -> None:
        harmless = alliance.registry.functions.remove(b"settlement".ljust(32, b"\0"), b"n" * 64)
        disguised = alliance.draft(
            harmless, description=f"\x1b[2JProposal 14: remove_node\n{alliance.binding(SECRETARIAT)}"
        )
        disguised.targets[0] = MALLORY.address
        number = alliance.governor.functions.hashProposal(*disguised.executable).call()
        alliance.send(alliance.proposing(disguised), SECRETARIAT)

        result = desk.run("show", *desk.ledger, "--proposal", str(number))

        assert f"UNKNOWN call to {MALLORY.address}" in result.stdout
        assert "\x1b" not in result.stdout

    def test_a_ledger_that_does_not_answer(self, desk: Desk) -> None:
        nowhere = "http://127.0.0.1:9"
        result = desk.run(
            "show", "--ledger", nowhere, "--governor", desk.alliance.governor.address, "--proposal", "1"
        )
        failed(result, f"The ledger at {nowhere} can't be reached.")

    def test_an_address_without_a_governor(self, desk: Desk) -> None:
        result = desk.run("show", "--ledger", desk.url, "--governor", WANGCHAO.voter, "--proposal", "1")
        failed(result, "there is no governor contract")

    @pytest.mark.parametrize("governor", ["0x12", "the governor"])
    def test_what_is_no_address(self, desk: Desk, governor: str) -> None:
        result = desk.run("show", "--ledger", desk.url, "--governor", governor, "--proposal", "1")
        failed(result, "is not an address")


class TestCast:
    def test_a_ballot_in_a_file_is_one_that_the_governor_counts(
        self, desk: Desk, alliance: Alliance, proposal: Proposal
    ) -> None:
        out = desk.folder / "ballot.json"

        result = desk.cast("--out", str(out), "--yes")

        assert result.returncode == 0, result.stderr
        assert f"Your vote: FOR, as {WANGCHAO.voter}\n" in result.stdout
        written = json.loads(out.read_text())
        signature = bytes.fromhex(written["signature"][2:])
        alliance.send(alliance.casting(WANGCHAO, proposal, written["support"], signature), SECRETARIAT)
        assert alliance.tally(proposal) == (0, 1, 0)

    def test_the_console_gets_the_ballot_and_the_token_and_never_the_key(
        self, desk: Desk, proposal: Proposal
    ) -> None:
        token = desk.folder / "token"
        token.write_text("abc123\n")
        with listening() as console:
            result = desk.cast("--console", console.url, "--token-file", str(token), "--yes", vote="against")

        assert result.returncode == 0, result.stderr
        ((path, headers, content),) = console.posts
        assert path == f"/api/v1/proposals/{proposal.id}/ballots/"
        assert headers["Authorization"] == "Token abc123"
        signature = content.pop("signature")
        content["proposal_id"], content["nonce"] = int(content.pop("proposal")), int(content["nonce"])
        assert recover(Ballot(**content), signature) == WANGCHAO.voter
        assert content["support"] == 0
        assert WANGCHAO.key.key.hex() not in json.dumps(content) + result.stdout + result.stderr

    def test_what_the_console_refuses_is_said_in_its_own_words(self, desk: Desk, proposal: Proposal) -> None:
        token = desk.folder / "token"
        token.write_text("abc123")
        with listening() as console:
            console.status, console.answer = 409, {"code": "already_voted", "detail": "You have voted."}
            result = desk.cast("--console", console.url, "--token-file", str(token), "--yes")

        failed(result, "The console refused the ballot (already_voted): You have voted.")

    def test_a_text_that_is_not_the_hashed_one_stops_the_vote(self, desk: Desk, proposal: Proposal) -> None:
        token = desk.folder / "token"
        token.write_text("abc123")
        with listening() as console:
            console.text = "Something nicer than what members vote on."
            result = desk.cast("--console", console.url, "--token-file", str(token), "--yes")

        failed(result, "not the one whose hash the ledger holds")
        assert console.posts == []

    def test_a_console_that_does_not_answer(self, desk: Desk, proposal: Proposal) -> None:
        token = desk.folder / "token"
        token.write_text("abc123")
        result = desk.cast("--console", "http://127.0.0.1:9", "--token-file", str(token), "--yes")
        failed(result, "The console at http://127.0.0.1:9 can't be reached.")

    def test_without_a_yes_nothing_is_signed(self, desk: Desk, proposal: Proposal) -> None:
        out = desk.folder / "ballot.json"
        failed(desk.cast("--out", str(out)), "pass --yes")
        assert not out.exists()

    def test_without_a_destination(self, desk: Desk, proposal: Proposal) -> None:
        failed(desk.cast("--yes"), "Say where the ballot goes")

    def test_after_the_end(self, desk: Desk, alliance: Alliance, proposal: Proposal) -> None:
        alliance.close(proposal)
        failed(desk.cast("--out", str(desk.folder / "b"), "--yes"), "Voting on this proposal ended on")

    def test_when_it_is_decided(self, desk: Desk, alliance: Alliance, proposal: Proposal) -> None:
        for bank in FOUNDERS[1:]:
            alliance.cast(bank, proposal, 1)
        failed(desk.cast("--out", str(desk.folder / "b"), "--yes"), "The vote is decided")

    def test_a_second_time(self, desk: Desk, alliance: Alliance, proposal: Proposal) -> None:
        alliance.cast(WANGCHAO, proposal, 1)
        failed(desk.cast("--out", str(desk.folder / "b"), "--yes"), "has voted on this proposal already")

    def test_without_a_seat(self, desk_of: Callable[[Bank], Desk], proposal: Proposal) -> None:
        desk = desk_of(LANTIAN)
        failed(desk.cast("--out", str(desk.folder / "b"), "--yes"), "had no vote when this proposal opened")


def test_both_languages_say_the_same_with_the_same_blanks() -> None:
    english, chinese = CATALOGUES["en"], CATALOGUES["zh"]
    assert english.keys() == chinese.keys()
    for key, sentence in english.items():
        blanks = set(re.findall(r"{(\w+)}", sentence))
        assert blanks == set(re.findall(r"{(\w+)}", chinese[key])), key
        assert re.search(r"[\u4e00-\u9fff]", chinese[key]) or key == "other_call", key
