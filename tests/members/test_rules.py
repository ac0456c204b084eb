"""Single fields: what is taken, what is refused, and with which code."""

from __future__ import annotations

import inspect
import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum.cn import uscc as uscc_number

from consortium.members import rules
from consortium.members.errors import SENTENCES, sentence
from tests.factories import consensus_id, lei, uscc, voter

TODAY = date(2026, 11, 23)
OFF_CURVE = consensus_id(1)[:-1] + ("0" if consensus_id(1)[-1] != "0" else "1")


def code_of(rule: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(rules.Refused) as refused:
        rule(*args, **kwargs)
    assert sentence(refused.value.code, refused.value.params), "every code has words, and params to fill them"
    return refused.value.code


@given(st.integers(0, 10**9 - 1))
def test_every_well_made_uscc_is_taken_and_one_changed_character_is_not(n: int) -> None:
    code = uscc(n)
    assert rules.uscc(f" {code.lower()} ") == code
    position = n % 17
    swapped = "1" if code[position] != "1" else "2"
    assert code_of(rules.uscc, code[:position] + swapped + code[position + 1 :]) == "uscc_check_digit"


@given(st.text(max_size=24))
@example("91440300-NPP4Q49KD6")
@example("91440300NPP4Q49KDI")
@example("\u0669\u0661440300NPP4Q49KD6")
def test_nothing_but_a_uscc_passes_for_one(text: str) -> None:
    """A member id on the ledger is these 18 characters: a look-alike must not slip through."""
    try:
        taken = rules.uscc(text)
    except rules.Refused:
        return
    assert len(taken) == 18
    assert taken.isascii()
    assert uscc_number.is_valid(taken)


@given(st.integers(0, 10**12 - 1), st.integers(0, 19))
def test_every_well_made_lei_is_taken_and_one_changed_digit_is_not(n: int, position: int) -> None:
    code = lei(n)
    assert rules.lei(code.lower()) == code
    swapped = str((int(code[position]) + 1) % 10)
    assert code_of(rules.lei, code[:position] + swapped + code[position + 1 :]) == "lei_check_digits"


@pytest.mark.parametrize("text", ["836800YMLLXRT7PMU90", "836800YMLLXRT7PMU908X", "836800-YMLLXRT7PMU908"])
def test_an_lei_of_another_length_is_no_lei(text: str) -> None:
    assert code_of(rules.lei, text) == "lei_format"


@given(st.text(max_size=60))
def test_a_name_holds_nothing_that_hides_and_nothing_that_runs(text: str) -> None:
    try:
        taken = rules.name(text)
    except rules.Refused:
        return
    assert taken == unicodedata.normalize("NFC", taken).strip() != ""
    assert taken[0] not in "=+-@＝＋－＠\t\r\n"
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in taken)
    assert rules.name(taken) == taken, "what is stored passes again: importing twice changes nothing"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "required"),
        ("\u3000 ", "required"),
        ("a\x00b", "hidden_character"),
        ("a\x1bb", "hidden_character"),
        ("a\u202eb", "hidden_character"),
        ("a\u2066b", "hidden_character"),
        ("a\ufeffb", "hidden_character"),
        ("a\u2028b", "hidden_character"),
        ("a\ue000b", "hidden_character"),
        ("\t=1+1", "formula"),
        ("+1", "formula"),
        ("-1", "formula"),
        ("@x", "formula"),
        ("鹤" * 201, "too_long"),
    ],
)
def test_a_bad_name_is_refused_with_its_code(text: str, code: str) -> None:
    assert code_of(rules.name, text) == code


def test_names_in_two_spellings_of_unicode_are_one() -> None:
    assert rules.name("Cafe\u0301 Bank") == "Caf\u00e9 Bank"


def test_a_reason_may_have_lines_but_nothing_hidden() -> None:
    assert rules.reason(" one\r\ntwo\n ") == "one\ntwo"
    assert rules.reason("  ") == ""
    assert code_of(rules.reason, "one\x00two") == "hidden_character"
    assert code_of(rules.reason, "x" * 2001) == "too_long"


