"""pkilint's validators, each asked only about what it can be for.

pkilint goes through a certificate and asks every validator at every node whether the node is its own: some
5,000 questions a certificate, more than a third of the time that it takes. What a validator is for is said
by the class of value and the path that it was made with, so which ones come into question at a node follows
from its value's class and its name, and is found once for each such pair. Those are still asked, by pkilint's
own ``match``, in pkilint's own order; what it then checks, and how, is pkilint's alone.
"""

from __future__ import annotations

from copy import copy
from typing import Any


class Traversal:
    """A pkilint ``ValidatorContainer``, gone through with the same results as its own ``validate``."""

    def __init__(self, container: Any) -> None:
        self._validators = [(_ours(each), _says_where(each)) for each in container.validators]
        self._in_question: dict[tuple[type, str], list[Any]] = {}

    def results(self, node: Any) -> list[Any]:
        """pkilint's ``ValidationResult`` of each check at ``node`` and below; some decode into the node."""
        found: list[Any] = []
        self._visit(node, found)
        return found

    def _visit(self, node: Any, found: list[Any]) -> None:
        kind = type(node.pdu), node.name
        in_question = self._in_question.get(kind)
        if in_question is None:
            in_question = [
                validator
                for validator, says_where in self._validators
                if not says_where or _may_match(validator, *kind)
            ]
            self._in_question[kind] = in_question
        for validator in in_question:
            if not validator.match(node):
                continue
            result = validator.validate_wrapper(node)
            found += result if isinstance(result, list) else [result]
        for child in node.children.values():
            self._visit(child, found)


def _ours(validator: Any) -> Any:
    """A container among the validators is gone through the same way, unless it goes its own.

    It stays pkilint's in all but that, so what breaks within it is the finding that pkilint makes of it.
    """
    from pkilint.validation import ValidatorContainer

    if not isinstance(validator, ValidatorContainer) or any(
        _method(validator, name) is not getattr(ValidatorContainer, name)
        for name in ("validate", "_validate_rec", "validate_wrapper")
    ):
        return validator
    ours = copy(validator)
    ours.validate = Traversal(validator).results
    return ours


def _method(validator: Any, name: str) -> Any:
    """The function that answers to ``name``, whichever of its classes, or itself, it has that from."""
    return getattr(getattr(validator, name), "__func__", None)


def _says_where(validator: Any) -> bool:
    """Does ``match`` begin with the class and path that it was made with?

    pkilint's own does, and those that override it there ask it first. Anybody else's may not.
    """
    makers = [each.__module__ for each in type(validator).__mro__ if "match" in vars(each)]
    return "match" not in vars(validator) and all(maker.startswith("pkilint.") for maker in makers)


def _may_match(validator: Any, kind: type, name: str) -> bool:
    """False where ``match`` says no to every node with such a value and name."""
    if validator._pdu_class is not None and not issubclass(kind, validator._pdu_class):
        return False
    return validator._path is None or validator._path.rpartition(".")[2] == name
