"""From what the alliance wants to the committee's proposals, in the order that the chain needs. Pure.

One wish can be several steps: since 3.1 a node observes before it seals, and an account's right to deploy
needs a list to be in.
"""

from __future__ import annotations

from governance.chain.ledgers.base import Action
from governance.contracts import fisco

NONE, OBSERVER, SEALER = 0, 1, 2  # a node's role
NO_RIGHT, MAY_TRANSACT, MAY_DEPLOY = 0, 1, 2  # an account's permission, as the alliance's registry has it


def for_node(node: str, *, current: int | None, wanted: int, weight: int = 1) -> list[Action]:
    """The steps that take a node from one role to another; none where it has it.

    Where the ``current`` one is not known (None), those that lead there from any other.
    """
    if current == wanted:
        return []
    if wanted == NONE:
        return [_action(52, node=node)]
    observe = _action(51, node=node, weight=0, add=True)
    if wanted == OBSERVER:
        return [observe]
    seal = _action(51, node=node, weight=weight, add=True)
    return [seal] if current == OBSERVER else [observe, seal]


def for_weight(node: str, weight: int) -> list[Action]:
    """Another weight for a node that seals."""
    return [_action(51, node=node, weight=weight, add=False)]


def for_account(account: str, *, permission: int, deploy_type: int) -> list[Action]:
    """The steps that give an account a permission of the alliance's.

    The chain's committee decides about deploying alone. Without a list everybody may deploy, so a list comes
    first: the white one. That an account may transact at all is no proposal: any governor freezes it.
    """
    begin = [] if deploy_type else [_action(21, deploy_type=fisco.WHITE_LIST)]
    return [*begin, _action(22, account=account, open=permission == MAY_DEPLOY)]


def _action(type_: int, **arguments: object) -> Action:
    return Action(str(type_), arguments)
