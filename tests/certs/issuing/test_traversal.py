"""Going through a certificate our way finds exactly what pkilint's own way finds, whatever is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pkilint import loader
from pkilint.document import NodeVisitor
from pkilint.validation import (
    TypeMatchingValidator,
    ValidationFinding,
    ValidationFindingEncountered,
    ValidationFindingSeverity,
    Validator,
    ValidatorContainer,
)
from pyasn1.type import univ

from certs.issuing import linting, pkix
from certs.issuing.traversal import Traversal
from tests.certs.issuing import paper

CONTAINER = pkix._container()
TRAVERSAL = Traversal(CONTAINER)
PROFILES = [
    ("evm-node", "P-256"),
    ("fisco-bcos-3", "RSA 2048"),
    ("fisco-bcos-2", "secp256k1"),
    ("client", "P-384"),
    ("officer", "P-256"),
]
INTENTS = [linting.compose(paper.plan(profile, kind), paper.family()) for profile, kind in PROFILES]


def said(results: list[Any]) -> list[tuple[str, str, list[str]]]:
    return [
        (type(each.validator).__name__, each.node.path, [str(one) for one in each.finding_descriptions])
        for each in results
    ]


def both(certificate: bytes) -> tuple[list[Any], list[Any]]:
    """What pkilint's way finds and what ours; each in a document of its own: validators decode into it."""
    theirs = CONTAINER.validate(loader.load_der_certificate(certificate).root)
    ours = TRAVERSAL.results(loader.load_der_certificate(certificate).root)
    return said(theirs), said(ours)


@pytest.mark.parametrize("intent", INTENTS, ids=[profile for profile, _kind in PROFILES])
def test_of_a_certificate_of_ours(intent: bytes) -> None:
    theirs, ours = both(intent)
    assert len(theirs) > 40  # checks were made
    assert ours == theirs


@settings(max_examples=150)
@given(st.sampled_from(INTENTS), st.data())
def test_of_one_with_octets_changed(intent: bytes, data: st.DataObject) -> None:
    changed = bytearray(intent)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(4, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        loader.load_der_certificate(bytes(changed))
    except ValueError:
        return  # neither way is begun
    theirs, ours = both(bytes(changed))
    assert ours == theirs


class Short:
    """Beside a container's class: of what was found, the first."""

    def validate(self, node: Any) -> list[Any]:
        return super().validate(node)[:1]  # type: ignore[misc]


class Stubborn(Short, ValidatorContainer):
    pass


class OfAStubborn(Stubborn):
    """Says nothing itself."""


class OneLevel(ValidatorContainer):
    def _validate_rec(self, node: Any, results: list[Any]) -> None:
        for child in node.children.values():
            super()._validate_rec(child, results)


class OfOneLevel(OneLevel):
    pass


class Wrapped(ValidatorContainer):
    def validate_wrapper(self, node: Any) -> list[Any]:
        return super().validate_wrapper(node)[:2]


class OfWrapped(Wrapped):
    pass


def within(container: ValidatorContainer) -> tuple[list[Any], list[Any]]:
    """What pkilint's way finds and what ours, with ``container`` among the validators."""
    outer = ValidatorContainer(validators=[container, *CONTAINER.validators[:1]])
    theirs = outer.validate(loader.load_der_certificate(INTENTS[0]).root)
    ours = Traversal(outer).results(loader.load_der_certificate(INTENTS[0]).root)
    return said(theirs), said(ours)


@pytest.mark.parametrize(
    "kind", [Stubborn, OfAStubborn, OneLevel, OfOneLevel, Wrapped, OfWrapped, ValidatorContainer]
)
def test_a_container_with_a_way_of_its_own_keeps_it(kind: type[ValidatorContainer]) -> None:
    """Wherever it has that from, and however deep it is."""
    own = kind(validators=CONTAINER.validators, path="certificate")
    plain = ValidatorContainer(validators=CONTAINER.validators, path="certificate")
    theirs, ours = within(own)
    assert theirs == ours
    assert (theirs == within(plain)[0]) is (kind is ValidatorContainer)  # else there would be nothing to keep
    deep = ValidatorContainer(validators=[own], path="certificate")
    theirs, ours = within(deep)
    assert theirs == ours


class Broken(Validator):
    """Breaks where it is asked whether a node is its own, as some of pkilint's do of a malformed one."""

    def __init__(self, error: Exception, **kwargs: Any) -> None:
        super().__init__(validations=[], **kwargs)
        self.error = error

    def match(self, node: Any) -> bool:
        if super().match(node):
            raise self.error
        return False


FINDING = ValidationFinding(ValidationFindingSeverity.ERROR, "tests.of_a_kind")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("extnID"), "base.unhandled_exception (FATAL): 'extnID'"),
        (ValueError("no such value"), "base.unhandled_exception (FATAL): no such value"),
        (ValidationFindingEncountered(FINDING, "so it is"), "tests.of_a_kind (ERROR): so it is"),
    ],
)
def test_what_breaks_within_a_container_is_its_finding(error: Exception, code: str) -> None:
    broken = Broken(error, path="certificate.tbsCertificate.validity")
    inner = ValidatorContainer(validators=[*CONTAINER.validators, broken], path="certificate")
    for container in (inner, ValidatorContainer(validators=[inner, *CONTAINER.validators])):
        theirs, ours = within(container)
        assert theirs == ours
        assert ("ValidatorContainer", "certificate", [code]) in ours
    with pytest.raises(type(error)):  # outermost there is nobody to make a finding of it, here as there
        Traversal(inner).results(loader.load_der_certificate(INTENTS[0]).root)
    with pytest.raises(type(error)):
        inner.validate(loader.load_der_certificate(INTENTS[0]).root)


