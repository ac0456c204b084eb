"""The one way in: everything that changes an institution, a network, a node or an account.

Each service locks, guards, changes and records, in one transaction. Pass the row you have; what comes back is
the row as it is now.
"""

from consortium.members.services.accounts import create_account, deactivate_account
from consortium.members.services.institutions import (
    apply,
    change_contact,
    decline,
    request_information,
    set_voting_address,
    start_review,
)
from consortium.members.services.ledger import follow_ledger
from consortium.members.services.networks import add_network
from consortium.members.services.nodes import change_endpoint, register_node, retire_node

__all__ = [
    "add_network",
    "apply",
    "change_contact",
    "change_endpoint",
    "create_account",
    "deactivate_account",
    "decline",
    "follow_ledger",
    "register_node",
    "request_information",
    "retire_node",
    "set_voting_address",
    "start_review",
]
