"""Calls to the node: limits on what is believed, and tokens that stay out of every log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from governance.agent import adapters
from governance.agent.adapters import Adapter
from governance.agent.adapters.rpc import Rpc, RpcError
from governance.agent.adapters.tables import Table
from governance.agent.adapters.tokens import token_of
from governance.agent.errors import Refused, ReloadFailed
from tests.agent.adapters.support import BESU, HEMING, QINGCHUAN, besu_list, brought
from tests.agent.nodes.running import Running

Start = Callable[..., Running]
SECRET = "7f" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "permissions_config.toml"
    path.write_bytes(besu_list([HEMING])[BESU])
    return path


def agent_of(node: Running, folder: Path, **token: str) -> Adapter:
    return adapters.make({"kind": "besu", "rpc": node.url, "mode": "rpc", **token}, (), folder)


@pytest.mark.parametrize(
    ("manners", "said"),
    [
        ("redirect", "HTTP 307"),
        ("endless", "above 16777216 bytes"),
        ("dripping", "no whole answer within"),
        ("other", "not an answer to it"),
        ("html", "not JSON"),
        ("deep", "not JSON"),
        ("broken", "HTTP 502"),
    ],
)
def test_a_node_with_bad_manners_is_worth_another_try_and_nothing_else(
    start: Start, file: Path, manners: str, said: str
) -> None:
    node = start("besu", "--nodes-file", file)
    rpc = Rpc(node.url, seconds=1 if manners == "dripping" else 20)
    node.control("behave", manners)
    with pytest.raises(ReloadFailed, match=said):
        rpc.call("perm_getNodesAllowlist")
    node.control("behave", "good")
    assert len(rpc.call("perm_getNodesAllowlist")) == 1


def test_nobody_at_the_address_is_no_answer(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    node.stop()
    with pytest.raises(ReloadFailed, match="no answer"):
        Rpc(node.url).call("web3_clientVersion")


def test_an_error_that_would_forge_a_line_of_the_log_is_one_line(start: Start, file: Path) -> None:
    node = start("besu", "--nodes-file", file)
    node.control("say", "web3_clientVersion", -32000, "no\n2026-01-01 INFO epoch 9 is in force\x1b[2J")
    with pytest.raises(RpcError) as error:
        Rpc(node.url).call("web3_clientVersion")
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)


# --- tokens -------------------------------------------------------------------------------------------
def key_pair(folder: Path) -> tuple[Path, Path]:
    key = rsa.generate_private_key(65537, 2048)
    private, public = folder / "rpc-key.pem", folder / "rpc-key.pub"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def test_a_token_by_the_agents_own_key_is_taken(start: Start, file: Path, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    node = start("besu", "--nodes-file", file, "--jwt-public-key", public)
    brought(agent_of(node, tmp_path, jwt_key_file=private.name), besu_list([HEMING, QINGCHUAN]))
    assert node.control("connect", QINGCHUAN), "the node took the list with it"


def test_a_token_by_a_shared_secret_is_taken(start: Start, file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.hex").write_text(SECRET + "\n")
    node = start("besu", "--nodes-file", file, "--jwt-secret", tmp_path / "secret.hex")
    brought(agent_of(node, tmp_path, jwt_secret_file="secret.hex"), besu_list([HEMING, QINGCHUAN]))
    assert node.control("connect", QINGCHUAN), "the node took the list with it"


def test_a_token_from_a_file_is_read_anew_for_each_call(start: Start, file: Path, tmp_path: Path) -> None:
    """So a token that somebody else renews goes on working."""
    (tmp_path / "secret.hex").write_text(SECRET)
    made = Table({"jwt_secret_file": "secret.hex"}, tmp_path)

    maker = token_of(made)
    assert maker is not None
    node = start("besu", "--nodes-file", file, "--jwt-secret", tmp_path / "secret.hex")
    adapter = agent_of(node, tmp_path, token_file="token")
    (tmp_path / "token").write_text("expired.or.wrong")
    with pytest.raises(ReloadFailed, match="HTTP 401"):
        adapter.put(besu_list([HEMING, QINGCHUAN]))
    (tmp_path / "token").write_text(maker() + "\n")
    brought(adapter, besu_list([HEMING, QINGCHUAN]))


def test_without_or_with_another_token_the_node_does_nothing(
    start: Start, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.hex").write_text(SECRET)
    (tmp_path / "other.hex").write_text("11" * 32)
    node = start("besu", "--nodes-file", file, "--jwt-secret", tmp_path / "secret.hex")
    for token in ({}, {"jwt_secret_file": "other.hex"}, {"jwt_key_file": key_pair(tmp_path)[0].name}):
        with pytest.raises(ReloadFailed, match="HTTP 401: the node does not take the agent's token"):
            agent_of(node, tmp_path, **token).put(besu_list([QINGCHUAN]))
    assert node.calls() == []


def test_no_token_or_secret_is_in_a_log_or_an_error(
    start: Start, file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret.hex").write_text(SECRET)
    (tmp_path / "token").write_text("my.secret.token")
    node = start("besu", "--nodes-file", file, "--jwt-secret", tmp_path / "secret.hex")
    with caplog.at_level(logging.DEBUG):
        for token in ({"jwt_secret_file": "secret.hex"}, {"token_file": "token"}):
            adapter = agent_of(node, tmp_path, **token)
            try:
                adapter.put(besu_list([HEMING]))
            except (Refused, ReloadFailed) as error:
                logging.getLogger("agent").warning("%s %r", error, error, exc_info=True)
    assert "HTTP 401" in caplog.text
    for secret in (SECRET, "my.secret.token", "Bearer"):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("entry", "content"),
    [
        ("jwt_secret_file", b"not hex: hunter2"),
        ("jwt_secret_file", b"7f7f"),
        ("jwt_key_file", b"hunter2"),
        ("token_file", b""),
        ("token_file", b"two words hunter2"),
        ("token_file", b"line\r\nX-Evil: hunter2"),
    ],
)
def test_a_secret_that_is_none_is_named_by_its_file_alone(tmp_path: Path, entry: str, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    rpc = Rpc.of(Table({"rpc": "http://127.0.0.1:9", entry: "secret"}, tmp_path))
    with pytest.raises(ReloadFailed, match="secret: ") as error:
        rpc.call("web3_clientVersion")
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(ReloadFailed, match="not an RSA key"):
        Rpc.of(Table({"rpc": "http://127.0.0.1:9", "jwt_key_file": "key"}, tmp_path)).call("x")


def test_a_missing_token_file_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Rpc.of(Table({"rpc": "http://127.0.0.1:9", "token_file": "gone"}, tmp_path)).call("x")