def test_who_matches_its_own_way_is_asked_everywhere() -> None:
    """However it was made, and wherever in its line ``match`` is its own."""

    class Anywhere(Validator):
        def match(self, node: Any) -> bool:
            return bool(node.name in {"validity", "subject"})

        def validate(self, node: Any) -> Any:
            raise ValidationFindingEncountered(FINDING, node.path)

    class Beside(NodeVisitor):
        def match(self, node: Any) -> bool:
            return bool(node.name in {"validity", "subject"})

    class Mixed(TypeMatchingValidator, Beside):
        """pkilint's own asks the next in line first, and that is not pkilint's."""

        def validate(self, node: Any) -> Any:
            raise ValidationFindingEncountered(FINDING, node.path)

    class Of(Anywhere):
        pass

    aim: dict[str, Any] = {"path": "certificate.signature", "pdu_class": univ.BitString}
    types = {
        "type_path": ":certificate.tbsCertificate.version",
        "type_oid": univ.Integer(2),
        "value_path": "x",
    }
    loose = Validator(**aim)
    loose.match = lambda node: node.name == "validity"
    for validator, times in ((Anywhere(**aim), 2), (Of(**aim), 2), (Mixed(**types, **aim), 2), (loose, 1)):
        outer = ValidatorContainer(validators=[validator])
        theirs = outer.validate(loader.load_der_certificate(INTENTS[0]).root)
        ours = Traversal(outer).results(loader.load_der_certificate(INTENTS[0]).root)
        assert len(theirs) == times
        assert said(ours) == said(theirs)


def test_of_pkilints_own_only_few_come_into_question() -> None:
    """Or going through our way would save nothing."""
    assert all(says_where for _validator, says_where in TRAVERSAL._validators)
    traversal = Traversal(CONTAINER)
    traversal.results(loader.load_der_certificate(INTENTS[0]).root)
    asked = sorted(map(len, traversal._in_question.values()))
    assert asked[len(asked) // 2] * 3 < len(traversal._validators)
