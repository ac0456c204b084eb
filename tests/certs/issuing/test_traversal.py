"""Going through a certificate our way finds exactly what pkilint's own way finds, whatever is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pkilint import loader
from pkilint.validation import ValidatorContainer

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


def test_a_container_with_a_way_of_its_own_keeps_it() -> None:
    class Stubborn(ValidatorContainer):
        def validate(self, node: Any) -> list[Any]:
            return super().validate(node)[:1]

    wrapped = ValidatorContainer(validators=[Stubborn(validators=CONTAINER.validators, path="certificate")])
    theirs = wrapped.validate(loader.load_der_certificate(INTENTS[0]).root)
    ours = Traversal(wrapped).results(loader.load_der_certificate(INTENTS[0]).root)
    assert len(theirs) == 1
    assert said(ours) == said(theirs)