@pytest.mark.parametrize("text", ["heming-bank", "a", "a1-b2-c3", "x" * 40])
def test_a_short_name_is_taken(text: str) -> None:
    assert rules.slug(text) == text


@pytest.mark.parametrize(
    "text", ["Heming", "heming_bank", "heming--bank", "bank-", "鹤鸣", "a/b", "a b", "a\n.b"]
)
def test_another_short_name_is_refused(text: str) -> None:
    assert code_of(rules.slug, text) in {"slug", "hidden_character"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-02-30", "date"),
        ("2026-2-3", "date"),
        ("20260203", "date"),
        ("2026-W01-1", "date"),
        ("٢٠٢٦-٠١-٠١", "date"),
        ("2026-11-24", "date_out_of_range"),
        ("0001-01-01", "date_out_of_range"),
        ("", "required"),
    ],
)
def test_a_bad_day_is_refused(text: str, code: str) -> None:
    assert code_of(rules.day, text, TODAY) == code


def test_today_is_not_in_the_future() -> None:
    assert rules.day("2026-11-23", TODAY) == TODAY


@pytest.mark.parametrize(
    "text",
    ["not an address", "a@b", "@b.example", "a@", "a@@b.example", "a..b@c.example", "a@-b.example",
     "a@b.example\nBcc: c@d.example", "a b@c.example", f"{'a' * 65}@b.example", "a@b.123", "a@[127.0.0.1]",
     '"a"@b.example', "a@b.example,c@d.example", "a@bücher.example"],
)  # fmt: skip
def test_what_is_no_e_mail_address_is_refused(text: str) -> None:
    assert code_of(rules.email, text) in {"email", "hidden_character", "formula"}


def test_an_e_mail_address_keeps_its_local_part_and_lowers_its_domain() -> None:
    assert rules.email(" Zhou.Lan+roster@Heming.Example ") == "Zhou.Lan+roster@heming.example"


@pytest.mark.parametrize("text", ["+86 755 42479760", "(0755) 4247-9760", "95566"])
def test_a_telephone_number_is_taken(text: str) -> None:
    assert rules.phone(text) == text


@pytest.mark.parametrize(
    "text", ["+1", "+1+12345", "tel:12345", "=12345", "12345;ext=1", "-12345", "+86-cmd|' /C"]
)
def test_what_is_no_telephone_number_is_refused(text: str) -> None:
    assert code_of(rules.phone, text) == "phone"


def test_a_voting_address_comes_out_in_eip_55_form() -> None:
    address = voter(1).address
    for form in (address, address.lower(), "0x" + address[2:].upper()):
        assert rules.voting_address(form) == address


def test_a_voting_address_with_a_wrong_digit_is_noticed_by_its_capitals() -> None:
    address = voter(1).address
    wrong = address[:-1] + ("0" if address[-1] != "0" else "1")
    assert code_of(rules.voting_address, wrong) == "address_checksum"
    assert code_of(rules.voting_address, address[2:]) == "address_format"
    assert code_of(rules.voting_address, "0x" + "0" * 40) == "address_zero"


def test_the_statement_names_institution_and_address() -> None:
    assert rules.voting_address_statement("91440300NPP4Q49KD6", voter(1).address) == (
        f"Consortium Console: {voter(1).address} votes for the institution 91440300NPP4Q49KD6."
    )


@pytest.mark.parametrize("prefix", ["", "0x", "04", "0x04"])
def test_a_node_id_is_taken_with_the_prefixes_that_tools_print(prefix: str) -> None:
    assert rules.consensus_id(f" {prefix}{consensus_id(7).upper()} ") == consensus_id(7)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (OFF_CURVE, "node_id_off_curve"),
        ("0" * 128, "node_id_off_curve"),
        ("f" * 128, "node_id_off_curve"),
        ("ab" * 63, "node_id_format"),
        ("05" + consensus_id(1), "node_id_format"),
        ("enode://" + consensus_id(1), "node_id_format"),
    ],
)
def test_an_impossible_node_id_is_refused(text: str, code: str) -> None:
    assert code_of(rules.consensus_id, text) == code


