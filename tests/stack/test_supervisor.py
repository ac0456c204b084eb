"""The supervisor, on real services and processes: what it starts, it keeps alive and takes down."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from pathlib import Path

import psycopg
import pytest
import redis

from consortium.stack import child
from consortium.stack.plan import Context
from tests.stack.conftest import PYTHON, SLEEP, Starter, all_gone, command_line

# A clerk that starts an assistant in a session of its own, and both ignore TERM.
STUBBORN = [
    PYTHON,
    "-c",
    "import signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "if len(sys.argv) < 3: subprocess.Popen([*sys.orig_argv, 'assistant'], start_new_session=True)\n"
    "time.sleep(600)",
    "stubborn",
]
DIES = [PYTHON, "-c", "raise SystemExit(3)"]


@pytest.mark.parametrize("variable", ["CONSOLE_PORT", "GATEWAY_PORT", "LEDGER_PORT"])
def test_a_taken_port_gives_one_line_that_names_port_and_variable(
    start: Starter, ports: dict[str, str], variable: str
) -> None:
    with socket.create_server(("127.0.0.1", int(ports[variable]))):
        stack = start()
        assert stack.popen.wait(30) == 2
    assert f"port {ports[variable]} is taken" in stack.output
    assert variable in stack.output
    assert stack.output.count("\n") == 1


@pytest.mark.parametrize("text", ["eighty", "0", "70000", "-1"])
def test_what_is_no_port_is_refused_by_name(text: str) -> None:
    with pytest.raises(child.StackError, match="GATEWAY_PORT must be a port"):
        Context.from_environment({"GATEWAY_PORT": text})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_that_it_started(start: Starter, number: signal.Signals) -> None:
    stack = start({"clerk": SLEEP})
    stack.wait_for("ready; Ctrl-C")
    started = stack.processes()
    assert len(started) > 5  # the guard, the clerk, PostgreSQL and its helpers, Redis, the ledger
    assert stack.end(number) == 0
    assert all_gone(started)
    assert not (stack.home / "run" / "stack.json").exists()


def test_ctrl_c_while_it_is_setting_up_leaves_nothing(start: Starter) -> None:
    stack = start({"clerk": SLEEP}, {"slow step": SLEEP})
    stack.wait_for("ledger started")
    stack.wait_for_process("sleep(600)")
    started = stack.processes()
    assert stack.end() == 0
    assert all_gone(started)


def test_processes_that_ignore_term_and_leave_their_session_are_killed(start: Starter) -> None:
    stack = start({"clerk": STUBBORN}, embedded=False)
    stack.wait_for("ready; Ctrl-C")
    stack.wait_for_process("assistant")
    started = stack.processes()
    assert stack.end() == 0
    assert all_gone(started)


def test_a_killed_process_is_started_again_and_the_word_says_what_happened(start: Starter) -> None:
    stack = start({"clerk": SLEEP}, embedded=False)
    stack.wait_for("ready; Ctrl-C")
    first = stack.pid_of("sleep(600)")
    os.kill(first, signal.SIGKILL)
    stack.wait_for("clerk died (signal SIGKILL); starting it again")
    stack.wait_for_process("sleep(600)")
    assert stack.pid_of("sleep(600)") != first
    assert stack.end() == 0


@pytest.mark.parametrize(("name", "argument"), [("redis", "redis-server"), ("ledger", "bin/anvil")])
def test_a_killed_service_comes_back_at_its_old_address(start: Starter, name: str, argument: str) -> None:
    stack = start()
    stack.wait_for("ready; Ctrl-C")
    before = (stack.home / "run" / "stack.json").read_text(encoding="utf-8")
    os.kill(stack.pid_of(argument), signal.SIGKILL)
    stack.wait_for(f"{name} started", times=2)
    assert (stack.home / "run" / "stack.json").read_text(encoding="utf-8") == before
    assert stack.end() == 0


def test_a_killed_guard_is_replaced_and_still_guards(start: Starter) -> None:
    stack = start({"clerk": SLEEP}, embedded=False)
    stack.wait_for("ready; Ctrl-C")
    os.kill(stack.pid_of("consortium.stack.guard"), signal.SIGKILL)
    stack.wait_for("guard died (signal SIGKILL)")
    stack.wait_for_process("stack.guard")
    started = stack.processes()
    stack.popen.kill()
    assert all_gone(started)


def test_a_crash_loop_stops_the_stack_with_a_clear_word(start: Starter) -> None:
    stack = start({"clerk": SLEEP, "teller": DIES})
    stack.wait_for("teller died")
    started = stack.processes()
    assert stack.popen.wait(40) == 1
    assert "teller died (exit code 3), 6 times within 60 s" in stack.output
    assert all_gone(started)


def test_the_death_of_a_process_without_restart_stops_the_stack(start: Starter) -> None:
    stack = start({"vital": DIES}, embedded=False)
    assert stack.popen.wait(40) == 1
    assert "vital died (exit code 3); see" in stack.output


def test_a_failing_step_stops_the_stack_and_shows_the_end_of_its_log(start: Starter) -> None:
    broken = [PYTHON, "-c", "raise SystemExit('Huaxia Bank is listed twice')"]
    stack = start({"clerk": SLEEP}, {"load": broken}, embedded=False)
    assert stack.popen.wait(40) == 1
    assert "load failed (exit code 1)" in stack.output
    assert "Huaxia Bank is listed twice" in stack.output


def test_a_second_start_in_the_same_directory_is_refused(start: Starter) -> None:
    stack = start(embedded=False)
    stack.wait_for("ready; Ctrl-C")
    second = start(embedded=False)
    assert second.popen.wait(30) == 2
    assert f"a stack runs in {stack.home} already (process {stack.popen.pid})" in second.output
    assert stack.popen.poll() is None
    assert stack.end() == 0


def test_a_killed_supervisor_leaves_no_child_and_the_next_start_finds_its_data(start: Starter) -> None:
    stack = start({"clerk": STUBBORN})
    stack.wait_for("ready; Ctrl-C")
    stack.wait_for_process("assistant")
    _remember(stack.home)
    started = stack.processes()
    stack.popen.kill()
    again = start({"clerk": SLEEP})
    again.wait_for("ready; Ctrl-C")
    assert all_gone(started)
    assert _remembered(again.home) == ("Huaxia Bank", b"Huaxia Bank")
    assert again.end() == 0


def test_data_outlives_a_stop(start: Starter) -> None:
    stack = start()
    stack.wait_for("ready; Ctrl-C")
    _remember(stack.home)
    assert stack.end() == 0
    again = start()
    again.wait_for("ready; Ctrl-C")
    assert _remembered(again.home) == ("Huaxia Bank", b"Huaxia Bank")
    assert again.end() == 0


def test_services_that_the_environment_names_are_not_started(start: Starter) -> None:
    stack = start(embedded=False)
    stack.wait_for("ready; Ctrl-C")
    for variable in ("DATABASE_URL", "REDIS_URL", "LEDGER_URL"):
        assert f"the one that {variable} names" in stack.output
    lines = [command_line(pid) for pid in stack.processes()]
    assert not any(program in line for line in lines for program in ("postgres", "redis-server", "anvil"))
    assert stack.end() == 0


def test_files_of_the_stack_are_for_its_owner_alone(start: Starter) -> None:
    stack = start({"clerk": SLEEP})
    stack.wait_for("ready; Ctrl-C")
    files = [stack.home / "run" / "stack.json", *(stack.home / "log").iterdir()]
    assert {path.name for path in files} >= {"stack.json", "clerk.log", "postgres.log"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    secret = json.loads(files[0].read_text(encoding="utf-8"))["redis_url"].split("@")[0].rpartition(":")[2]
    assert not any(secret in command_line(pid) for pid in stack.processes())
    assert stack.end() == 0


def _urls(home: Path) -> dict[str, str]:
    content: dict[str, str] = json.loads((home / "run" / "stack.json").read_text(encoding="utf-8"))
    return content


def _remember(home: Path) -> None:
    with psycopg.connect(_urls(home)["database_url"]) as connection:
        connection.execute("CREATE TABLE member AS SELECT 'Huaxia Bank' AS name")
    with redis.Redis.from_url(_urls(home)["redis_url"]) as client:
        client.set("member", "Huaxia Bank")


def _remembered(home: Path) -> tuple[str, bytes]:
    with psycopg.connect(_urls(home)["database_url"]) as connection:
        row = connection.execute("SELECT name FROM member").fetchone()
    with redis.Redis.from_url(_urls(home)["redis_url"]) as client:
        return (row or [""])[0], client.get("member")
