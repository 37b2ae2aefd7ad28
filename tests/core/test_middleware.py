from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.middleware import page_above
from payments.views import callbacks

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/?q=%00", "/c/%00/desk/", "/c/a%00b/desk/?page=2"])
def test_a_nul_in_the_address_is_refused(client: Client, address: str) -> None:
    assert client.get(address).status_code == 400


def test_a_person_at_the_address_of_a_form_is_told_and_led_back(client: Client) -> None:
    answer = client.get(reverse("set_language"), headers={"accept": HTML})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "<h1>" in answer.content.decode()
    assert 'data-back href="/"' in answer.content.decode()
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
def test_what_asks_for_no_page_gets_none(client: Client, accept: str) -> None:
    answer = client.get(reverse("set_language"), headers={"accept": accept})
    assert (answer.status_code, answer.content) == (405, b"")


def test_a_callback_stays_bare_whoever_asks(client: Client) -> None:
    answer = client.get(reverse("payments:callback", args=["wechatpay"]), headers={"accept": HTML})
    assert (answer.status_code, answer.content) == (405, b"")


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/c/c1/manager/runs/5/issue/", "/c/c1/manager/runs/5/"),
        ("/c/c1/desk/nothing/of/ours/", "/c/c1/desk/"),
        ("/nothing/", "/"),
        ("/", "/"),
    ],
)
def test_the_page_above(path: str, above: str) -> None:
    assert page_above(path) == above


def test_a_callback_passes_what_only_browsers_need(client: Client) -> None:
    """Other machines come in crowds: no session, no policies; and an unknown address has a page."""
    answer = client.get(reverse("payments:callback", args=["wechatpay"]))
    assert answer.status_code == 405
    assert "Content-Security-Policy" not in answer.headers
    unknown = client.get("/callbacks/nobody/knows/this/")
    assert unknown.status_code == 404
    assert "Content-Security-Policy" in unknown.headers


def test_only_public_views_are_answered_so(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(callbacks.callback, "login_required", True)
    answer = client.post(reverse("payments:callback", args=["wechatpay"]), b"x", "text/plain")
    assert answer.status_code == 302
