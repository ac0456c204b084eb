"""``make analyse``: Slither over the contracts; each finding must be answered in docs/contracts-analysis.md.

The exit code is 1 when there is a finding without an answer, or an answer without its finding.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from governance.contracts import compile, node
from tests.analysis import answers, compiled

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENT = Path(sys.prefix) / ".analyse"
ANSWERS = HERE.parents[1] / "docs" / "contracts-analysis.md"


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.analysis", description=__doc__)
    parser.add_argument("--sources", type=Path, default=compile.SOURCES, help="the folder with the contracts")
    parser.add_argument("--answers", type=Path, default=ANSWERS, help="where the findings are answered")
    options = parser.parse_args(arguments)
    found = findings(options.sources)
    open_, stale = answers.compare(found, options.answers.read_text("utf-8"))
    for finding in open_:
        print(
            f"not answered: {finding['impact']} {finding['detector']} {finding['where']}\n  {finding['text']}"
        )
    for detector, where in stale:
        print(f"answered, but not found any more: {detector} {where}")
    if not open_ and not stale:
        print(f"{len(found)} findings by Slither, each answered in {options.answers.name}.")
    return 1 if open_ or stale else 0


def findings(sources: Path) -> list[answers.Finding]:
    """What Slither finds in the contracts."""
    node.ensure_installed()
    install()
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(compiled.answer(sources), file)
        file.flush()
        done = subprocess.run(
            [str(ENVIRONMENT / "bin" / "python"), str(HERE / "program.py"), file.name],
            cwd=sources.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"the analyser failed: {done.stderr[-2000:]}")
    found: list[answers.Finding] = json.loads(done.stdout)
    return found


def install() -> None:
    """The analyser into an environment of its own, unless it is there."""
    stamp = ENVIRONMENT / ".installed"
    wanted = REQUIREMENTS.read_text("utf-8")
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    print("installing the analyser into an environment of its own", file=sys.stderr, flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    pip = [
        str(ENVIRONMENT / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
    ]
    subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
    stamp.write_text(wanted, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
