"""What the root of 国密 signed is written down so that openssl can check it and no byte of it can change."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from certs import keys
from certs.errors import ProtocolNotAccepted
from certs.models import Authority, RevocationList
from certs.sm2 import authorities, protocol
from tests.certs.conftest import PASSPHRASE
from tests.certs.openssl import openssl
from tests.certs.sm2.conftest import ID, ROOT_PASSPHRASE, SMPki

pytestmark = pytest.mark.django_db(transaction=True)


def create(*witnesses: str) -> tuple[Authority, Authority]:
    return authorities.create(
        "Alliance", passphrase=PASSPHRASE, root_passphrase=ROOT_PASSPHRASE, witnesses=witnesses
    )


def test_all_that_it_signed_is_in_it(sm_places: Path) -> None:
    root, nodes = create("Wang Min", "Chen Ling")
    written = authorities.protocol_of(authorities.public_key_of(root))
    assert [part.der for part in written.signed("root")] == [bytes(root.der)]
    assert [part.der for part in written.signed("nodes")] == [bytes(nodes.der)]
    lists = [bytes(row.der) for row in RevocationList.objects.filter(authority=root)]
    assert [part.der for part in written.signed("crl")] == lists
    assert {tuple(entry["witnesses"]) for entry in written.entries} == {("Wang Min", "Chen Ling")}


def test_what_was_signed_once_is_taken_from_it_after_a_crash(sm_places: Path) -> None:
    """Killed between signing and recording: the same certificates come out, none is signed twice."""
    before = [bytes(row.der) for row in create()]
    call_command("flush", interactive=False, verbosity=0)
    after = create()
    assert [bytes(row.der) for row in after] == before
    written = authorities.protocol_of(authorities.public_key_of(after[0]))
    assert len(list(written.signed("root"))) == len(list(written.signed("nodes"))) == 1


def test_another_run_adds_nothing(sm_pki: SMPki) -> None:
    before = authorities.protocol_path().read_bytes()
    create()
    assert authorities.protocol_path().read_bytes() == before


def test_openssl_verifies_an_entry(sm_pki: SMPki, tmp_path: Path) -> None:
    line = json.loads(authorities.protocol_path().read_bytes().splitlines()[0])
    entry = json.dumps(line["entry"], sort_keys=True, separators=(",", ":")).encode()
    (tmp_path / "entry").write_bytes(protocol.FORMAT.encode() + b"\n" + entry)
    (tmp_path / "signature").write_bytes(base64.b64decode(line["signature"]))
    key = openssl("x509", "-in", sm_pki.root_file, "-noout", "-pubkey").stdout
    (tmp_path / "key.pem").write_bytes(key)
    said = openssl(
        *("dgst", "-sm3", "-sigopt", ID, "-verify", str(tmp_path / "key.pem")),
        *("-signature", str(tmp_path / "signature"), str(tmp_path / "entry")),
    )
    assert said.stdout == b"Verified OK\n"


def test_no_run_goes_on_with_a_protocol_that_was_changed(sm_pki: SMPki) -> None:
    path = authorities.protocol_path()
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":3', 1))
    with pytest.raises(ProtocolNotAccepted, match="entry 2"):
        create()


def test_it_holds_no_private_key(sm_pki: SMPki) -> None:
    scalar = keys.open_bytes("sm-root", ROOT_PASSPHRASE)[36:68]
    text = authorities.protocol_path().read_bytes()
    assert scalar not in text
    assert base64.b64encode(scalar)[:40] not in text
