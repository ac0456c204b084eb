"""The signed protocol: what is in it, and that no byte of it changes unnoticed."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from certs.ceremony import cli
from certs.ceremony import protocol as protocols
from certs.ceremony.errors import ProtocolBroken
from certs.ceremony.protocol import _ORDERS
from certs.keystores import kinds
from tests.certs.ceremony.table import Table


@pytest.fixture
def held(table: Table) -> Table:
    """A root, two authorities and a list."""
    table.make_root()
    assert table.run("sign", "--requests", str(table.ask("nodes", "lists")), "--yes") == 0
    return table


def test_an_entry_says_what_was_done_by_whom_and_with_which_files(held: Table) -> None:
    entry = held.entry(3)
    assert (entry["action"], entry["number"]) == ("sign", 3)
    assert entry["by"]["witnesses"] == ["Wang Min", "Chen Ling"]  # type: ignore[index]
    folder = held.place / "requests-nodes-lists"
    read = {item["name"]: item["sha256"] for item in entry["inputs"]}  # type: ignore[attr-defined]
    assert read == {path.name: sha256(path) for path in folder.iterdir()}
    written = {item["name"]: item["sha256"] for item in entry["outputs"]}  # type: ignore[attr-defined]
    assert written == {name: sha256(held.out / name) for name in ("nodes.crt", "lists.crt")}
    assert {"python", "cryptography", "openssl", "argon2-cffi", "ceremony"} <= set(entry["tools"])  # type: ignore[call-overload]
    assert str(entry["at"]).endswith("+00:00")
    first = {item["name"]: item["sha256"] for item in held.entry(1)["outputs"]}  # type: ignore[attr-defined]
    assert first["root.key"] == sha256(held.home / "root.key")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_entry_follows_on_the_one_before(held: Table) -> None:
    lines = held.path.read_bytes().splitlines()
    assert [held.entry(number)["previous"] for number in (1, 2, 3)] == [
        "0" * 64,
        *(hashlib.sha256(line).hexdigest() for line in lines[:2]),
    ]


def test_no_byte_can_change(held: Table) -> None:
    data = held.path.read_bytes()
    step = 7  # with each run elsewhere: every byte within seven runs, and a thousand in each
    start = int.from_bytes(hashlib.sha256(data).digest()[:2]) % step
    for place in range(start, len(data), step):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(ProtocolBroken):
            protocols.read(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:1] + lines[2:],
        lambda lines: [lines[0], lines[2], lines[1]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], lines[1], b" " + lines[2]],
        lambda lines: [*lines, b""],
        lambda lines: [lines[0], lines[1], lines[2].replace(b'"entry":', b'"more":1,"entry":')],
    ],
)
def test_no_entry_can_be_left_out_moved_or_put_in(held: Table, change: object) -> None:
    lines = change(held.path.read_bytes().splitlines())  # type: ignore[operator]
    with pytest.raises(ProtocolBroken):
        protocols.read(b"\n".join(lines) + b"\n")


def test_the_last_entries_can_not_be_cut_off_before_those_who_know_the_head(held: Table) -> None:
    head, lines = held.protocol().head, held.path.read_bytes().splitlines()
    shorter = b"\n".join(lines[:2]) + b"\n"
    assert len(protocols.read(shorter).entries) == 2  # who knows nothing sees nothing wrong
    with pytest.raises(ProtocolBroken, match="not there any more"):
        protocols.read(shorter, head=head)
    held.run("crl")
    assert len(protocols.read(held.path.read_bytes(), head=head).entries) == 4


def test_the_other_signature_of_the_pair_is_not_taken(held: Table) -> None:
    """ECDSA's (r, n - s) is as good as (r, s): taken, a byte of the last line could change."""
    lines = held.path.read_bytes().splitlines()
    record = json.loads(lines[-1])
    r, s = decode_dss_signature(base64.b64decode(record["signature"]))
    other = encode_dss_signature(r, _ORDERS["secp384r1"] - s)
    record["signature"] = base64.b64encode(other).decode()
    lines[-1] = protocols._canonical(record)
    with pytest.raises(ProtocolBroken, match="was changed"):
        protocols.read(b"\n".join(lines) + b"\n")


def test_somebody_else_s_root_can_not_take_its_place(held: Table, tmp_path: Path) -> None:
    foreign = ec.generate_private_key(ec.SECP384R1())
    forged = protocols.Protocol().append(foreign, {**held.entry(1)})
    with pytest.raises(ProtocolBroken):
        protocols.read(forged.data)
    other = Table(tmp_path / "elsewhere", held._capsys)
    other.make_root()
    with pytest.raises(ProtocolBroken, match="another root"):
        protocols.read(other.path.read_bytes(), root=held.certificate("root"))


def test_an_rsa_root_signs_its_protocol_too() -> None:
    key = kinds.make("RSA-4096")
    entry = {"action": "root", "signed": [], "by": {}, "details": {}}
    made = protocols.Protocol().append(key, entry)
    signed = json.loads(made.data)
    message = protocols._message(signed["entry"])
    signature = base64.b64decode(signed["signature"])
    assert protocols._holds(key.public_key(), signature, message)
    assert not protocols._holds(key.public_key(), signature, message + b" ")


def test_the_command_verifies_and_shows(held: Table, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["verify-protocol", str(held.path), "--certificate", str(held.out / "root.crt")]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "3. " in said
    assert "sign: nodes, lists (witnesses: Wang Min, Chen Ling)" in said
    assert f"3 entries, unchanged; head {held.protocol().head}" in said
    held.path.write_bytes(held.path.read_bytes().replace(b"Wang Min", b"Wang Mei"))
    assert cli.main(arguments) == 1
    assert "its signature does not fit" in capsys.readouterr().err


def test_everything_signed_is_in_it(held: Table) -> None:
    held.run("crl")
    kinds_signed = [(part.kind, part.name) for part in held.protocol().signed()]
    assert kinds_signed == [
        ("root", "root"), ("crl", "root"), ("issuing", "nodes"), ("issuing", "lists"), ("crl", "root"),
    ]  # fmt: skip
    recorded = {part.certificate.serial_number for part in held.protocol().signed("root", "issuing")}
    assert recorded == {held.certificate(name).serial_number for name in ("root", "nodes", "lists")}
    assert isinstance(held.protocol().root, x509.Certificate)
