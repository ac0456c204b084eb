"""What the rest of the certificate authority does and this part has to know of."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from certs import topics
from consortium.core import events, outbox
from consortium.core.models import Event


def subscribe() -> None:
    """Called from the app's ``ready``."""
    for action in ("certificate.issued", "console_certificate.issued"):
        events.on_together(action, _owe_answers)


def _owe_answers(issued: Sequence[Event]) -> None:
    """In the transaction of the release: one message, however many were issued."""
    if settings.OCSP_PASSPHRASE_FILE:
        outbox.enqueue(topics.PREPARE_ANSWERS, key="lately")
