"""pkilint's validators, each asked only about what it can be for.

pkilint goes through a certificate and asks every validator at every node whether the node is its own: some
5,000 questions a certificate, more than a third of the time that it takes. What a validator is for is said
by the class of value and the path that it was made with, so which ones come into question at a node follows
from its value's class and its name, and is found once for each such pair. Those are still asked, by pkilint's
own ``match``, in pkilint's own order; what it then checks, and how, is pkilint's alone.
"""

from __future__ import annotations

from typing import Any


class Traversal:
    """A pkilint ``ValidatorContainer``, gone through with the same results as its own ``validate``."""

    def __init__(self, container: Any) -> None:
        self._validators = [(each, _inner(each)) for each in container.validators]
        self._in_question: dict[tuple[type, str], list[tuple[Any, Traversal | None]]] = {}

    def results(self, node: Any) -> list[Any]:
        """pkilint's ``ValidationResult`` of each check at ``node`` and below; some decode into the node."""
        found: list[Any] = []
        self._visit(node, found)
        return found

    def _visit(self, node: Any, found: list[Any]) -> None:
        kind = type(node.pdu), node.name
        in_question = self._in_question.get(kind)
        if in_question is None:
            in_question = [pair for pair in self._validators if _may_match(pair[0], *kind)]
            self._in_question[kind] = in_question
        for validator, inner in in_question:
            if not validator.match(node):
                continue
            if inner is not None:
                inner._visit(node, found)
                continue
            result = validator.validate_wrapper(node)
            found += result if isinstance(result, list) else [result]
        for child in node.children.values():
            self._visit(child, found)


def _inner(validator: Any) -> Traversal | None:
    """A container among the validators is gone through the same way, unless it goes its own."""
    from pkilint.validation import ValidatorContainer

    goes_on = type(validator).__dict__.keys() & {"validate", "_validate_rec", "validate_wrapper"}
    if isinstance(validator, ValidatorContainer) and (type(validator) is ValidatorContainer or not goes_on):
        return Traversal(validator)
    return None


def _may_match(validator: Any, kind: type, name: str) -> bool:
    """False where ``match`` says no to every node with such a value and name."""
    if validator._pdu_class is not None and not issubclass(kind, validator._pdu_class):
        return False
    return validator._path is None or validator._path.rpartition(".")[2] == name
