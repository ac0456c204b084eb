"""Nodes as processes, stopped when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.agent.nodes.running import Running


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start a node's program with these arguments."""
    running: list[Running] = []

    def begin(program: str, *arguments: object) -> Running:
        node = Running(program, *map(str, arguments))
        running.append(node)
        return node

    yield begin
    for node in running:
        node.stop()
