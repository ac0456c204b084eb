"""The one way in for people, interfaces, tasks and commands; issuing is in certs.issuing."""

from certs.services.requests import (
    approve_request,
    check_content,
    check_node,
    checked_again,
    locked_request,
    may_be_rejected,
    move,
    reject_request,
    submit_request,
)
from certs.services.revocation import revoke

__all__ = [
    "approve_request",
    "check_content",
    "check_node",
    "checked_again",
    "locked_request",
    "may_be_rejected",
    "move",
    "reject_request",
    "revoke",
    "submit_request",
]
