"""What a guardian does at home: see the matter as the ledger has it, sign, hand the file on."""

from __future__ import annotations

import string
import subprocess
import sys
from collections.abc import Callable

import pytest
from eth_account.signers.local import LocalAccount

from governance.ballot import texts as ballot_texts
from governance.guardian import texts
from governance.guardian.confirmation import BadConfirmation, Cancel, Freeze, body, read, signable
from tests.contracts.alliance import LANTIAN, MALLORY, SECRETARIAT, WANGCHAO, Alliance, Proposal
from tests.contracts.guardians import (
    GU,
    HE,
    MAINNET,
    NODE,
    REASON,
    confirm,
    freeze,
    is_frozen,
    ratification,
)
from tests.guardian.conftest import REASON_TEXT, Desk

DeskOf = Callable[[LocalAccount], Desk]


def relay(alliance: Alliance, desk: Desk) -> None:
    """What the secretariat does with the file."""
    confirmation, signature = read(desk.written)
    glass, raw = alliance.break_glass.functions, bytes.fromhex(signature[2:])
    end = confirmation.reason_hash, confirmation.guardian, confirmation.deadline, raw
    if isinstance(confirmation, Freeze):
        alliance.send(glass.confirmFreezeBySig(MAINNET, NODE, *end), SECRETARIAT)
        return
    content = Proposal(confirmation.targets, confirmation.calldatas, confirmation.description).executable
    alliance.send(glass.confirmCancelBySig(content, *end), SECRETARIAT)


class TestFreezing:
    def test_two_files_freeze_a_node(self, alliance: Alliance, desk_of: DeskOf) -> None:
        for guardian in (GU, HE):
            desk = desk_of(guardian)
            done = desk.freeze()
            assert (done.code, done.stderr) == (0, "")
            relay(alliance, desk)

        assert is_frozen(alliance)

    def test_what_is_signed_is_shown_in_words(self, alliance: Alliance, desk: Desk) -> None:
        confirm(alliance, HE)

        told = desk.freeze().stdout

        assert alliance.break_glass.address in told
        assert f"Freeze for 72 hours, in settlement-main: the sealer of member {WANGCHAO.uscc}" in told
        assert NODE.hex() in told
        assert f"SHA-256 {REASON.hex()}" in told
        assert f"  {REASON_TEXT}" in told
        assert "Confirmed so far: 1 of 2." in told
        assert "the node is frozen at once" in told

    def test_in_chinese_too(self, desk: Desk) -> None:
        assert "冻结 72 小时" in desk.freeze(LC_ALL="zh_CN.UTF-8").stdout

    def test_one_who_is_no_guardian_signs_nothing(self, desk_of: DeskOf) -> None:
        desk = desk_of(MALLORY)

        done = desk.freeze()

        assert (done.code, done.stderr) == (2, f"{MALLORY.address} is no guardian.\n")
        assert not desk.out.exists()

    def test_nor_twice(self, alliance: Alliance, desk: Desk) -> None:
        confirm(alliance, GU)

        assert desk.freeze().stderr == f"{GU.address} has confirmed this already.\n"

    def test_nor_about_a_node_that_the_ledger_does_not_know(self, desk: Desk) -> None:
        assert desk.freeze(node="ab" * 64).stderr == "The ledger knows no such node in settlement-main.\n"
        assert desk.freeze(node="ab").stderr == "ab is no consensus id.\n"
        assert desk.freeze(network="Main!").stderr == "Main! is no network's name.\n"

    def test_nor_about_one_that_is_frozen(self, alliance: Alliance, desk: Desk) -> None:
        freeze(alliance)
        assert desk.freeze().stderr.startswith("The node is frozen already, until ")

        alliance.mine_at(alliance.registry.functions.frozenUntil(MAINNET, NODE).call())
        assert desk.freeze().stderr.startswith("The guardians can't freeze this node again before ")

    def test_nor_without_a_reason(self, desk: Desk) -> None:
        (desk.home / "why").write_text(" \n")

        assert desk.freeze().stderr.endswith("can't be read, or is empty.\n")


def test_it_runs_as_a_program(desk: Desk) -> None:
    command = [
        sys.executable,
        "-m",
        "governance.guardian",
        "address",
        "--keystore",
        str(desk.home / "key.json"),
    ]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, f"{GU.address}\n")


class TestCancelling:
    def test_two_files_cancel_a_proposal(self, alliance: Alliance, desk_of: DeskOf) -> None:
        proposal = alliance.opened(alliance.seats.functions.grant(*LANTIAN.seat))
        for guardian in (GU, HE):
            desk = desk_of(guardian)
            done = desk.run("cancel", "--proposal", str(proposal.id))
            assert (done.code, done.stderr) == (0, "")
            assert LANTIAN.uscc in done.stdout
            relay(alliance, desk)

        assert alliance.state(proposal) == 2

    def test_none_about_the_guardians_themselves(self, alliance: Alliance, desk: Desk) -> None:
        call = alliance.break_glass.functions.setGuardians([HE.address, MALLORY.address], 2)
        proposal = alliance.opened(call)

        done = desk.run("cancel", "--proposal", str(proposal.id))

        assert done.stderr == "This proposal is about the guardians' own power: they can't cancel it.\n"

    def test_none_that_has_ended(self, alliance: Alliance, desk: Desk) -> None:
        freeze(alliance)
        proposal = ratification(alliance)
        alliance.close(proposal)

        done = desk.run("cancel", "--proposal", str(proposal.id))

        assert done.stderr == "There is nothing to cancel any more.\n"


class TestTheFile:
    FREEZE = Freeze(
        chain_id=31337,
        contract="0x24c13c7f8EeE737B0FA09b26014E2eCB773cf521",
        reason=REASON_TEXT,
        guardian=str(GU.address),
        nonce=2**200,
        deadline=1_800_000_000,
        network="settlement-main",
        consensus_id=NODE.hex(),
    )

    def signed(self) -> dict[str, object]:
        return body(self.FREEZE, "0x" + bytes(GU.sign_message(signable(self.FREEZE)).signature).hex())

    def test_is_read_as_it_was_written(self) -> None:
        confirmation, signature = read(self.signed())

        assert confirmation == self.FREEZE
        assert signature == self.signed()["signature"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("reason", "Another reason."),
            ("network", "settlement-test"),
            ("consensus_id", "ab" * 64),
            ("nonce", "1"),
            ("deadline", "1900000000"),
            ("chain_id", "1"),
            ("guardian", str(HE.address)),
            ("guardian", "nobody"),
            ("signature", "0x"),
            ("signature", None),
            ("kind", "thaw"),
            ("chain_id", "one"),
            ("extra", "1"),
        ],
    )
    def test_counts_as_signed_or_not_at_all(self, field: str, value: object) -> None:
        with pytest.raises(BadConfirmation):
            read({**self.signed(), field: value})

    @pytest.mark.parametrize("content", [None, [], "freeze", {}, {"kind": "freeze"}])
    def test_nothing_else_is_one(self, content: object) -> None:
        with pytest.raises(BadConfirmation):
            read(content)

    def test_both_kinds_are_known(self) -> None:
        assert (Freeze.kind, Cancel.kind) == ("freeze", "cancel")


def test_each_sentence_is_in_both_languages() -> None:
    english, chinese = texts.CATALOGUES["en"], texts.CATALOGUES["zh"]

    assert english.keys() == chinese.keys()
    assert all(set(_fields(english[key])) == set(_fields(chinese[key])) for key in english)
    assert ballot_texts.CATALOGUES.keys() == texts.CATALOGUES.keys()


def _fields(sentence: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(sentence) if name]