@pytest.mark.parametrize("text", ["10.1.2.3", "203.0.113.9", "2001:db8::1", "fd00::1"])
def test_an_address_of_a_machine_is_taken(text: str) -> None:
    assert rules.host(text, loopback=False) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("node.example", "ip_address"),
        ("10.1.2.3/24", "ip_address"),
        ("010.1.2.3", "ip_address"),
        ("127.0.0.1", "ip_loopback"),
        ("::1", "ip_loopback"),
        ("0.0.0.0", "ip_unreachable"),
        ("::", "ip_unreachable"),
        ("169.254.169.254", "ip_unreachable"),
        ("224.0.0.1", "ip_unreachable"),
        ("255.255.255.255", "ip_unreachable"),
        ("::ffff:127.0.0.1", "ip_unreachable"),
        ("fe80::1%eth0", "ip_unreachable"),
    ],
)
def test_an_address_that_nobody_else_reaches_is_refused(text: str, code: str) -> None:
    assert code_of(rules.host, text, loopback=False) in {code, "ip_loopback"}


def test_loopback_is_for_the_one_machine_demonstration() -> None:
    assert rules.host("127.0.0.1", loopback=True) == "127.0.0.1"
    assert rules.push_url("https://localhost:9001/", loopback=True) == "https://localhost:9001/"


@pytest.mark.parametrize(
    "text",
    ["http://10.1.2.3:9001/", "ftp://10.1.2.3/", "https://", "https://user:pw@10.1.2.3/", "https://10.1.2.3/?a=1",
     "https://10.1.2.3/#x", "https://10.1.2.3:0/", "https://10.1.2.3:99999/", "https://127.0.0.1/",
     "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://localhost/", "https://a.localhost/",
     "https://169.254.169.254/latest/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
     "https://a b.example/",
     "https://10.1.2.3\\@localhost/", "https://exa\tmple.org/", "https://[::1", "https://節點.example/",
     "https://x.example/" + "y" * 200, "javascript:alert(1)", "//10.1.2.3/"],
)  # fmt: skip
def test_a_push_address_that_leads_elsewhere_is_refused(text: str) -> None:
    assert code_of(rules.push_url, text, loopback=False) in {"push_url", "ip_loopback", "ip_unreachable"}


@pytest.mark.parametrize(
    "text",
    ["", "https://10.1.2.3:9001/epochs", "https://agent.heming.example:9001", "https://[2001:db8::1]:9001/"],
)
def test_a_push_address_is_taken(text: str) -> None:
    assert rules.push_url(f" {text} ", loopback=False) == text


@pytest.mark.parametrize("text", ["0", "65536", "-1", "80.0", "٨٠", "", "1e3"])
def test_what_is_no_port_is_refused(text: str) -> None:
    assert code_of(rules.port, text) == "port"


def test_every_code_that_a_rule_can_raise_has_a_sentence() -> None:
    raised = set(re.findall(r'Refused\("(\w+)"', inspect.getsource(rules)))
    assert len(raised) > 20
    assert raised <= set(SENTENCES)


def test_yes_and_no_are_understood_in_both_languages() -> None:
    assert [rules.yes_or_no(text) for text in ("yes", "TRUE", "是", "no", "0", "否")] == [True] * 3 + [
        False
    ] * 3
    assert code_of(rules.yes_or_no, "oui") == "yes_or_no"


def test_user_names_are_lower_case_so_that_no_two_look_alike() -> None:
    assert rules.username("Zhou.Lan@heming") == "zhou.lan@heming"
    for text in ("zhоu", "zhou lan", ".zhou"):
        assert code_of(rules.username, text) == "username"


def test_versions() -> None:
    assert rules.version(" 26.3.0-RC0 ") == "26.3.0-RC0"
    assert rules.version("") == ""
    assert code_of(rules.version, "26.3.0; rm") == "version"
