"""The outbox topics of permission lists, and the events that make a new list due."""

from consortium.core import outbox

COMPILE = "permissions.compile"  # payload: {"network": slug}
PUBLISH = "permissions.publish"  # payload: {"network": slug}; sign and write the TUF repository
PUSH = "permissions.push"  # payload: {"network": slug}; tell the nodes


def declare() -> None:
    outbox.declare(outbox.Topic(COMPILE, "default", "governance.permissions.tasks.handle_compile"))
    outbox.declare(outbox.Topic(PUBLISH, "signing", "governance.permissions.tasks.handle_publish"))
    outbox.declare(outbox.Topic(PUSH, "push", "governance.permissions.tasks.handle_push"))
