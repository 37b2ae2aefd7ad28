"""Both doors, as people find them."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from community.models import User
from community.services import sign_in
from community.services.sign_in import Answer
from tests.factories.community import (
    PASSWORD,
    BindingFactory,
    MembershipFactory,
    StaffUserFactory,
    UserFactory,
)
from tests.races import together

Codes = list[tuple[str, str]]
PHONE = "13812345678"
STRICT = "1/m/key,5/h/key,10/d/key,30/10m/ip"

pytestmark = pytest.mark.django_db


def ask(client: Client, phone: str = PHONE, **data: str) -> object:
    return client.post(reverse("community:request_code"), {"phone": phone, **data})


def signed_in_as(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_a_new_number_signs_in_and_has_a_user_only_then(client: Client, codes: Codes) -> None:
    response = ask(client, "+86 138 1234 5678")
    assert response.headers["Location"] == reverse("community:enter_code")
    [(phone, code)] = codes
    assert phone == PHONE
    assert re.fullmatch(r"\d{6}", code)
    assert not User.objects.exists()

    page = client.get(reverse("community:enter_code")).content.decode()
    assert "138****5678" in page
    assert PHONE not in page
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page

    response = client.post(reverse("community:enter_code"), {"code": f" {code[:3]} {code[3:]} "})
    assert response.headers["Location"] == reverse("community:bind")
    user = User.objects.get()
    assert signed_in_as(client) == str(user.pk)
    assert user.phone == PHONE
    assert user.phone_verified
    assert not user.has_usable_password()


def test_a_known_number_gets_the_same_answer(client: Client, codes: Codes) -> None:
    user = BindingFactory.create(user=UserFactory.create(phone=PHONE)).user
    known, unknown = ask(client), ask(Client(), "13900000009")
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )
    response = client.post(reverse("community:enter_code"), {"code": codes[0][1]})
    assert response.headers["Location"] == "/"
    assert signed_in_as(client) == str(user.pk)
    assert User.objects.count() == 1


def test_the_code_lies_nowhere_readable(
    client: Client, codes: Codes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    ask(client)
    client.post(reverse("community:enter_code"), {"code": "000000"})
    code = codes[0][1]
    kept = [str(session.get_decoded()) for session in Session.objects.all()]
    challenge = client.session["sign_in"]["challenge"]
    kept.append(str(cache.get(f"sign-in:{challenge}:digest")))
    assert not [text for text in [*kept, caplog.text] if code in text]


def test_five_wrong_tries_spend_the_code(client: Client, codes: Codes) -> None:
    ask(client)
    code = codes[0][1]
    wrong = "000000" if code != "000000" else "111111"
    for _try in range(5):
        response = client.post(reverse("community:enter_code"), {"code": wrong})
        assert response.status_code == 422
    response = client.post(reverse("community:enter_code"), {"code": code})
    assert response.status_code == 422
    assert signed_in_as(client) is None


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "१२३४५६"])
def test_what_is_no_code_costs_no_try(client: Client, codes: Codes, typed: str) -> None:
    ask(client)
    for _try in range(6):
        assert client.post(reverse("community:enter_code"), {"code": typed}).status_code == 422
    client.post(reverse("community:enter_code"), {"code": codes[0][1]})
    assert signed_in_as(client) is not None


def test_full_width_digits_are_a_code(client: Client, codes: Codes) -> None:
    ask(client)
    wide = codes[0][1].translate({ord("0") + n: ord("０") + n for n in range(10)})
    client.post(reverse("community:enter_code"), {"code": wide})
    assert signed_in_as(client) is not None


def test_a_code_works_once_and_only_where_it_was_asked_for(client: Client, codes: Codes) -> None:
    ask(client)
    code = codes[0][1]
    stranger = Client()
    ask(stranger, "13900000009")
    assert stranger.post(reverse("community:enter_code"), {"code": code}).status_code == 422
    challenge = client.session["sign_in"]["challenge"]
    assert sign_in.check_code(challenge=challenge, phone=PHONE, code=code) is Answer.RIGHT
    assert sign_in.check_code(challenge=challenge, phone=PHONE, code=code) is Answer.SPENT


def test_a_code_expires(client: Client, codes: Codes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "LIFETIME", sign_in.LIFETIME * 0)
    ask(client)
    assert client.post(reverse("community:enter_code"), {"code": codes[0][1]}).status_code == 422


def test_a_new_code_replaces_the_old_one(client: Client, codes: Codes) -> None:
    ask(client, next="/me/")
    client.post(reverse("community:resend_code"))
    (_, first), (_, second) = codes
    if first != second:
        assert client.post(reverse("community:enter_code"), {"code": first}).status_code == 422
    response = client.post(reverse("community:enter_code"), {"code": second})
    assert response.headers["Location"] == "/me/"


def test_a_number_gets_few_codes(client: Client, codes: Codes, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"sign_in_code": STRICT}
    assert ask(client).status_code == 302
    again = ask(Client())
    assert again.status_code == 429
    assert "138 1234 5678" in ask(Client(), "138 1234 5678").content.decode(), "typed text stays"
    assert client.post(reverse("community:resend_code")).status_code == 302
    assert len(codes) == 1
    assert ask(Client(), "13900000009").status_code == 302, "another number is free to ask"


def test_an_address_gets_no_flood_of_codes(codes: Codes, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"sign_in_code": STRICT}
    answers = [ask(Client(), f"139{n:08d}").status_code for n in range(32)]
    assert answers == [302] * 30 + [429] * 2
    assert not User.objects.exists()


def test_tries_from_one_address_are_limited(
    client: Client, codes: Codes, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"sign_in_try": "1/m/ip"}
    ask(client)
    client.post(reverse("community:enter_code"), {"code": "000000"})
    response = client.post(reverse("community:enter_code"), {"code": codes[0][1]})
    assert response.status_code == 429
    assert signed_in_as(client) is None


def test_a_number_that_is_none_is_explained(client: Client, codes: Codes) -> None:
    response = ask(client, "0571-88880000", next="/me/")
    assert response.status_code == 422
    assert response.context["phone_form"].has_error("phone", "phone")
    assert 'name="next" value="/me/"' in response.content.decode()
    assert codes == []


def test_nobody_is_led_to_another_site(client: Client, codes: Codes) -> None:
    UserFactory.create(phone=PHONE)
    ask(client, next="https://evil.example/")
    response = client.post(reverse("community:enter_code"), {"code": codes[0][1]})
    assert response.headers["Location"].startswith("/")


def test_the_code_page_without_a_code_leads_to_the_door(client: Client) -> None:
    response = client.get(reverse("community:enter_code"))
    assert response.headers["Location"] == reverse("account_login")


def test_who_has_a_password_needs_it_whatever_his_phone_says(client: Client, codes: Codes) -> None:
    staff = StaffUserFactory.create(phone=PHONE)
    ask(client)
    response = client.post(reverse("community:enter_code"), {"code": codes[0][1]})
    assert response.headers["Location"] == reverse("account_login")
    assert signed_in_as(client) is None
    staff.refresh_from_db()
    assert staff.phone_verified, "the number is proved all the same"


def test_a_closed_account_is_told_so(client: Client, codes: Codes) -> None:
    UserFactory.create(phone=PHONE, is_active=False)
    ask(client)
    response = client.post(reverse("community:enter_code"), {"code": codes[0][1]}, follow=True)
    assert response.redirect_chain[-1][0] == reverse("account_inactive")
    assert signed_in_as(client) is None


def test_big_type_chosen_before_signing_in_stays(client: Client, codes: Codes) -> None:
    client.post(reverse("community:elder_mode"), {"on": "1"})
    assert 'class="elder"' in client.get(reverse("account_login")).content.decode()
    ask(client)
    client.post(reverse("community:enter_code"), {"code": codes[0][1]})
    user = User.objects.get()
    assert user.elder_mode
    client.post(reverse("community:elder_mode"), {"on": "0", "next": "/me/"})
    user.refresh_from_db()
    assert not user.elder_mode


def test_the_language_switch_is_remembered(client: Client) -> None:
    response = client.post(reverse("set_language"), {"language": "en", "next": "/accounts/login/"})
    assert response.headers["Location"] == "/accounts/login/"
    page = client.get(reverse("account_login"))
    assert page.headers["Content-Language"] == "en"
    assert '<html lang="en"' in page.content.decode()


def test_staff_sign_in_with_a_password_until_the_browser_closes(client: Client) -> None:
    staff = MembershipFactory.create().user
    credentials = {"login": staff.username, "password": PASSWORD}
    assert client.post(reverse("account_login"), credentials | {"password": "x"}).status_code == 422
    response = client.post(reverse("account_login"), credentials | {"next": "/me/"})
    assert response.headers["Location"] == "/me/"
    assert client.session.get_expire_at_browser_close()


def test_a_password_cannot_be_guessed_at_length(client: Client) -> None:
    staff = StaffUserFactory.create()
    for _try in range(5):
        client.post(reverse("account_login"), {"login": staff.username, "password": "wrong"})
    response = client.post(
        reverse("account_login"), {"login": staff.username, "password": PASSWORD}
    )
    assert response.status_code == 422
    assert signed_in_as(client) is None


def test_after_signing_out_the_back_button_finds_nothing(client: Client) -> None:
    client.force_login(UserFactory.create())
    page = client.get("/")
    assert page.headers["Cache-Control"] == "private, no-store"
    assert client.get(reverse("account_logout")).status_code == 405
    assert client.post(reverse("account_logout")).status_code == 302
    assert signed_in_as(client) is None


@pytest.mark.parametrize("url_name", ["account_login", "community:enter_code"])
def test_who_is_signed_in_is_not_asked_again(client: Client, url_name: str) -> None:
    client.force_login(UserFactory.create())
    assert client.get(reverse(url_name)).headers["Location"] == "/"


@pytest.mark.parametrize(
    "path",
    ["signup/", "email/", "password/reset/", "login/code/", "confirm-email/", "phone/change/"],
)
def test_pages_of_the_library_that_we_do_not_have(client: Client, path: str) -> None:
    client.force_login(StaffUserFactory.create())
    assert client.get(f"/accounts/{path}").status_code == 404


@pytest.mark.parametrize("name", ["account_login", "account_inactive"])
def test_no_inline_script_or_style(client: Client, name: str) -> None:
    page = client.get(reverse(name)).content.decode()
    assert not re.search(r"<style|style=|<script(?! src)| on\w+=", page)


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_at_once_make_one_user() -> None:
    def make() -> int:
        return sign_in.user_of_phone(phone=PHONE).pk

    assert len(set(together(*[make] * 4))) == 1


def test_guesses_side_by_side_are_counted() -> None:
    challenge = sign_in.send_code(phone=PHONE)

    def guess() -> Answer:
        return sign_in.check_code(challenge=challenge, phone=PHONE, code="x")

    answers = together(*[guess] * 12)
    assert answers.count(Answer.WRONG) == sign_in.TRIES - 1
