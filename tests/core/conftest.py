"""The outbox's tests have a queue and topics of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consortium.core import outbox
from tests.core import work


@pytest.fixture
def topics() -> Iterator[None]:
    for topic in work.TOPICS:
        outbox.declare(topic)
    work.calls.clear()
    work.to_do.clear()
    yield
    for topic in work.TOPICS:
        outbox._topics.pop(topic.name, None)
