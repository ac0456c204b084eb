"""Runs inside the analyser's own environment: what Slither finds, as JSON, from what the compiler answered.

`python program.py ANSWER` with governance/contracts as the working directory, so that the compiler's paths
are files. ANSWER is the output of solc's standard JSON interface. Everything in our own sources is told,
whatever its severity; what is in a library alone is its authors' business.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from crytic_compile import CryticCompile
from crytic_compile.compilation_unit import CompilationUnit
from crytic_compile.compiler.compiler import CompilerVersion
from crytic_compile.platform.solc_standard_json import SolcStandardJson, parse_standard_json_output
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

OURS = "src/"


class Compiled(SolcStandardJson):
    """What has been compiled already: by the compiler that makes the artifacts, and by no other."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__({})
        self._answer = answer

    def compile(self, crytic_compile: CryticCompile, **_: Any) -> None:
        unit = CompilationUnit(crytic_compile, "contracts")
        unit.compiler_version = CompilerVersion(
            compiler="solc", version=self._answer["version"], optimized=True, optimize_runs=200, via_ir=False
        )
        parse_standard_json_output(self._answer, unit)


def detectors() -> list[type[AbstractDetector]]:
    """All that Slither has."""
    found = [getattr(all_detectors, name) for name in dir(all_detectors)]
    return [item for item in found if inspect.isclass(item) and issubclass(item, AbstractDetector)]


def ours(finding: dict[str, Any]) -> bool:
    """Whether any of its places is in a source of ours."""
    return any(_path(element).startswith(OURS) for element in finding["elements"])


def told(finding: dict[str, Any]) -> dict[str, str]:
    """A finding in the form in which it is answered: the detector, the first place that is ours, the text."""
    element = next(item for item in finding["elements"] if _path(item).startswith(OURS))
    return {
        "detector": finding["check"],
        "impact": finding["impact"],
        "where": _name(element),
        "text": " ".join(finding["description"].split()),
    }


def _path(element: dict[str, Any]) -> str:
    return str(element["source_mapping"]["filename_relative"])


def _name(element: dict[str, Any]) -> str:
    """`Contract.function`, `Contract.variable` or `Contract`: no line, so that an answer outlives an edit."""
    while element["type"] not in {"contract", "function", "variable", "event", "struct", "enum"}:
        parent = element.get("type_specific_fields", {}).get("parent")
        if parent is None:
            return Path(_path(element)).name
        element = parent
    parent = element.get("type_specific_fields", {}).get("parent")
    if element["type"] == "variable" and parent and parent["type"] == "function":
        return _name(parent)
    return f"{parent['name']}.{element['name']}" if parent and parent.get("name") else str(element["name"])


def main() -> None:
    answer = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    slither = Slither(CryticCompile(Compiled(answer)))
    for detector in detectors():
        slither.register_detector(detector)
    found = [finding for result in slither.run_detectors() for finding in result if ours(finding)]
    json.dump([told(finding) for finding in found], sys.stdout)


if __name__ == "__main__":
    main()
