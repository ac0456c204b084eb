"""``among`` finds what ``in`` finds, and sends one parameter."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from certs.models import CertificateRequest
from consortium.members.models import Institution
from tests.factories import InstitutionFactory, NodeFactory

pytestmark = pytest.mark.django_db


def test_it_finds_the_rows_with_one_of_the_values() -> None:
    heming, hailong, _third = InstitutionFactory(), InstitutionFactory(), InstitutionFactory()
    wanted = [heming.pk, hailong.pk, uuid.uuid4()]
    assert set(Institution.objects.filter(pk__among=wanted)) == {heming, hailong}
    assert not Institution.objects.filter(pk__among=[]).exists()
    assert set(Institution.objects.filter(uscc__among=[heming.uscc])) == {heming}


def test_a_foreign_key_is_asked_by_its_column() -> None:
    node = NodeFactory()
    others = Institution.objects.filter(nodes__institution_id__among=[node.institution_id])
    assert list(others) == [node.institution]
    assert not CertificateRequest.objects.filter(node_id__among=[node.pk]).exists()


def test_two_hundred_values_are_one_parameter() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        list(Institution.objects.filter(pk__among=[uuid.uuid4() for _ in range(200)]))
    assert "= ANY('{" in queries[0]["sql"]


def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(ValidationError):
        Institution.objects.filter(pk__among=["no uuid"])
