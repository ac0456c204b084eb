"""What a version can do: Besu's matching, FISCO BCOS's reload, and caution where nothing is known."""

from __future__ import annotations

import pytest

from governance.permissions.formats.software import (
    Matching,
    Reload,
    capabilities,
    fisco_form,
    parsed,
)


@pytest.mark.parametrize(
    ("version", "matching"),
    [
        ("26.3.0", Matching.ADDRESS),
        ("26.3.0-RC0", Matching.ADDRESS),
        ("v26.10", Matching.ADDRESS),
        ("27.1.0", Matching.ADDRESS),
        ("26.2.1", Matching.KEY_AND_ADDRESS),
        ("25.6.0", Matching.KEY_AND_ADDRESS),
        ("", Matching.ADDRESS),
        ("unknown", Matching.ADDRESS),
    ],
)
def test_besu_matches_by_address_since_26_3_and_so_does_what_tells_no_version(
    version: str, matching: Matching
) -> None:
    assert capabilities("besu", version).matching == matching


@pytest.mark.parametrize(
    ("version", "reload", "may_hang", "black_list"),
    [
        ("3.16.4", Reload.SIGNAL, False, True),
        ("3.5.0", Reload.SIGNAL, False, True),
        ("3.4.0", Reload.SIGNAL, True, True),
        ("3.3.0", Reload.RESTART, False, False),
        ("3.0.0-rc4", Reload.RESTART, False, False),
        ("2.11.0", Reload.TOUCH, False, False),
        ("", Reload.RESTART, False, False),
    ],
)
def test_fisco_bcos_reloads_by_signal_since_3_4_without_hanging_since_3_5_and_2_x_the_white_list_alone(
    version: str, reload: Reload, may_hang: bool, black_list: bool
) -> None:
    found = capabilities("fisco-bcos", version)
    assert (found.reload, found.reload_may_hang, found.reloads_black_list) == (reload, may_hang, black_list)


def test_goquorum_and_geth_keep_peers_that_left_the_list_until_they_are_removed() -> None:
    for software in ("goquorum", "geth"):
        found = capabilities(software, "")
        assert (found.matching, found.drops_peers) == (Matching.KEY, False)


def test_of_other_software_nothing_is_taken_for_granted() -> None:
    found = capabilities("other", "1.0")
    assert (found.reload, found.matching, found.drops_peers) == (Reload.UNKNOWN, Matching.ADDRESS, False)


def test_besus_permissioning_by_contract_is_gone_since_25_6() -> None:
    assert capabilities("besu", "25.6.0").removed_on_chain
    assert not capabilities("besu", "25.5.0").removed_on_chain


@pytest.mark.parametrize(
    ("version", "sm", "form"),
    [("2.11.0", False, "2.x"), ("3.16.4", False, "3.x"), ("3.16.4", True, "sm"), ("", False, "3.x")],
)
def test_which_form_of_the_lists_a_fisco_bcos_node_reads(version: str, sm: bool, form: str) -> None:
    assert fisco_form(version, sm=sm) == form


@pytest.mark.parametrize(
    ("version", "number"),
    [("26.3.0-RC0", (26, 3)), (" v3.4.1 ", (3, 4)), ("3", None), ("3.4beta", None), ("1.2.3.4", (1, 2))],
)
def test_a_version_is_its_first_two_numbers(version: str, number: tuple[int, int] | None) -> None:
    assert parsed(version) == number
