"""The contracts as an analyser reads them, with syntax trees, by the compiler that makes the artifacts."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from governance.contracts import compile, node

CODE = [f"evm.{code}.{part}" for code in ("bytecode", "deployedBytecode") for part in ("object", "sourceMap")]
OUTPUT = {"*": {"": ["ast"], "*": ["abi", "userdoc", "devdoc", *CODE]}}


def answer(sources: Path) -> dict[str, Any]:
    """What solc answers on its standard JSON interface about `sources`/*.sol, and its `version`.

    Paths in it are relative to governance/contracts. Raises CompileError.
    """
    request = {
        "language": "Solidity",
        "sources": {
            f"src/{path.name}": {"content": path.read_text("utf-8")} for path in sources.glob("*.sol")
        },
        "settings": {**compile.SETTINGS, "outputSelection": OUTPUT},
    }
    command = [*node.node_command(), str(node.NODE_MODULES / "solc" / "solc.js"), "--standard-json"]
    command += ["--base-path", str(node.HOME), "--include-path", str(node.NODE_MODULES)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as question, tempfile.TemporaryFile("w+") as output:
        json.dump(request, question)
        question.seek(0)
        subprocess.run(command, stdin=question, stdout=output, check=True)
        output.seek(0)
        text = output.read()
    found: dict[str, Any] = json.loads(text[text.index("{") :])  # solcjs talks before it answers
    wrong = [item["formattedMessage"] for item in found.get("errors", []) if item["severity"] == "error"]
    if wrong:
        raise compile.CompileError("\n".join(wrong))
    return {**found, "version": json.loads((node.NODE_MODULES / "solc/package.json").read_text())["version"]}
