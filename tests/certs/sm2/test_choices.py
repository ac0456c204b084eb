"""Where pages and API offer 国密: only where it can be had, and where not they say why."""

from __future__ import annotations

import subprocess

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation

from certs import rules, selectors, services
from certs.errors import ProfileOff
from certs.models import Certificate, CertificateRequest, Profile
from consortium.members.models import Node, User
from consortium.web import profiles
from consortium.web.portal import openssl as shown
from tests.certs.sm2.conftest import SMPki, SMWorkstation
from tests.certs.sm2.test_end_to_end import ENCRYPT, SIGN, certify_sm, pair
from tests.web.api.conftest import Api

__all__ = ["certify_sm", "pair"]

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = override_settings(SM2_PROPERTIES="provider=nobody")
BOTH = [Profile.FISCO_BCOS_3_SM, Profile.FISCO_BCOS_3_SM_ENC]


@pytest.fixture
def portal(zhou_lan: User) -> Client:
    """Zhou Lan's browser."""
    cache.clear()
    client = Client(raise_request_exception=False, headers={"accept-language": "en"})
    client.force_login(zhou_lan)
    return client


@pytest.mark.parametrize("name", [SIGN, ENCRYPT])
def test_a_profile_says_that_it_is_on_or_why_it_is_off(name: str) -> None:
    spec = rules.profile(name)
    assert (spec.enabled, spec.why_off) == (True, "")
    with NOBODY, translation.override("en"):
        assert not spec.enabled
        assert spec.why_off.startswith("this OpenSSL has no SM2")


def test_pages_offer_both_only_where_they_can_be_had() -> None:
    assert set(BOTH) <= set(profiles.offered(profiles.NODE))
    with NOBODY:
        assert not set(BOTH) & set(profiles.offered(profiles.NODE))
        assert [profile for profile, _why in profiles.off(profiles.NODE)] == BOTH
        assert Profile.FISCO_BCOS_3 in profiles.offered(profiles.NODE)


def test_the_portals_form_offers_them_or_says_why_not(portal: Client, heming: Node) -> None:
    address = reverse("portal:submit_request", args=[heming.pk])
    here = portal.get(address).content.decode()
    assert f'<option value="{SIGN}"' in here
    assert f'<option value="{ENCRYPT}"' in here
    assert "has no SM2" not in here
    with NOBODY:
        elsewhere = portal.get(address).content.decode()
    assert f'value="{SIGN}"' not in elsewhere
    assert f'value="{ENCRYPT}"' not in elsewhere
    assert elsewhere.count("this OpenSSL has no SM2") == 2


def test_the_portal_takes_no_request_for_one_that_is_off(
    portal: Client, heming: Node, bank: SMWorkstation
) -> None:
    address, csr = reverse("portal:submit_request", args=[heming.pk]), bank.sm2_request().decode()
    with NOBODY:
        answer = portal.post(address, {"profile": SIGN, "csr_text": csr})
    assert answer.status_code == 400
    assert "profile" in answer.context["form"].errors
    assert not CertificateRequest.objects.exists()


def test_the_api_refuses_what_is_off_with_its_reason(
    heming: Node, zhou_lan: User, bank: SMWorkstation
) -> None:
    api = Api(zhou_lan)
    body = {"node": str(heming.pk), "profile": SIGN, "csr": bank.sm2_request().decode()}
    with NOBODY:
        refused = api.post("requests/", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "sm2_not_available")
    assert "this OpenSSL has no SM2" in refused.content.decode()
    taken = api.post("requests/", body)
    assert (taken.status_code, taken.json()["profile"]) == (201, SIGN)


def test_the_service_refuses_a_profile_that_is_off_whatever_the_key(
    heming: Node, zhou_lan: User, bank: SMWorkstation
) -> None:
    csr = bank.request("p256")
    with NOBODY, pytest.raises(ProfileOff):
        services.submit_request(node=heming, profile=SIGN, csr=csr, actor=zhou_lan)


@pytest.mark.parametrize("profile", BOTH)
def test_the_lines_that_the_portal_shows_make_a_request_that_is_taken(
    profile: Profile, sm_pki: SMPki, heming: Node, zhou_lan: User, bank: SMWorkstation
) -> None:
    run(shown.lines(profile, heming), bank)
    csr = (bank.home / f"{shown.stem(profile, heming)}.csr").read_bytes()
    taken = services.submit_request(node=heming, profile=profile, csr=csr, actor=zhou_lan)
    assert taken.key_description == "SM2"


def test_the_lines_that_the_portal_shows_verify_what_was_issued(
    pair: tuple[Certificate, Certificate], portal: Client, bank: SMWorkstation
) -> None:
    for certificate in pair:
        page = portal.get(reverse("portal:certificate", args=[certificate.pk])).content.decode()
        assert certificate.public_key_hex in page
        assert "openssl ocsp" not in page
        bank.file("root.crt", bytes(certificate.authority.parent.der))  # type: ignore[union-attr]
        bank.file(shown.file_name(certificate), selectors.pem(certificate.der).encode())
        bank.file(shown.file_name(certificate, "-chain"), selectors.chain_pem(certificate).encode())
        said = run(shown.check(certificate), bank)
        assert f"issuer.pem: OK\n{shown.file_name(certificate)}: OK" in said


def run(lines: str, bank: SMWorkstation) -> str:
    """The lines in the bank's shell."""
    done = subprocess.run(["sh", "-ec", lines], cwd=bank.home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_page_about_them_can_be_opened(
    pair: tuple[Certificate, Certificate], portal: Client, wang_min: User
) -> None:
    """cryptography reads such a certificate, and raises where it is asked for its key."""
    desk = Client(raise_request_exception=False, headers={"accept-language": "en"})
    desk.force_login(wang_min)
    certificate = pair[0]
    for client, name, key in (
        (portal, "portal:certificate", certificate.pk),
        (portal, "portal:certificate_leaf", certificate.pk),
        (portal, "portal:certificate_chain", certificate.pk),
        (portal, "portal:request", certificate.request_id),
        (portal, "portal:node", certificate.node_id),
        (portal, "portal:authorities", None),
        (portal, "portal:renew", certificate.pk),
        (desk, "admin:certs_certificate_change", certificate.pk),
        (desk, "admin:certs_certificaterequest_change", certificate.request_id),
        (desk, "admin:certs_authority_change", certificate.authority_id),
        (desk, "admin:certs_authority_change", certificate.authority.parent_id),
        (desk, "admin:certs_revocationlist_change", certificate.authority.crls.first().pk),
        (desk, "admin:certs_certificate_changelist", None),
        (desk, "admin:certs_authority_changelist", None),
        (desk, "admin:index", None),
        (portal, "revocation_list", certificate.authority.name),
        (portal, "authority_certificate", certificate.authority.name),
    ):
        address = reverse(name, args=[key] if key else [])
        assert client.get(address, follow=True).status_code == 200, address
    for path in ("certificates/", f"certificates/{certificate.pk}/", f"certificates/{certificate.pk}/chain/"):
        assert Api(wang_min).get(path).status_code == 200
