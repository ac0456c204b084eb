"""FISCO BCOS's lists in three forms: what a node passes over in silence is neither written nor signed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from governance.permissions.formats import fisco, paths, writing
from governance.permissions.formats.checking import check
from governance.permissions.formats.desired import Address, DesiredState, TlsIds
from governance.permissions.formats.errors import Malformed
from governance.permissions.formats.writing import FORMS, Form
from tests.permissions.formats.states import HEADER, node, public_key, rsa, state, states

CERTIFICATES, PEERS = paths.FISCO_CERTIFICATES_PATH, paths.FISCO_NODES_PATH
DIGITS = {"3.x": 512, "2.x": 128, "sm": 128}
by_form = pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])


def written(path: str, wanted: DesiredState) -> str:
    return writing.write(HEADER, wanted)[path].decode()


def config(white: list[str], black: tuple[str, ...] = ()) -> str:
    lines = ["[certificate_blacklist]", *[f"    crl.{n}={one}" for n, one in enumerate(black)]]
    lines += ["[certificate_whitelist]", *[f"    cal.{n}={one}" for n, one in enumerate(white)]]
    return "\n".join(lines) + "\n"


def refused(text: str, digits: int = 512) -> str:
    with pytest.raises(Malformed) as error:
        fisco.certificates(CERTIFICATES, text.encode(), digits)
    return error.value.rule


def test_each_kind_of_network_lists_the_ids_that_it_knows_peers_by() -> None:
    ids = TlsIds((rsa(0),), (public_key(0),), (public_key(9),))
    wanted = state(node(0, tls_ids=ids), node(1))
    assert written(CERTIFICATES, wanted) == config([rsa(n) for n in _order(0, 1)])
    assert written(paths.FISCO_2_CERTIFICATES_PATH, wanted) == config([public_key(0)])
    assert written(paths.FISCO_SM_CERTIFICATES_PATH, wanted) == config([public_key(9)])
    for path in (paths.FISCO_2_NODES_PATH, paths.FISCO_SM_NODES_PATH):
        assert json.loads(written(path, wanted)) == {"nodes": ["10.0.0.1:30303"]}
    assert len(json.loads(written(PEERS, wanted))["nodes"]) == 2


def _order(*numbers: int) -> list[int]:
    return sorted(numbers, key=lambda n: node(n).consensus_id)


def test_between_a_renewal_and_the_restart_both_of_a_nodes_keys_are_let_in() -> None:
    both = tuple(sorted((rsa(0), rsa(7))))
    assert written(CERTIFICATES, state(node(0, tls_ids=TlsIds(both)))) == config(list(both))


@by_form
def test_where_nobody_may_connect_the_white_list_is_not_empty_which_would_let_everybody_in(
    form: Form,
) -> None:
    assert written(form.certificates, state()) == config([form.nobody])
    assert json.loads(written(form.nodes, state())) == {"nodes": []}
    assert check(writing.write(HEADER, state())).fisco[form.name].is_nobody


def test_the_id_of_nobody_has_the_length_of_a_modulus_but_is_even() -> None:
    number = int(writing.NOBODY_TLS_ID, 16)
    assert (len(writing.NOBODY_TLS_ID), number.bit_length(), number % 2) == (512, 2048, 0)


@pytest.mark.parametrize(
    ("prime", "a", "b"),
    [
        (2**256 - 2**32 - 977, 0, 7),  # secp256k1, SEC 2
        (
            0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,  # SM2, GB/T 32918.5
            0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC,
            0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
        ),
    ],
    ids=["secp256k1", "SM2"],
)
def test_the_public_key_of_nobody_is_no_point_of_the_curve(prime: int, a: int, b: int) -> None:
    x, y = int(writing.NOBODY_PUBLIC_KEY[:64], 16), int(writing.NOBODY_PUBLIC_KEY[64:], 16)
    assert x
    assert (y * y - x**3 - a * x - b) % prime


@by_form
@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda good: [], "empty_white_list"),
        (lambda good: ["0x" + good], "id_with_prefix"),
        (lambda good: ["0x" + good[2:]], "id_with_prefix"),
        (lambda good: [good[:-2]], "id"),
        (lambda good: [good + "00"], "id"),
        (lambda good: [good[:-1] + "g"], "id"),
        (lambda good: [good.upper()], "id"),
        (lambda good: [good, ""], "id"),
        (lambda good: ["0" * len(good)], "id_of_zeros"),
        (lambda good: [good, good], "duplicate_id"),
    ],
    ids=[
        "empty",
        "0x",
        "0x of full length",
        "short",
        "long",
        "not hex",
        "capitals",
        "none",
        "zeros",
        "twice",
    ],
)
def test_entries_that_a_node_passes_over_are_refused_since_a_list_of_them_lets_everybody_in(
    form: Form, spoil: object, rule: str
) -> None:
    digits = DIGITS[form.name]
    assert callable(spoil)
    assert refused(config(spoil("c" * digits)), digits) == rule


@pytest.mark.parametrize("bits", [1024, 3072, 4096])
def test_rsa_keys_of_other_sizes_are_refused_as_ids(bits: int) -> None:
    assert refused(config(["c" * (bits // 4)])) == "id"


def test_the_black_list_wins_so_an_id_on_both_lists_is_refused() -> None:
    assert refused(config([rsa(0)], (rsa(0),))) == "black_list_wins"


def test_a_revoked_key_is_on_the_black_list_unless_a_listed_node_has_it_in_a_valid_certificate() -> None:
    """2.x: a renewal keeps the key, and the former certificate may be revoked as superseded."""
    ids = TlsIds(secp256k1=(public_key(0),))
    denied = TlsIds(rsa=(rsa(5),), secp256k1=(public_key(0), public_key(5)), sm2=(public_key(8),))
    wanted = state(node(0, tls_ids=ids), denied=denied)
    two = written(paths.FISCO_2_CERTIFICATES_PATH, wanted)
    assert two == config([public_key(0)], black=(public_key(5),))
    assert f"crl.0={rsa(5)}\n" in written(CERTIFICATES, wanted)
    assert f"crl.0={public_key(8)}\n" in written(paths.FISCO_SM_CERTIFICATES_PATH, wanted)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (config([rsa(0), rsa(1)]).replace("cal.1", "cal.0"), "duplicate_key"),
        (config([rsa(0)], (rsa(1), rsa(2))).replace("crl.1", "crl.0"), "duplicate_key"),
        (config([rsa(0)]).replace("cal.0", "crl.0"), "line"),
        (config([rsa(0)]).replace("[certificate_blacklist]\n", ""), "section_missing"),
        (config([rsa(0)]) + "[certificate_blacklist]\n", "section_repeated"),
        (config([rsa(0)]) + "[p2p]\n", "line"),
        (f"    cal.0={rsa(0)}\n" + config([rsa(0)]), "line"),
        ("", "section_missing"),
    ],
)
def test_keys_are_unique_in_their_section_and_nothing_else_is_there(text: str, rule: str) -> None:
    assert refused(text) == rule


def test_nobody_beside_somebody_is_refused_and_so_are_peers_of_nobody() -> None:
    files = writing.write(HEADER, state(node(0)))
    beside = config([rsa(0), writing.NOBODY_TLS_ID]).encode()
    with pytest.raises(Malformed, match="nobody_beside_others"):
        check({**files, CERTIFICATES: beside})
    with pytest.raises(Malformed, match="peers_of_nobody"):
        check({**files, CERTIFICATES: config([writing.NOBODY_TLS_ID]).encode()})


def test_all_addresses_of_a_node_are_peers_ipv6_in_brackets() -> None:
    many = node(0, addresses=(Address("fd00::7", 30304),))
    assert json.loads(written(PEERS, state(many))) == {"nodes": ["10.0.0.1:30303", "[fd00::7]:30304"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"nodes":{}}',
        b'{"nodes":[],"more":1}',
        b'{"nodes":["10.0.0.1"]}',
        b'{"nodes":["bank.example:30303"]}',
        b'{"nodes":["10.0.0.1:0"]}',
        b'{"nodes":["[fd00::zz]:1"]}',
        b'{"nodes":[7]}',
        b'{"nodes":["10.0.0.1:1","10.0.0.1:1"]}',
    ],
)
def test_peers_that_a_node_can_not_read_are_refused_since_it_would_leave_its_lists_unread(
    content: bytes,
) -> None:
    with pytest.raises(Malformed):
        fisco.peers(PEERS, content)


@given(states())
def test_whatever_the_state_no_form_lets_everybody_in_nor_a_denied_key_nor_keeps_a_listed_one_out(
    wanted: DesiredState,
) -> None:
    found = check(writing.write(HEADER, wanted)).fisco
    for form in FORMS:
        lists, valid = found[form.name], set(wanted.white(form.name))
        assert lists.white == (valid or {form.nobody})
        assert lists.black == set(wanted.denied.of(form.name)) - valid
