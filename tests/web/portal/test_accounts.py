"""Signing in, the second factor, the token, the language; and what each leaves in the record."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.test import Client

from consortium.core.models import Event
from consortium.members.models import User
from consortium.web.accounts import renew_token
from consortium.web.models import ApiToken
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def zhou_lan() -> User:
    return UserFactory(username="zhou.lan")


def sign_in(client: Client, username: str = "zhou.lan", password: str = PASSWORD) -> object:
    return client.post("/accounts/login/", {"login": username, "password": password})


def test_each_role_lands_where_it_works(client: Client, zhou_lan: User) -> None:
    UserFactory(secretariat=True, username="wang.min")
    UserFactory(regulator=True, username="wu.rui")
    landed = {name: sign_in(Client(), name)["Location"] for name in ("zhou.lan", "wang.min", "wu.rui")}
    assert landed == {"zhou.lan": "/", "wang.min": "/admin/", "wu.rui": "/"}


def test_a_wrong_password_says_so_and_no_more(client: Client, zhou_lan: User) -> None:
    known = sign_in(client, password="wrong").content.decode()
    unknown = sign_in(client, username="nobody", password="wrong").content.decode()
    sentence = "The username and/or password you specified are not correct."
    assert sentence in known
    assert sentence in unknown


def guess(client: Client, number: int, **meta: str) -> int:
    """A wrong sign-in under a name of its own: no name's limit is met, only the address's."""
    wrong = {"login": f"guess-{number}", "password": "wrong"}
    return client.post("/accounts/login/", wrong, **meta).status_code


def gets_in(**meta: str) -> bool:
    client = Client(headers={"accept-language": "en"})
    answer = client.post("/accounts/login/", {"login": "zhou.lan", "password": PASSWORD}, **meta)
    return answer.status_code == 302 and client.get("/account/").status_code == 200


TOO_MANY = "Too many failed login attempts. Try again later."


def test_guessing_one_password_is_slowed_down(client: Client, zhou_lan: User) -> None:
    answers = [sign_in(client, password="wrong").content.decode() for _ in range(6)]
    assert [TOO_MANY in answer for answer in answers] == [False] * 5 + [True]
    assert TOO_MANY in sign_in(client).content.decode(), "the right password must wait, too"
    assert client.get("/").status_code == 302
    cache.clear()
    assert gets_in()


def test_guessing_from_one_address_is_slowed_down(client: Client, zhou_lan: User) -> None:
    for number in range(10):
        guess(client, number)
    assert TOO_MANY in sign_in(client).content.decode()
    assert client.get("/").status_code == 302
    cache.clear()
    assert gets_in()


def test_a_guesser_behind_the_proxy_shuts_out_nobody_else(
    client: Client, zhou_lan: User, settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(11):
        # what he writes himself comes first; what the proxy adds comes last
        guess(client, number, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 203.0.113.9")
    assert not gets_in(HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert gets_in(HTTP_X_FORWARDED_FOR="198.51.100.7")


def test_without_a_proxy_a_forged_address_gains_nothing(client: Client, zhou_lan: User) -> None:
    for number in range(11):
        guess(client, number, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}", REMOTE_ADDR="192.0.2.1")
    assert not gets_in(HTTP_X_FORWARDED_FOR="198.51.100.7", REMOTE_ADDR="192.0.2.1")
    assert gets_in(HTTP_X_FORWARDED_FOR="203.0.113.1", REMOTE_ADDR="192.0.2.2")


def test_nobody_signs_up_or_changes_the_mail_address(client: Client, zhou_lan: User) -> None:
    assert "No sign-up" in client.get("/accounts/signup/").content.decode()
    client.post("/accounts/signup/", {"username": "mallory", "password1": PASSWORD, "password2": PASSWORD})
    assert not User.objects.filter(username="mallory").exists()
    client.force_login(zhou_lan)
    assert (
        client.post("/accounts/email/", {"email": "mallory@evil.example", "action_add": ""}).status_code
        == 404
    )


def test_a_deactivated_account_does_not_get_in(client: Client, zhou_lan: User) -> None:
    client.force_login(zhou_lan)
    zhou_lan.is_active = False
    zhou_lan.save()
    assert client.get("/").status_code == 302
    sign_in(client)
    assert client.get("/").status_code == 302


def test_the_password_changes_and_the_record_shows_it(client: Client, zhou_lan: User) -> None:
    sign_in(client)
    new = "another-long-enough-sentence"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    zhou_lan.refresh_from_db()
    assert zhou_lan.check_password(new)
    event = Event.objects.get(action="account.password_changed")
    assert (event.actor_label, event.institution_id) == ("zhou.lan", zhou_lan.institution_id)


def test_a_new_password_ends_the_token(client: Client, zhou_lan: User) -> None:
    headers = {"authorization": f"Token {renew_token(zhou_lan)}"}
    assert Client().get("/api/v1/nodes/", headers=headers).status_code == 200
    sign_in(client)
    new = "another-long-enough-sentence"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert Client().get("/api/v1/nodes/", headers=headers).status_code == 401
    assert Event.objects.filter(action="account.token_withdrawn").count() == 1


def test_a_second_factor_is_set_up_and_then_asked_for(client: Client, zhou_lan: User) -> None:
    sign_in(client)
    asked = client.get("/accounts/2fa/totp/activate/")
    page = client.post(asked["Location"], {"password": PASSWORD}, follow=True)
    assert 'class="qr" src="data:image/svg+xml' in page.content.decode()
    secret = page.context["form"].secret
    code = totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))
    client.post("/accounts/2fa/totp/activate/", {"code": code})
    assert Authenticator.objects.filter(user=zhou_lan, type="totp").exists()
    assert Event.objects.filter(action="account.second_factor_added").exists()
    fresh = Client()
    assert sign_in(fresh)["Location"] == "/accounts/2fa/authenticate/"
    assert fresh.get("/").status_code == 302


def test_a_token_is_shown_once_and_the_earlier_one_ends(client: Client, zhou_lan: User) -> None:
    client.force_login(zhou_lan)
    page = client.post("/account/token/")
    first = page.context["token"]
    assert first in page.content.decode()
    assert first not in str(ApiToken.objects.values_list())
    assert page["Cache-Control"] == "private, no-store"
    assert first not in client.get("/account/").content.decode()
    second = client.post("/account/token/").context["token"]
    answers = [
        Client().get("/api/v1/nodes/", headers={"authorization": f"Token {key}"}).status_code
        for key in (first, second)
    ]
    assert answers == [401, 200]
    client.post("/account/token/withdraw/")
    assert not ApiToken.objects.exists()
    told = list(Event.objects.order_by("id").values_list("action", flat=True))
    assert told == ["account.token_renewed", "account.token_renewed", "account.token_withdrawn"]
    assert first not in str(list(Event.objects.values()))


def test_the_language_is_switched_on_every_page(zhou_lan: User) -> None:
    client = Client(headers={"accept-language": "en"})
    assert "Sign in" in client.get("/accounts/login/").content.decode()
    back = client.post("/language/", {"language": "zh-hans", "next": "/accounts/login/?next=/nodes/"})
    assert back["Location"] == "/accounts/login/?next=/nodes/"
    assert "登录" in client.get("/accounts/login/").content.decode()
    away = client.post("/language/", {"language": "en", "next": "https://evil.example/"})
    assert away["Location"] == "/"


@pytest.mark.parametrize("value", ["", "x" * 5000, '"\\000\\000abcdefgh"', "Ünïcode", "../../etc/passwd"])
def test_cookies_that_are_none_of_ours(value: str, zhou_lan: User) -> None:
    client = Client(raise_request_exception=False)
    client.cookies.load({})
    cookies = "; ".join(f"{name}={value}" for name in ("sessionid", "django_language", "zone", "csrftoken"))
    assert client.get("/", headers={"cookie": cookies}).status_code == 302
    assert client.get("/accounts/login/", headers={"cookie": cookies}).status_code == 200
