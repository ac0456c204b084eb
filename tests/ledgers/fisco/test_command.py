"""A governor's own command: words from the ledger, a key that stays, bytes that the console relays."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from eth_account import Account

from governance.ballot import committee, committee_texts
from governance.chain.ledgers import handing_in
from governance.contracts import fisco
from tests.ledgers.fisco.world import NODES, Town, observe


@pytest.fixture
def keys(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with each governor's keystore, and the passphrase of all."""
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    (tmp_path / "phrase").write_text("open-sesame\n")
    for name, account in town.people.items():
        sealed = Account.encrypt(account.key, "open-sesame", kdf="pbkdf2", iterations=1)
        (tmp_path / name).write_text(json.dumps(sealed))
        (tmp_path / name).chmod(0o600)
    return tmp_path


def run(town: Town, keys: Path, name: str, *words: str) -> int:
    signing = ["--keystore", str(keys / name), "--passphrase-file", str(keys / "phrase"), "--yes"]
    out = ["--out", str(keys / "signed")]
    return committee.main([words[0], "--ledger", town.front.url, *words[1:], *signing, *out])


def test_what_a_proposal_does_is_shown_from_the_ledger(
    town: Town, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=3, add=True)
    assert committee.main(["show", "--ledger", town.front.url, "--proposal", str(number)]) == 0
    said = capsys.readouterr().out
    assert f"node {NODES[4]} becomes a sealer with weight 3" in said
    assert "Weight in favour 1, against 0, of 3" in said


def test_a_vote_is_signed_and_the_console_relays_it(
    town: Town, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    assert run(town, keys, "Dongli", "vote", "--proposal", str(number), "--vote", "agree") == 0
    assert f"a vote IN FAVOUR of proposal {number}" in capsys.readouterr().out
    raw = (keys / "signed").read_text()
    handing_in.vote(town.ledger, number, raw, agree=True, actor=town.officer("Dongli"))
    town.work()
    assert town.proposal(number).status == fisco.PASSED


def test_a_wish_is_proposed_with_the_command(town: Town, keys: Path) -> None:
    [row] = town.wish(observe(NODES[4]), interval=55)
    words = ["--type", "51", "--set", f"node={NODES[4]}", "--set", "weight=0", "--set", "add=true"]
    assert run(town, keys, "Wangchao", "propose", *words, "--interval", "55") == 0
    handing_in.propose(row, (keys / "signed").read_text(), actor=town.officer("Wangchao"))
    town.work()
    assert town.proposal(1).arguments == row.arguments


def test_the_proposer_revokes_with_the_command(town: Town, keys: Path) -> None:
    number = town.open("Wangchao", 52, node=NODES[1])
    assert run(town, keys, "Dongli", "revoke", "--proposal", str(number)) == 2
    assert run(town, keys, "Wangchao", "revoke", "--proposal", str(number)) == 0
    raw = (keys / "signed").read_text()
    handing_in.revoke(town.ledger, number, raw, actor=town.officer("Wangchao"))
    town.work()
    assert town.proposal(number).status == fisco.REVOKED


def test_no_late_vote_is_signed(town: Town, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = town.open("Wangchao", 52, node=NODES[1], interval=2)
    town.mine(3)
    assert run(town, keys, "Dongli", "vote", "--proposal", str(number), "--vote", "agree") == 2
    assert "ended with block" in capsys.readouterr().err
    assert not (keys / "signed").exists()


def test_a_transaction_that_created_another_proposal_is_not_believed(
    town: Town, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town.open("Wangchao", 22, account=town.people["Haitang"].address, open=True)
    other = town.web3.eth.get_block("latest")["transactions"][0].to_0x_hex()
    number = town.open("Wangchao", 22, account=town.people["Dongli"].address, open=True)
    words = ["show", "--ledger", town.front.url, "--proposal", str(number), "--created-in", other]
    assert committee.main(words) == 0
    said = capsys.readouterr().out
    assert "WHAT IT DOES IS NOT KNOWN" in said
    assert town.people["Haitang"].address not in said


def test_where_there_is_no_committee_it_says_so(
    ledger_url: str, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert committee.main(["show", "--ledger", ledger_url, "--proposal", "1"]) == 2
    assert "there is no committee" in capsys.readouterr().err


def test_both_languages_say_all_of_it() -> None:
    english, chinese = committee_texts.CATALOGUES["en"], committee_texts.CATALOGUES["zh"]
    assert english.keys() == chinese.keys()
    for key, sentence in english.items():
        assert _names(sentence) == _names(chinese[key]), key


def _names(sentence: str) -> set[str]:
    return {part.partition("}")[0] for part in sentence.split("{")[1:]}


def test_the_committee_is_asked_by_the_command_for_any_ledger(town: Town) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=3, add=True)
    told = StringIO()
    call_command("ask_ledger", town.ledger.slug, "--proposal", str(number), stdout=told)
    assert "not told by the ledger" in told.getvalue()
    town.work()  # now what it does is kept
    told = StringIO()
    call_command("ask_ledger", town.ledger.slug, "--proposal", str(number), stdout=told)
    first, proposal, action, votes = told.getvalue().splitlines()
    assert first.startswith("committee, at block ")
    assert proposal == f"proposal {number} of {town.people['Wangchao'].address}: open"
    assert NODES[4] in action
    assert votes == "  1 for, 0 against, 0 abstain, 3 in all"
    told = StringIO()
    call_command("ask_ledger", town.ledger.slug, stdout=told)
    deciding = [line for line in told.getvalue().splitlines() if line.startswith("decides: ")]
    assert {line.split()[1] for line in deciding} == {account.address for account in town.people.values()}
