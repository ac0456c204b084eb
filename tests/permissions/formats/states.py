"""Desired states to write and read back: named banks, keys that are points, addresses of one machine each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from governance.permissions.formats.desired import (
    Address,
    DesiredState,
    FrozenNode,
    Header,
    ListedAccount,
    ListedNode,
    TlsIds,
)
from tests.factories import consensus_id

HEADER = Header("settlement", 7, 120, "0x" + "ab" * 32, datetime(2026, 11, 23, 8, tzinfo=UTC))
HEMING = "91310115000000001X"
BANKS = ("heming", "qingchuan", "songling", "nanpu", "yunting", "ziling")


def rsa(n: int) -> str:
    """The modulus of bank number ``n``'s TLS key, so to speak."""
    return f"c{n:0510x}1"


def public_key(n: int) -> str:
    return f"d{n:0126x}1"


def node(n: int = 0, **changes: Any) -> ListedNode:
    """A node of the n-th bank; its TLS ids are those of a network of 3.x."""
    made = ListedNode(
        id=f"00000000-0000-4000-8000-{n:012x}",
        name=f"{BANKS[n]}-bank/n1",
        member=HEMING,
        role="sealer",
        consensus_id=consensus_id(n),
        tls_id=rsa(n),
        host=f"10.0.0.{n + 1}",
        port=30303,
        software="besu",
        software_version="26.3.0",
        certificate_serial=f"{n:02x}",
        certificate_not_after="2027-11-23T08:00:00Z",
        tls_ids=TlsIds(rsa=(rsa(n),)),
    )
    return made._replace(**changes)


def state(*nodes: ListedNode, **more: Any) -> DesiredState:
    return DesiredState(tuple(sorted(nodes, key=lambda one: one.consensus_id)), **more)


def account(n: int = 0, permission: str = "transact") -> ListedAccount:
    return ListedAccount(f"0x{n + 0xABC:040x}", HEMING, permission)


def frozen(n: int) -> FrozenNode:
    found = node(n)
    return FrozenNode(found.id, found.name, found.member, found.consensus_id, found.host, found.port)


def _some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(values), max_size=2).map(lambda found: tuple(sorted(found)))


_PLACES = st.builds(
    Address, st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::7"]), st.sampled_from([1, 30303])
)


@st.composite
def _nodes(draw: st.DrawFn, n: int) -> ListedNode:
    first = draw(_PLACES)
    others = draw(st.sets(_PLACES, max_size=2)) - {first}
    moduli = draw(_some([rsa(n), rsa(n + 100)]))
    return node(
        n,
        host=first.host,
        port=first.port,
        addresses=tuple(sorted(others)),
        discovery_port=draw(st.sampled_from([None, 30301])),
        raft_port=draw(st.sampled_from([None, 50401])),
        is_bootnode=draw(st.booleans()),
        software=draw(st.sampled_from(["besu", "goquorum", "geth", "fisco-bcos", "other"])),
        tls_id=moduli[0] if moduli else "",
        tls_ids=TlsIds(moduli, draw(_some([public_key(n)])), draw(_some([public_key(n + 100)]))),
    )


@st.composite
def states(draw: st.DrawFn) -> DesiredState:
    """Whatever registry, certificates and addresses may come to, addresses that two nodes name among it."""
    numbers = draw(st.sets(st.integers(0, 5)))
    kept_out = draw(st.sets(st.integers(0, 5))) - numbers
    return state(
        *[draw(_nodes(n)) for n in sorted(numbers)],
        accounts=tuple(account(n) for n in sorted(draw(st.sets(st.integers(0, 3))))),
        frozen=tuple(sorted((frozen(n) for n in kept_out), key=lambda one: one.consensus_id)),
        denied=TlsIds(
            draw(_some([rsa(n) for n in range(6)])),
            draw(_some([public_key(n) for n in range(6)])),
            draw(_some([public_key(n + 100) for n in range(6)])),
        ),
    )
