"""The second step for staff: an authenticator app, recovery codes, and no way around them."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from django.test import Client
from django.urls import reverse

from community.models import User
from tests.factories.community import PASSWORD, StaffUserFactory, UserFactory

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    """What the app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def sign_in(client: Client, user: User) -> str:
    response = client.post(reverse("account_login"), {"login": user.username, "password": PASSWORD})
    return str(response.headers["Location"])


def open_confirmed(client: Client, name: str, **proof: str) -> Any:
    """A page that asks for a proof first, even soon after the sign-in."""
    page = client.get(reverse(name), follow=True)
    if page.redirect_chain:
        confirm, _status = page.redirect_chain[-1]
        page = client.post(confirm, proof, follow=True)
    return page


@pytest.fixture
def staff() -> User:
    user: User = StaffUserFactory.create()
    return user


@pytest.fixture
def secret(client: Client, staff: User) -> str:
    """Set up through the pages."""
    sign_in(client, staff)
    page = open_confirmed(client, "mfa_activate_totp", password=PASSWORD)
    secret = str(page.context["form"].secret)
    assert "data:image/svg+xml" in page.content.decode()
    response = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
    assert response.headers["Location"] == reverse("mfa_view_recovery_codes")
    client.post(reverse("account_logout"))
    return secret


def test_the_secret_lies_encrypted(secret: str) -> None:
    kept = [str(row.data) for row in Authenticator.objects.all()]
    assert kept
    assert not [text for text in kept if secret in text]


def test_a_password_alone_opens_nothing(client: Client, staff: User, secret: str) -> None:
    assert sign_in(client, staff) == reverse("mfa_authenticate")
    assert client.get(reverse("community:me")).status_code == 302
    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert client.get(reverse("community:me")).status_code == 302
    # A page of the sign-in itself leads back to the step that is missing.
    assert client.get(reverse("account_login")).headers["Location"] == reverse("mfa_authenticate")
    client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert client.get(reverse("community:me")).status_code == 200


def test_the_phone_door_is_no_way_around(
    client: Client, staff: User, secret: str, codes: list[tuple[str, str]]
) -> None:
    staff.phone, staff.phone_verified = "13812345678", True
    staff.save()
    client.post(reverse("community:request_code"), {"phone": staff.phone})
    client.post(reverse("community:enter_code"), {"code": codes[0][1]})
    assert client.get(reverse("community:me")).status_code == 302


def test_the_admin_has_no_door_of_its_own(client: Client, staff: User) -> None:
    staff.is_staff = staff.is_superuser = True
    staff.save()
    page = client.get(reverse("admin:login"))
    assert page.headers["Location"].startswith(reverse("account_login"))
    response = client.post(
        reverse("admin:login"), {"username": staff.username, "password": PASSWORD}
    )
    assert response.status_code == 302
    assert "_auth_user_id" not in client.session


def test_recovery_codes(client: Client, staff: User, secret: str) -> None:
    sign_in(client, staff)
    client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert client.get(reverse("mfa_index")).status_code == 200
    page = open_confirmed(client, "mfa_view_recovery_codes", password=PASSWORD)
    [first, *_others] = page.context["unused_codes"]
    assert first in client.get(reverse("mfa_download_recovery_codes")).content.decode()
    client.post(reverse("account_logout"))
    sign_in(client, staff)
    client.post(reverse("mfa_authenticate"), {"code": first})
    assert client.get(reverse("community:me")).status_code == 200


def test_turning_it_off_asks_who_it_is(client: Client, staff: User) -> None:
    TOTP.activate(staff, generate_totp_secret())
    client.force_login(staff)
    response = client.post(reverse("mfa_deactivate_totp"))
    assert response.headers["Location"].startswith(reverse("account_reauthenticate"))
    page = client.get(response.headers["Location"])
    assert page.status_code == 200
    assert Authenticator.objects.exists()


def test_the_password_is_changed_by_who_knows_it(client: Client, staff: User) -> None:
    client.force_login(staff)
    new = {"password1": "much-longer-words-9", "password2": "much-longer-words-9"}
    address = reverse("account_change_password")
    client.post(address, {"oldpassword": "wrong"} | new)
    staff.refresh_from_db()
    assert staff.check_password(PASSWORD)
    client.post(address, {"oldpassword": PASSWORD} | new)
    staff.refresh_from_db()
    assert staff.check_password("much-longer-words-9")


@pytest.mark.parametrize(
    "name",
    [
        "mfa_index",
        "mfa_activate_totp",
        "mfa_generate_recovery_codes",
        "account_reauthenticate",
        "account_change_password",
    ],
)
def test_residents_have_no_such_pages(client: Client, name: str) -> None:
    client.force_login(UserFactory.create())
    assert client.get(reverse(name)).status_code == 404
