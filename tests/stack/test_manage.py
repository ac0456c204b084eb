"""manage.py against a stack: which one, in which language."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consortium.stack.endpoints import PROJECT


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_a_running_stack_it_says_so_in_a_line(tmp_path: Path) -> None:
    services = {"DATABASE_URL": "", "REDIS_URL": "", "LEDGER_URL": ""}
    done = run("-m", "consortium.stack", "manage", "check_status", DATA_DIR=str(tmp_path), **services)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "make run" in done.stderr


def test_it_runs_a_command_with_the_stacks_settings(tmp_path: Path) -> None:
    done = run("-m", "consortium.stack", "manage", "diffsettings", "--all", DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


@pytest.mark.parametrize(
    ("spoken", "word"), [("zh_CN.UTF-8", "不是可读的"), ("en_GB.UTF-8", "not a readable")]
)
def test_it_speaks_the_terminals_language(spoken: str, word: str) -> None:
    say = (
        "import runpy, sys; sys.argv = ['manage.py', 'check'];"
        "runpy.run_path('manage.py', run_name='__main__');"
        "from certs.errors import MalformedRequest; print(MalformedRequest())"
    )
    done = run("-c", say, LC_ALL=spoken)
    assert done.returncode == 0, done.stderr
    assert word in done.stdout
