"""Compile the contracts: `python -m governance.contracts.compile [--check]`.

Without an option the committed artifacts are rewritten. With `--check` nothing is written; the exit code is
1, and the contracts are named, if the artifacts are not what the sources compile to.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from typing import Any

from governance import contracts
from governance.contracts import ARTIFACTS, SIZE_LIMIT, node

SOURCES = node.HOME / "src"

SETTINGS: dict[str, Any] = {
    "evmVersion": "paris",  # later ones need opcodes that FISCO BCOS hides behind feature flags
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none"},  # else a changed comment would change the bytecode
}

# Of these alone: code for everything that they import would be made and thrown away.
OUTPUT = {
    file: {name: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}
    for name, file in contracts.SOURCES.items()
}


class CompileError(Exception):
    """The sources do not compile without a warning, or to something too large to deploy."""


def build() -> dict[str, str]:
    """Compile everything; each contract's artifact as the text of its file, by name.

    Raises CompileError, or NodeError when the compiler can't be had.
    """
    node.ensure_installed()
    output = _compile()
    return {
        name: _text(_artifact(name, output["contracts"][file][name]))
        for name, file in contracts.SOURCES.items()
    }


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m governance.contracts.compile", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is committed; write nothing")
    options = parser.parse_args(arguments)
    try:
        built = build()
    except (CompileError, node.NodeError) as error:
        print(error, file=sys.stderr)
        return 1
    return _check(built) if options.check else _write(built)


def _compile() -> dict[str, Any]:
    request = {
        "language": "Solidity",
        "sources": {
            path.name: {"content": path.read_text("utf-8")} for path in sorted(SOURCES.glob("*.sol"))
        },
        "settings": {**SETTINGS, "outputSelection": OUTPUT},
    }
    command = [*node.node_command(), str(node.NODE_MODULES / "solc" / "solc.js"), "--standard-json"]
    command += ["--base-path", str(SOURCES), "--include-path", str(node.NODE_MODULES)]
    # By way of files: solcjs waits for no pipe, neither to be written (EAGAIN) nor to take more than 64 KiB.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as question,
        tempfile.TemporaryFile("w+", encoding="utf-8") as answer,
    ):
        json.dump(request, question)
        question.seek(0)
        done = subprocess.run(
            command, stdin=question, stdout=answer, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode != 0:
            raise CompileError(f"solc failed with code {done.returncode}:\n{done.stderr.strip()}")
        answer.seek(0)
        text = answer.read()
    return _checked(json.loads(text[text.index("{") :]))  # solcjs talks before it answers


def _checked(output: dict[str, Any]) -> dict[str, Any]:
    complaints = [item["formattedMessage"] for item in output.get("errors", []) if _counts(item)]
    if complaints:
        raise CompileError("\n".join(complaints))
    return output


def _counts(item: dict[str, Any]) -> bool:
    # A warning about a library's source is its authors' business; one about ours is not to be got used to.
    in_library = str(item.get("sourceLocation", {}).get("file", "")).startswith("@")
    return item["severity"] == "error" or not in_library


def _artifact(name: str, contract: dict[str, Any]) -> dict[str, Any]:
    size = len(contract["evm"]["deployedBytecode"]["object"]) // 2
    if size > SIZE_LIMIT:
        raise CompileError(f"{name} is {size} bytes long; a ledger accepts at most {SIZE_LIMIT}.")
    return {
        "contractName": name,
        "compiler": {"version": _compiler_version(), "settings": SETTINGS},
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecodeSize": size,
    }


def _compiler_version() -> str:
    return str(json.loads((node.NODE_MODULES / "solc" / "package.json").read_text("utf-8"))["version"])


def _text(artifact: dict[str, Any]) -> str:
    return json.dumps(artifact, indent=2, ensure_ascii=True) + "\n"


def _write(built: dict[str, str]) -> int:
    ARTIFACTS.mkdir(exist_ok=True)
    for name, text in built.items():
        (ARTIFACTS / f"{name}.json").write_text(text, "utf-8")
        print(f"{name}: {json.loads(text)['deployedBytecodeSize']} of {SIZE_LIMIT} bytes")
    return 0


def _check(built: dict[str, str]) -> int:
    different = [name for name, text in built.items() if _committed(name) != text]
    for name in different:
        print(
            f"{name}: the artifact is not what the source compiles to; run `make contracts`.", file=sys.stderr
        )
    if not different:
        print(f"{', '.join(built)}: as committed, by solc {_compiler_version()}.")
    return 1 if different else 0


def _committed(name: str) -> str | None:
    path = ARTIFACTS / f"{name}.json"
    return path.read_text("utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
