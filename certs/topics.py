"""The outbox topics of the certificate authority."""

import uuid

from consortium.core import outbox

ISSUE = "certs.issue"  # payload: {}; issue for whatever is approved and nobody else is at
AUDIT = "certs.audit"  # payload: {"after": "<uuid>" or "", "checked": n, "found": n}; one slice
PUBLISH_CRL = "certs.publish_crl"  # payload: {"authority": "<uuid>"}
REMIND = "certs.remind"  # payload: {"group": "<institution's uuid>" or "secretariat"}
PREPARE_ANSWERS = "certs.prepare_answers"  # payload: {}; answers for what was issued lately

# As many open messages as there may be workers at once: each takes what the others leave.
_ISSUE_KEYS = 8


def owe_issue(request_id: uuid.UUID) -> None:
    """Owe the signature of an approved request, in the transaction of its approval."""
    outbox.enqueue(ISSUE, key=str(request_id.int % _ISSUE_KEYS))


def declare() -> None:
    outbox.declare(outbox.Topic(ISSUE, "signing", "certs.tasks.handle_issue"))
    outbox.declare(outbox.Topic(AUDIT, "default", "certs.tasks.handle_audit"))
    outbox.declare(outbox.Topic(PUBLISH_CRL, "signing", "certs.tasks.handle_publish_crl"))
    outbox.declare(outbox.Topic(REMIND, "default", "certs.tasks.handle_remind"))
    outbox.declare(outbox.Topic(PREPARE_ANSWERS, "signing", "certs.tasks.handle_prepare_answers"))
