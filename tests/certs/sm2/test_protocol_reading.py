"""Reading the protocol of a 国密 root: everything but what was written is refused."""

from __future__ import annotations

import pytest

from certs.errors import ProtocolNotAccepted
from certs.sm2 import protocol
from certs.sm2.library import PrivateKey
from certs.sm2.protocol import Signed
from consortium.core import clock


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture(scope="module")
def written(key: PrivateKey) -> protocol.Protocol:
    made = protocol.Protocol()
    for number in range(3):
        part = Signed("crl", "sm-root", b"list %d" % number)
        made = made.append(key, [part], at=clock.now(), witnesses=["Wu Rui"])
    return made


def test_what_was_written_is_read(key: PrivateKey, written: protocol.Protocol) -> None:
    assert protocol.read(written.data, key) == written
    assert written.head != protocol.START


def test_any_changed_byte_is_found(key: PrivateKey, written: protocol.Protocol) -> None:
    data = written.data
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(ProtocolNotAccepted):
            protocol.read(changed, key)


@pytest.mark.parametrize("left", [[0, 2], [1, 2], [0, 0, 1], [1, 0, 2]])
def test_a_line_left_out_or_moved_is_found(
    left: list[int], key: PrivateKey, written: protocol.Protocol
) -> None:
    lines = written.data.splitlines(keepends=True)
    with pytest.raises(ProtocolNotAccepted):
        protocol.read(b"".join(lines[number] for number in left), key)


def test_another_roots_is_found(written: protocol.Protocol) -> None:
    with pytest.raises(ProtocolNotAccepted):
        protocol.read(written.data, PrivateKey.generate())
