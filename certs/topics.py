"""The outbox topics of the certificate authority."""

from consortium.core import outbox

ISSUE = "certs.issue"  # payload: {"request": "<uuid>"}
PUBLISH_CRL = "certs.publish_crl"  # payload: {"authority": "<uuid>"}
REMIND = "certs.remind"  # payload: {"group": "<institution's uuid>" or "secretariat"}


def declare() -> None:
    outbox.declare(outbox.Topic(ISSUE, "signing", "certs.tasks.handle_issue"))
    outbox.declare(outbox.Topic(PUBLISH_CRL, "signing", "certs.tasks.handle_publish_crl"))
    outbox.declare(outbox.Topic(REMIND, "default", "certs.tasks.handle_remind"))
