"""Where relying parties find what is published: by plain HTTP, which every one of them speaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from pytest_django.fixtures import Settings

from certs import audit
from certs.ceremony.composing import files_url
from certs.issuing import pkix
from certs.models import Certificate
from certs.status import crl, files
from certs.status.addresses import crl_names
from consortium.core import clock
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.status.conftest import leaf


@pytest.mark.parametrize(
    ("public_url", "files_at"),
    [
        ("https://console.example", "http://console.example/pki"),
        ("https://console.example/", "http://console.example/pki"),
        ("HTTPS://console.example", "http://console.example/pki"),
        ("https://alliance.example/console", "http://alliance.example/console/pki"),
        ("https://[2001:db8::1]", "http://[2001:db8::1]/pki"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/pki"),
        ("https://console.example:8443", "https://console.example:8443/pki"),
        ("https://console.example:443", "https://console.example:443/pki"),
        ("http://console.example", "http://console.example/pki"),
        ("http://localhost:8000", "http://localhost:8000/pki"),
    ],
)
def test_where_the_files_are(public_url: str, files_at: str) -> None:
    assert files_url(public_url) == files_at


@pytest.mark.django_db
def test_of_a_console_at_https_certificates_and_lists_say_http(
    pki: Pki, certify: Callable[..., Certificate], heming: Node, zhou_lan: User, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://console.example"
    issued = certify(heming, zhou_lan)
    extensions = leaf(issued).extensions
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert {one.access_location.value for one in access} == {
        "http://console.example/pki/ocsp",
        "http://console.example/pki/nodes.crt",
    }
    (point,) = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    part = f"console.example/pki/nodes/{issued.crl_shard}.crl"
    assert [name.value for name in point.full_name or ()] == [f"http://{part}"]
    # The part is also that of certificates which have the address as it was written before.
    assert crl_names(pki.nodes, issued.crl_shard) == [f"http://{part}", f"https://{part}"]
    with clock.frozen(clock.now() + timedelta(hours=13)):  # past half their life they are signed again
        crl.publish(pki.nodes.pk)
    read = x509.load_der_x509_crl(files.current_crl("nodes", issued.crl_shard))
    own = read.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert own.critical
    assert [name.value for name in own.value.full_name or ()] == [f"http://{part}", f"https://{part}"]
    assert [str(found) for found in audit.audit(lint=False).findings] == []
    assert pkix.lint(bytes(issued.der)) == []


def test_addresses_by_both_ways_are_ours_to_the_linter_and_no_others(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://console"
    assert pkix._is_ours("http://console/pki/nodes/0.crl")
    assert pkix._is_ours("https://console/pki/nodes/0.crl")
    for foreign in (
        "http://console:80/pki/a",
        "http://console.evil/pki/a",
        "ftp://console/pki/a",
        "http://console/a",
    ):
        assert not pkix._is_ours(foreign)


def test_in_development_nothing_changes(settings: Settings) -> None:
    settings.PUBLIC_URL = "http://localhost:8000"
    assert pkix._is_ours("http://localhost:8000/pki/nodes.crl")
    assert not pkix._is_ours("https://localhost:8000/pki/nodes.crl")
